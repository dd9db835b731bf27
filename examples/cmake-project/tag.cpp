// Reads paths of PNG pictures from standard input, a line each, and prints every path with its label.
#include "outfit.h"
#include <algorithm>
#include <iostream>
#include <memory>
#include <png.h>
#include <string>
#include <vector>

// RGBA pixels; empty if the file is no picture. Sets the size.
static std::vector<unsigned char> readPicture(const std::string &path, int &height, int &width) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&png, path.c_str()))
    return {};
  png.format = PNG_FORMAT_RGBA;
  height = int(png.height);
  width = int(png.width);
  std::vector<unsigned char> pixels(PNG_IMAGE_SIZE(png));
  if (!png_image_finish_read(&png, nullptr, pixels.data(), 0, nullptr))
    return {};
  return pixels;
}

int main() {
  outfit_model *created = nullptr;
  vitc_options options{};
  options.struct_size = sizeof options;
  options.threads = 1; // a small model gains nothing from more
  if (outfit_create(&created, &options) != VITC_OK) {
    std::cerr << outfit_last_message() << '\n';
    return 1;
  }
  std::unique_ptr<outfit_model, decltype(&outfit_destroy)> model(created, outfit_destroy);

  int unread = 0;
  for (std::string path; std::getline(std::cin, path);) {
    int height = 0, width = 0;
    std::vector<unsigned char> pixels = readPicture(path, height, width);
    float logits[OUTFIT_CLASSES];
    if (pixels.empty()) {
      std::cerr << path << ": not a PNG picture\n";
      ++unread;
    } else if (outfit_run_u8(model.get(), pixels.data(), height, width, 4, 4 * width, 1, logits) != VITC_OK) {
      std::cerr << path << ": " << outfit_last_message() << '\n';
      ++unread;
    } else {
      std::cout << path << '\t' << outfit_labels[std::max_element(logits, logits + OUTFIT_CLASSES) - logits]
                << '\n';
    }
  }
  return unread == 0 ? 0 : 1;
}
