#include "compiler/Support/Zip.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Inflate.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include <algorithm>
#include <optional>

using namespace vitc;
using namespace llvm::support::endian;

namespace {

constexpr uint64_t maxEntries = 1u << 17;
constexpr uint64_t maxExpansion = 16, expansionAllowance = 16u << 20;

/// Record sizes without their variable parts.
constexpr uint64_t endBytes = 22, end64Bytes = 56, locator64Bytes = 20, centralBytes = 46, localBytes = 30;
constexpr uint32_t escape32 = 0xffffffff; ///< the value is in the zip64 field
constexpr uint16_t escape16 = 0xffff;

class DirectoryReader {
public:
  DirectoryReader(const ByteSource &file) : bytes(file.bytes()), text(file.text()), path(file.path()) {}
  llvm::Expected<std::vector<ZipEntry>> run();

private:
  template <typename... Args>
  llvm::Error damaged(uint64_t at, fmt::format_string<Args...> format, Args &&...args) const {
    return inputError("{}: the zip archive is damaged at byte {}: {}", path, at,
                      fmt::format(format, std::forward<Args>(args)...));
  }
  bool has(uint64_t at, uint64_t size) const { return at <= bytes.size() && size <= bytes.size() - at; }
  bool is(uint64_t at, llvm::StringRef signature) const { return text.substr(at).starts_with(signature); }
  uint16_t u16(uint64_t at) const { return read16le(&bytes[at]); }
  uint32_t u32(uint64_t at) const { return read32le(&bytes[at]); }
  uint64_t u64(uint64_t at) const { return read64le(&bytes[at]); }

  llvm::Error findEnd();
  llvm::Error readEnd64();
  llvm::Error readCentral(uint64_t &at, ZipEntry &entry);
  llvm::Error readZip64(llvm::ArrayRef<uint8_t> extra, uint64_t at, ZipEntry &entry);
  llvm::Error readLocal(ZipEntry &entry);
  llvm::Error checkName(llvm::StringRef name, uint64_t at) const;

  llvm::ArrayRef<uint8_t> bytes;
  llvm::StringRef text;
  const std::string &path;
  uint64_t end = 0, count = 0, directory = 0, directorySize = 0;
};

llvm::Error DirectoryReader::findEnd() {
  uint64_t last = bytes.size() < endBytes ? 0 : bytes.size() - endBytes;
  uint64_t first = last > 0xffff ? last - 0xffff : 0;
  for (uint64_t at = last + 1; at-- > first;)
    // Only a record whose comment ends with the file, so that bytes inside of data are not taken for one.
    if (has(at, endBytes) && is(at, "PK\x05\x06") && at + endBytes + u16(at + 20) == bytes.size()) {
      end = at;
      if (u16(at + 4) != u16(at + 6) || u16(at + 8) != u16(at + 10))
        return damaged(at, "expected one volume, got a part of several");
      count = u16(at + 10);
      directorySize = u32(at + 12);
      directory = u32(at + 16);
      if (count == escape16 || directorySize == escape32 || directory == escape32)
        return readEnd64();
      return llvm::Error::success();
    }
  return inputError(
      "{}: expected a zip archive that ends with its directory, got none; the file is truncated", path);
}

llvm::Error DirectoryReader::readEnd64() {
  if (end < locator64Bytes || !is(end - locator64Bytes, llvm::StringRef("PK\x06\x07", 4)))
    return llvm::Error::success(); // 65535 entries, just so
  uint64_t at = u64(end - locator64Bytes + 8);
  if (!has(at, end64Bytes) || !is(at, llvm::StringRef("PK\x06\x06", 4)))
    return damaged(end - locator64Bytes, "expected the end record of zip64 at byte {}, got none", at);
  count = u64(at + 32);
  directorySize = u64(at + 40);
  directory = u64(at + 48);
  return llvm::Error::success();
}

llvm::Error DirectoryReader::checkName(llvm::StringRef name, uint64_t at) const {
  llvm::SmallVector<llvm::StringRef> parts;
  name.split(parts, '/');
  if (name.empty() || name.size() > 4096 || name.starts_with("/") ||
      name.find_first_of(llvm::StringRef("\\\0", 2)) != llvm::StringRef::npos ||
      llvm::is_contained(parts, "..") || (name.size() > 1 && name[1] == ':'))
    return damaged(at, "expected entries with relative names inside the archive, got '{}'",
                   quoteForMessage(name));
  return llvm::Error::success();
}

llvm::Error DirectoryReader::readZip64(llvm::ArrayRef<uint8_t> extra, uint64_t at, ZipEntry &entry) {
  while (extra.size() >= 4) {
    uint64_t id = read16le(&extra[0]), size = read16le(&extra[2]);
    extra = extra.drop_front(4);
    if (size > extra.size())
      return damaged(at, "expected {} bytes of an extra field, got {}", size, extra.size());
    if (id == 1) {
      llvm::ArrayRef<uint8_t> values = extra.take_front(size);
      for (uint64_t *field : {&entry.size, &entry.packed, &entry.offset}) {
        if (*field != escape32)
          continue;
        if (values.size() < 8)
          return damaged(at, "expected the sizes of a zip64 entry, got too few bytes");
        *field = read64le(values.data());
        values = values.drop_front(8);
      }
      return llvm::Error::success();
    }
    extra = extra.drop_front(size);
  }
  return llvm::Error::success();
}

llvm::Error DirectoryReader::readCentral(uint64_t &at, ZipEntry &entry) {
  if (!has(at, centralBytes) || !is(at, "PK\x01\x02"))
    return damaged(at, "expected an entry of the directory, got none");
  uint16_t flags = u16(at + 8), method = u16(at + 10);
  uint64_t nameSize = u16(at + 28), extraSize = u16(at + 30), commentSize = u16(at + 32);
  entry.crc = u32(at + 16);
  entry.packed = u32(at + 20);
  entry.size = u32(at + 24);
  entry.offset = u32(at + 42);
  uint64_t variable = at + centralBytes;
  if (!has(variable, nameSize + extraSize + commentSize))
    return damaged(at, "expected an entry of {} bytes, got the end of the file",
                   centralBytes + nameSize + extraSize + commentSize);
  entry.name = text.substr(variable, nameSize).str();
  if (llvm::Error error = checkName(entry.name, at))
    return error;
  if (llvm::Error error = readZip64(bytes.slice(variable + nameSize, extraSize), at, entry))
    return error;
  std::string label = quoteForMessage(entry.name);
  if (flags & 1)
    return inputError("{}: entry '{}': expected data in the clear, got an encrypted entry", path, label);
  if (method != 0 && method != 8)
    return inputError("{}: entry '{}': expected the methods stored or deflate, got method {}", path, label,
                      method);
  entry.deflated = method == 8;
  if (!entry.deflated && entry.size != entry.packed)
    return damaged(at, "entry '{}': expected a stored entry to have one size, got {} and {}", label,
                   entry.size, entry.packed);
  at = variable + nameSize + extraSize + commentSize;
  return llvm::Error::success();
}

/// Moves `entry.offset` from the local header to the data behind it.
llvm::Error DirectoryReader::readLocal(ZipEntry &entry) {
  uint64_t at = entry.offset;
  std::string label = quoteForMessage(entry.name);
  if (!has(at, localBytes) || !is(at, "PK\x03\x04"))
    return damaged(at, "entry '{}': expected its local header there, got none", label);
  uint64_t nameSize = u16(at + 26), extraSize = u16(at + 28);
  if (!has(at + localBytes, nameSize + extraSize) ||
      text.substr(at + localBytes, nameSize) != llvm::StringRef(entry.name))
    return damaged(at, "expected the name '{}' in the local header, got another", label);
  entry.offset = at + localBytes + nameSize + extraSize;
  if (entry.packed > directory || entry.offset > directory - entry.packed)
    return damaged(at, "entry '{}': expected {} bytes of data before the directory, got {}", label,
                   entry.packed, directory > entry.offset ? directory - entry.offset : 0);
  return llvm::Error::success();
}

llvm::Expected<std::vector<ZipEntry>> DirectoryReader::run() {
  if (llvm::Error error = findEnd())
    return std::move(error);
  if (count > maxEntries)
    return inputError("{}: expected at most {} entries in the zip archive, got {}", path, maxEntries, count);
  if (!has(directory, directorySize) || directory + directorySize > end)
    return damaged(end, "expected a directory of {} bytes at byte {}, before its end record", directorySize,
                   directory);
  std::vector<ZipEntry> entries;
  uint64_t at = directory;
  struct Range {
    uint64_t begin, end;
    size_t index;
  };
  std::vector<Range> ranges;
  for (uint64_t i = 0; i < count; ++i) {
    ZipEntry entry;
    if (llvm::Error error = readCentral(at, entry))
      return std::move(error);
    uint64_t header = entry.offset;
    if (llvm::Error error = readLocal(entry))
      return std::move(error);
    ranges.push_back({header, entry.offset + entry.packed, entries.size()});
    entries.push_back(std::move(entry));
  }
  if (at != directory + directorySize)
    return damaged(at, "expected a directory of {} bytes, got {}", directorySize, at - directory);
  llvm::sort(ranges, [](const Range &a, const Range &b) {
    return std::tie(a.begin, a.index) < std::tie(b.begin, b.index);
  });
  for (size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].begin < ranges[i - 1].end)
      return damaged(ranges[i].begin, "entries '{}' and '{}' overlap",
                     quoteForMessage(entries[ranges[i - 1].index].name),
                     quoteForMessage(entries[ranges[i].index].name));
  llvm::sort(entries, [](const ZipEntry &a, const ZipEntry &b) { return a.name < b.name; });
  for (size_t i = 1; i < entries.size(); ++i)
    if (entries[i].name == entries[i - 1].name)
      return inputError("{}: expected one entry '{}' in the zip archive, got two", path,
                        quoteForMessage(entries[i].name));
  return entries;
}

} // namespace

bool ZipArchive::recognise(llvm::StringRef contents) {
  return contents.starts_with("PK\x03\x04") || contents.starts_with("PK\x05\x06");
}

llvm::Expected<ZipArchive> ZipArchive::open(std::shared_ptr<const ByteSource> file) {
  llvm::Expected<std::vector<ZipEntry>> entries = DirectoryReader(*file).run();
  if (!entries)
    return entries.takeError();
  ZipArchive archive;
  archive.file = std::move(file);
  archive.list = std::move(*entries);
  return archive;
}

const ZipEntry *ZipArchive::find(llvm::StringRef name) const {
  auto it = llvm::lower_bound(
      list, name, [](const ZipEntry &entry, llvm::StringRef wanted) { return entry.name < wanted; });
  return it != list.end() && it->name == name ? &*it : nullptr;
}

std::string ZipArchive::describe(const ZipEntry &entry) const {
  return fmt::format("{}: entry '{}'", file->path(), quoteForMessage(entry.name));
}

llvm::Expected<ZipArchive::Data> ZipArchive::read(const ZipEntry &entry) {
  if (!entry.deflated)
    return Data{file, entry.offset, entry.size};
  uint64_t limit = maxExpansion * file->bytes().size() + expansionAllowance;
  if (entry.size > limit - unpacked)
    return inputError(
        "{}: expected an archive that unpacks to at most {} bytes ({} times its size and {} MiB), "
        "got more",
        describe(entry), limit, maxExpansion, expansionAllowance >> 20);
  unpacked += entry.size;
  std::vector<uint8_t> contents(entry.size);
  if (llvm::Error error = inflateInto(file->bytes().slice(entry.offset, entry.packed), contents,
                                      DeflateWrapper::None, describe(entry)))
    return std::move(error);
  if (uint32_t crc = crc32Of(contents); crc != entry.crc)
    return inputError("{}: expected the checksum {:08x}, got {:08x}; the file is damaged", describe(entry),
                      entry.crc, crc);
  uint64_t size = contents.size();
  return Data{std::make_shared<DecodedBytes>(file->path(), std::move(contents)), 0, size};
}
