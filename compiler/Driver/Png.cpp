//===- Png.cpp - PNG through libpng -------------------------------------------------------------------===//
//
// libpng reports errors by longjmp. No object with a destructor lives in a frame that a jump leaves: the
// functions between setjmp and libpng hold plain pointers only.
//
//===----------------------------------------------------------------------------------------------===//
#include "compiler/Driver/Picture.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/Support/Endian.h"
#include <cstdio>
#include <cstring>
#include <png.h>

using namespace vitc;

namespace {

/// What libpng's callbacks share.
struct PngState {
  const uint8_t *data = nullptr;
  size_t left = 0;
  std::string *written = nullptr;
  char message[200] = "";
};

void onError(png_structp png, png_const_charp message) {
  auto *state = static_cast<PngState *>(png_get_error_ptr(png));
  std::snprintf(state->message, sizeof state->message, "%s", message);
  png_longjmp(png, 1);
}

/// Warnings are about ancillary chunks, which do not change pixels here.
void onWarning(png_structp, png_const_charp) {}

void readBytes(png_structp png, png_bytep out, size_t count) {
  auto *state = static_cast<PngState *>(png_get_io_ptr(png));
  if (count > state->left)
    png_error(png, "the file is truncated");
  std::memcpy(out, state->data, count);
  state->data += count;
  state->left -= count;
}

void writeBytes(png_structp png, png_bytep data, size_t count) {
  static_cast<PngState *>(png_get_io_ptr(png))->written->append(reinterpret_cast<char *>(data), count);
}
void flushBytes(png_structp) {}

/// Reads the header and sets up the conversion to 8 bits, grey or RGB. False after an error.
bool readHeader(png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png)))
    return false;
  png_read_info(png, info);
  return true;
}

bool startPixels(png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png)))
    return false;
  int color = png_get_color_type(png, info);
  if (color == PNG_COLOR_TYPE_PALETTE)
    png_set_palette_to_rgb(png);
  if (color == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8)
    png_set_expand_gray_1_2_4_to_8(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  return true;
}

bool readPixels(png_structp png, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)))
    return false;
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

bool writePicture(png_structp png, png_infop info, int32_t height, int32_t width, int32_t channels,
                  png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)))
    return false;
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8,
               channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  png_write_image(png, rows);
  png_write_end(png, nullptr);
  return true;
}

struct Reader {
  PngState state;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};
struct Writer {
  PngState state;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

/// Addresses of the rows, for libpng.
std::vector<png_bytep> rowsOf(const Picture &picture) {
  std::vector<png_bytep> rows;
  for (int32_t y = 0; y < picture.height; ++y)
    rows.push_back(const_cast<uint8_t *>(picture.pixels.data()) +
                   size_t(y) * picture.width * picture.channels);
  return rows;
}

} // namespace

llvm::Expected<Picture> vitc::detail::decodePng(llvm::ArrayRef<uint8_t> file, llvm::StringRef path,
                                                int64_t maxSide) {
  Reader reader;
  reader.state.data = file.data();
  reader.state.left = file.size();
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader.state, onError, onWarning);
  reader.info = reader.png ? png_create_info_struct(reader.png) : nullptr;
  if (!reader.info)
    return makeError(ExitCode::Environment, "{}: no memory to decode the picture", path.str());
  auto damaged = [&] {
    return inputError("{}: expected a valid PNG: {}", path.str(), quoteForMessage(reader.state.message));
  };
  png_set_read_fn(reader.png, &reader.state, readBytes);
  // The sides are ours to judge; what a chunk may expand to is bounded here.
  png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);
  png_set_chunk_malloc_max(reader.png, 8 << 20);
  png_set_chunk_cache_max(reader.png, 100);
  // The sides stand at a fixed place; libpng would first read all chunks before the pixels.
  if (!llvm::StringRef(reinterpret_cast<const char *>(file.data()), file.size())
           .substr(12)
           .starts_with("IHDR") ||
      file.size() < 24)
    return inputError("{}: expected a valid PNG: no header chunk after the signature", path.str());
  int64_t width = llvm::support::endian::read32be(&file[16]),
          height = llvm::support::endian::read32be(&file[20]);
  if (llvm::Error error = checkSides(path, height, width, maxSide))
    return error;
  if (!readHeader(reader.png, reader.info))
    return damaged();
  if (!startPixels(reader.png, reader.info))
    return damaged();
  Picture picture;
  picture.height = static_cast<int32_t>(height);
  picture.width = static_cast<int32_t>(width);
  picture.channels = png_get_channels(reader.png, reader.info);
  size_t rowBytes = size_t(width) * picture.channels;
  if ((picture.channels != 1 && picture.channels != 3) ||
      png_get_rowbytes(reader.png, reader.info) != rowBytes)
    return makeError(ExitCode::Internal, "{}: expected grey or RGB of 8 bits from libpng, got {} channels",
                     path.str(), picture.channels);
  picture.pixels.resize(rowBytes * height);
  std::vector<png_bytep> rows = rowsOf(picture);
  if (!readPixels(reader.png, rows.data()))
    return damaged();
  return picture;
}

llvm::Expected<std::string> vitc::encodePng(const Picture &picture) {
  std::string result;
  Writer writer;
  writer.state.written = &result;
  writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer.state, onError, onWarning);
  writer.info = writer.png ? png_create_info_struct(writer.png) : nullptr;
  if (!writer.info)
    return makeError(ExitCode::Environment, "no memory to encode a picture");
  png_set_write_fn(writer.png, &writer.state, writeBytes, flushBytes);
  std::vector<png_bytep> rows = rowsOf(picture);
  if (!writePicture(writer.png, writer.info, picture.height, picture.width, picture.channels, rows.data()))
    return makeError(ExitCode::Internal, "could not encode a picture of {} x {}: {}", picture.width,
                     picture.height, writer.state.message);
  return result;
}
