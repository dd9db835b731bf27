//===- Jpeg.cpp - JPEG through libjpeg-turbo ----------------------------------------------------------===//
//
// libjpeg leaves by longjmp on errors, so the functions between setjmp and libjpeg hold plain values only.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Driver/Picture.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

#include <jerror.h>

using namespace vitc;

namespace {

/// A progressive file may hold any number of scans, each of which passes over the whole picture. Encoders
/// write about ten.
constexpr int kMaxScans = 100;

struct JpegState {
  jpeg_error_mgr errors; // first: libjpeg's pointer to it is one to this struct
  jpeg_progress_mgr progress;
  jpeg_decompress_struct jpeg;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void onError(j_common_ptr jpeg) {
  auto *state = reinterpret_cast<JpegState *>(jpeg->err);
  jpeg->err->format_message(jpeg, state->message);
  std::longjmp(state->jump, 1);
}

/// Level -1 is a warning: data were damaged, and libjpeg made pixels up. A few are harmless.
void onMessage(j_common_ptr jpeg, int level) {
  int code = jpeg->err->msg_code;
  if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM)
    onError(jpeg);
}

void onProgress(j_common_ptr jpeg) {
  auto *state = reinterpret_cast<JpegState *>(jpeg->err);
  if (jpeg->is_decompressor && reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number > kMaxScans) {
    std::snprintf(state->message, sizeof state->message, "more than %d scans", kMaxScans);
    std::longjmp(state->jump, 1);
  }
}

bool readHeader(JpegState &state, const uint8_t *data, size_t size) {
  if (setjmp(state.jump))
    return false;
  jpeg_create_decompress(&state.jpeg);
  state.jpeg.progress = &state.progress;
  jpeg_mem_src(&state.jpeg, data, size);
  jpeg_read_header(&state.jpeg, TRUE);
  return true;
}

bool readPixels(JpegState &state, uint8_t *pixels, size_t rowBytes) {
  if (setjmp(state.jump))
    return false;
  jpeg_start_decompress(&state.jpeg);
  while (state.jpeg.output_scanline < state.jpeg.output_height) {
    JSAMPROW row = pixels + state.jpeg.output_scanline * rowBytes;
    jpeg_read_scanlines(&state.jpeg, &row, 1);
  }
  jpeg_finish_decompress(&state.jpeg);
  return true;
}

} // namespace

llvm::Expected<Picture> vitc::detail::decodeJpeg(llvm::ArrayRef<uint8_t> file, llvm::StringRef path,
                                                 int64_t maxSide) {
  struct Owner {
    JpegState state{};
    ~Owner() { jpeg_destroy_decompress(&state.jpeg); }
  } owner;
  JpegState &state = owner.state;
  state.jpeg.err = jpeg_std_error(&state.errors);
  state.errors.error_exit = onError;
  state.errors.emit_message = onMessage;
  state.progress.progress_monitor = onProgress;
  auto damaged = [&] {
    return inputError("{}: expected a valid JPEG: {}", path.str(), quoteForMessage(state.message));
  };

  if (!readHeader(state, file.data(), file.size()))
    return damaged();
  if (llvm::Error error = checkSides(path, state.jpeg.image_height, state.jpeg.image_width, maxSide))
    return error;
  switch (state.jpeg.jpeg_color_space) {
  case JCS_GRAYSCALE:
    state.jpeg.out_color_space = JCS_GRAYSCALE;
    break;
  case JCS_RGB:
  case JCS_YCbCr:
    state.jpeg.out_color_space = JCS_RGB;
    break;
  case JCS_CMYK:
  case JCS_YCCK:
    return inputError(
        "{}: expected a grey or RGB picture, got CMYK, which needs a colour profile to convert; save it as "
        "RGB",
        path.str());
  default:
    return inputError("{}: expected a grey or RGB picture, got {} channels of an unknown colour space",
                      path.str(), state.jpeg.num_components);
  }
  Picture picture;
  picture.height = static_cast<int32_t>(state.jpeg.image_height);
  picture.width = static_cast<int32_t>(state.jpeg.image_width);
  picture.channels = state.jpeg.out_color_space == JCS_GRAYSCALE ? 1 : 3;
  size_t rowBytes = size_t(picture.width) * picture.channels;
  picture.pixels.resize(rowBytes * picture.height);
  if (!readPixels(state, picture.pixels.data(), rowBytes))
    return damaged();
  return picture;
}
