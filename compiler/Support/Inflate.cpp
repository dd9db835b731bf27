#include "compiler/Support/Inflate.h"
#include <algorithm>
#include <climits>
#include <zlib.h>

using namespace vitc;

llvm::Error vitc::inflateInto(llvm::ArrayRef<uint8_t> in, llvm::MutableArrayRef<uint8_t> out,
                              DeflateWrapper wrapper, llvm::StringRef what) {
  z_stream stream{};
  if (inflateInit2(&stream, wrapper == DeflateWrapper::None ? -MAX_WBITS : MAX_WBITS) != Z_OK)
    return makeError(ExitCode::Environment, "{}: no memory to inflate it", what.str());
  size_t read = 0, written = 0;
  uint8_t none; // zlib wants an address even where nothing fits
  int status = Z_OK;
  while (status == Z_OK) { // in pieces: zlib counts in 32 bits
    stream.next_in = const_cast<uint8_t *>(in.data()) + read;
    stream.avail_in = static_cast<uInt>(std::min<size_t>(in.size() - read, INT_MAX));
    stream.next_out = written < out.size() ? out.data() + written : &none;
    stream.avail_out = static_cast<uInt>(std::min<size_t>(out.size() - written, INT_MAX));
    uInt offered = stream.avail_in, room = stream.avail_out;
    status = ::inflate(&stream, Z_NO_FLUSH);
    read += offered - stream.avail_in;
    written += room - stream.avail_out;
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || read != in.size() || written != out.size())
    return inputError("{}: expected {} bytes of deflated data that give {} bytes, got {} that give {}{}; the "
                      "file is damaged",
                      what.str(), in.size(), out.size(), read, written,
                      status == Z_STREAM_END ? "" : " without an end");
  return llvm::Error::success();
}

llvm::Expected<std::vector<uint8_t>> vitc::inflateWithin(llvm::ArrayRef<uint8_t> in, size_t limit,
                                                         DeflateWrapper wrapper, llvm::StringRef what) {
  if (in.size() > INT_MAX || limit > INT_MAX)
    return inputError("{}: expected at most {} bytes of deflated data, got {}", what.str(), INT_MAX,
                      in.size());
  z_stream stream{};
  if (inflateInit2(&stream, wrapper == DeflateWrapper::None ? -MAX_WBITS : MAX_WBITS) != Z_OK)
    return makeError(ExitCode::Environment, "{}: no memory to inflate it", what.str());
  stream.next_in = const_cast<uint8_t *>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  std::vector<uint8_t> out;
  int status = Z_OK;
  while (status == Z_OK && out.size() < limit) { // grows with what comes out, not with what a file claims
    size_t written = out.size();
    out.resize(std::min(limit, std::max<size_t>(2 * written, 1 << 16)));
    stream.next_out = out.data() + written;
    stream.avail_out = static_cast<uInt>(out.size() - written);
    status = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || stream.avail_in != 0)
    return inputError("{}: expected deflated data of at most {} bytes, got {}", what.str(), limit,
                      status == Z_OK ? "more" : "damaged data");
  return out;
}

uint32_t vitc::crc32Of(llvm::ArrayRef<uint8_t> bytes) {
  uLong crc = crc32(0, nullptr, 0);
  while (!bytes.empty()) {
    size_t piece = std::min<size_t>(bytes.size(), INT_MAX);
    crc = crc32(crc, bytes.data(), static_cast<uInt>(piece));
    bytes = bytes.drop_front(piece);
  }
  return static_cast<uint32_t>(crc);
}
