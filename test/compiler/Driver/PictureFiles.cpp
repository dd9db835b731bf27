#include "test/compiler/Driver/PictureFiles.h"
#include <cstdio>
#include <cstdlib>
#include <jpeglib.h>
#include <png.h>

std::string vitc::test::makePng(const PngSpec &spec) {
  std::string file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &file,
      [](png_structp png, png_bytep data, size_t count) {
        static_cast<std::string *>(png_get_io_ptr(png))->append(reinterpret_cast<char *>(data), count);
      },
      nullptr);
  png_set_IHDR(png, info, spec.width, spec.height, spec.depth, spec.colorType,
               spec.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  std::vector<png_color> palette;
  for (size_t i = 0; i + 2 < spec.palette.size(); i += 3)
    palette.push_back({spec.palette[i], spec.palette[i + 1], spec.palette[i + 2]});
  if (!palette.empty())
    png_set_PLTE(png, info, palette.data(), static_cast<int>(palette.size()));
  if (!spec.alpha.empty())
    png_set_tRNS(png, info, spec.alpha.data(), static_cast<int>(spec.alpha.size()), nullptr);
  png_write_info(png, info);
  size_t rowBytes = spec.rows.size() / spec.height;
  std::vector<png_bytep> rows;
  for (uint32_t y = 0; y < spec.height; ++y)
    rows.push_back(const_cast<uint8_t *>(spec.rows.data()) + y * rowBytes);
  png_write_image(png, rows.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

static void put32(std::string &file, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    file += static_cast<char>(value >> shift & 0xff);
}

std::string vitc::test::pngHeader(uint32_t width, uint32_t height) {
  std::string chunk = "IHDR";
  put32(chunk, width);
  put32(chunk, height);
  chunk += std::string("\x08\0\0\0\0", 5);
  uint32_t crc = 0xffffffff;
  for (unsigned char byte : chunk) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  std::string file = "\x89PNG\r\n\x1a\n";
  put32(file, 13);
  file += chunk;
  put32(file, ~crc);
  return file;
}

std::string vitc::test::makeJpeg(int width, int height, int components, bool progressive) {
  jpeg_compress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char *data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &data, &size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = components;
  jpeg.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  if (progressive)
    jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  std::vector<uint8_t> row(static_cast<size_t>(width) * components);
  while (jpeg.next_scanline < jpeg.image_height) {
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < components; ++c)
        row[x * components + c] = static_cast<uint8_t>(x * 3 + jpeg.next_scanline * 2 + c * 40);
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&jpeg, &pointer, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string file(reinterpret_cast<char *>(data), size);
  std::free(data);
  return file;
}
