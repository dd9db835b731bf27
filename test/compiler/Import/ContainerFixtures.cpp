#include "test/compiler/Import/ContainerFixtures.h"
#include "llvm/ADT/STLExtras.h"
#include <cstring>
#include <fmt/format.h>
#include <zlib.h>

using namespace vitc;
using namespace vitc::test;

std::string vitc::test::littleEndian(unsigned width, uint64_t value) {
  std::string result;
  for (unsigned i = 0; i < width; ++i)
    result += static_cast<char>(value >> 8 * i & 0xff);
  return result;
}

std::string vitc::test::floatBytes(const std::vector<float> &values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)};
}

static std::string deflated(const std::string &data) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string vitc::test::zipFile(const std::vector<ZipPart> &parts, const ZipOptions &options) {
  std::string file, directory;
  for (const ZipPart &part : parts) {
    std::string stored = part.deflate ? deflated(part.data) : part.data;
    uint64_t method = part.method.value_or(part.deflate ? 8 : 0);
    uint64_t crc = part.crc.value_or(
        crc32(0, reinterpret_cast<const Bytef *>(part.data.data()), static_cast<uInt>(part.data.size())));
    uint64_t packed = stored.size(), size = part.data.size(), offset = file.size();
    uint64_t flags = part.flags | (part.descriptor ? 8 : 0);
    std::string local = part.localName.value_or(part.name);
    std::string padding;
    if (part.descriptor) {
      uint64_t used = (offset + 30 + local.size() + 4) % 64;
      padding = "FB" + littleEndian(2, 64 - used) + std::string(64 - used, 'Z');
    }
    file += "PK\x03\x04" + littleEndian(2, 20) + littleEndian(2, flags) + littleEndian(2, method) +
            littleEndian(4, 0) + littleEndian(4, part.descriptor ? 0 : crc) +
            littleEndian(4, part.descriptor ? 0 : packed) + littleEndian(4, part.descriptor ? 0 : size) +
            littleEndian(2, local.size()) + littleEndian(2, padding.size()) + local + padding + stored;
    if (part.descriptor)
      file +=
          std::string("PK\x07\x08") + littleEndian(4, crc) + littleEndian(4, packed) + littleEndian(4, size);
    directory += "PK\x01\x02" + littleEndian(2, 20) + littleEndian(2, 20) + littleEndian(2, flags) +
                 littleEndian(2, method) + littleEndian(4, 0) + littleEndian(4, crc) +
                 littleEndian(4, part.packed.value_or(packed)) + littleEndian(4, part.size.value_or(size)) +
                 littleEndian(2, part.name.size()) + littleEndian(2, part.extra.size()) + littleEndian(2, 0) +
                 littleEndian(2, 0) + littleEndian(2, 0) + littleEndian(4, 0) +
                 littleEndian(4, part.offset.value_or(offset)) + part.name + part.extra;
  }
  uint64_t start = file.size(), count = options.entries.value_or(parts.size());
  file += directory;
  if (options.zip64) {
    uint64_t end = file.size();
    file += std::string("PK\x06\x06") + littleEndian(8, 44) + littleEndian(2, 45) + littleEndian(2, 45) +
            littleEndian(4, 0) + littleEndian(4, 0) + littleEndian(8, count) + littleEndian(8, count) +
            littleEndian(8, directory.size()) + littleEndian(8, start);
    file += std::string("PK\x06\x07") + littleEndian(4, 0) + littleEndian(8, end) + littleEndian(4, 1);
  }
  uint64_t volume = options.volume.value_or(0);
  file += "PK\x05\x06" + littleEndian(2, volume) + littleEndian(2, 0) + littleEndian(2, count) +
          littleEndian(2, count) + littleEndian(4, options.directorySize.value_or(directory.size())) +
          littleEndian(4, options.directory.value_or(options.zip64 ? 0xffffffff : start)) +
          littleEndian(2, options.comment.size()) + options.comment;
  return file;
}

//===- Pickles ---===//

std::string pickle::text(llvm::StringRef value) { return "X" + littleEndian(4, value.size()) + value.str(); }
std::string pickle::integer(int64_t value) {
  if (value == static_cast<int32_t>(value))
    return "J" + littleEndian(4, static_cast<uint64_t>(value));
  return "\x8a\x08" + littleEndian(8, static_cast<uint64_t>(value));
}
std::string pickle::global(llvm::StringRef module, llvm::StringRef name) {
  return "c" + module.str() + "\n" + name.str() + "\n";
}
std::string pickle::tuple(const std::vector<int64_t> &values) {
  std::string result = "(";
  for (int64_t value : values)
    result += integer(value);
  return result + "t";
}
std::string pickle::storage(llvm::StringRef type, llvm::StringRef key, int64_t count) {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") + integer(count) + "tQ";
}
std::string pickle::tensor(const std::string &storage, int64_t first, const std::string &sizes,
                           const std::string &strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + integer(first) + sizes + strides +
         "\x89" + global("collections", "OrderedDict") + ")RtR";
}
static std::string filled(const std::vector<std::pair<std::string, std::string>> &members) {
  std::string result = "(";
  for (const auto &[key, value] : members)
    result += pickle::text(key) + value;
  return result + "u";
}
std::string pickle::dict(const std::vector<std::pair<std::string, std::string>> &members) {
  return "}" + filled(members);
}
std::string pickle::orderedDict(const std::vector<std::pair<std::string, std::string>> &members) {
  return global("collections", "OrderedDict") + ")R" + filled(members);
}
std::string pickle::file(const std::string &value) { return "\x80\x02" + value + "."; }

std::string vitc::test::torchFile(const std::string &pickle, const std::vector<std::string> &storages,
                                  const std::vector<ZipPart> &more) {
  auto part = [](std::string name, std::string data) {
    ZipPart result;
    result.name = std::move(name);
    result.data = std::move(data);
    result.descriptor = true;
    return result;
  };
  std::vector<ZipPart> parts = {part("m/data.pkl", pickle)};
  for (size_t i = 0; i < storages.size(); ++i)
    parts.push_back(part("m/data/" + std::to_string(i), storages[i]));
  parts.push_back(part("m/version", "3\n"));
  parts.insert(parts.end(), more.begin(), more.end());
  return zipFile(parts);
}

std::string vitc::test::npyFile(llvm::StringRef type, llvm::StringRef shape, llvm::StringRef data,
                                bool fortran) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", type.str(),
                                   fortran ? "True" : "False", shape.str());
  return std::string("\x93NUMPY\x01\0", 8) + littleEndian(2, header.size()) + header + data.str();
}

static std::string varint(uint64_t value) {
  std::string result;
  for (; value > 0x7f; value >>= 7)
    result += static_cast<char>(value & 0x7f | 0x80);
  return result + static_cast<char>(value);
}
std::string vitc::test::protoBytes(unsigned field, llvm::StringRef data) {
  return varint(field << 3 | 2) + varint(data.size()) + data.str();
}
std::string vitc::test::protoVarint(unsigned field, uint64_t value) {
  return varint(field << 3) + varint(value);
}
std::string vitc::test::mindSporeValue(llvm::StringRef tag, llvm::StringRef type,
                                       const std::vector<uint64_t> &dims, llvm::StringRef data) {
  std::string tensor;
  for (uint64_t dim : dims)
    tensor += protoVarint(1, dim);
  tensor += protoBytes(2, type) + protoBytes(3, data);
  return protoBytes(1, protoBytes(1, tag) + protoBytes(2, tensor));
}

//===- Reading ---===//

llvm::Expected<WeightStore> vitc::test::readAs(Reader reader, const std::string &contents) {
  WeightStore store;
  auto source = std::make_shared<DecodedBytes>("m", std::vector<uint8_t>(contents.begin(), contents.end()));
  if (llvm::Error error = reader(std::move(source), store))
    return std::move(error);
  return store;
}

void vitc::test::expectReadError(Reader reader, const std::string &contents,
                                 std::initializer_list<llvm::StringRef> parts) {
  expectError(readAs(reader, contents), ExitCode::Input, parts);
}

std::string vitc::test::show(const WeightStore &store) {
  std::string result;
  for (const auto &[name, raw] : store.tensors()) {
    result += fmt::format("{}{} {} [{}]", result.empty() ? "" : "; ", name, raw.type->name,
                          fmt::join(raw.shape.begin(), raw.shape.end(), ", "));
    if (raw.type->kind == ElementType::Other)
      continue;
    std::vector<double> values(static_cast<size_t>(raw.elements));
    viewOf(TensorSlice::all(raw), raw.shape)->read(0, values);
    for (double value : values)
      result += fmt::format(" {}", value);
  }
  return result;
}

std::string vitc::test::showRead(Reader reader, const std::string &contents) {
  std::optional<WeightStore> store = get(readAs(reader, contents));
  return store ? show(*store) : "";
}

void vitc::test::replayDamage(Reader reader, const std::string &contents,
                              std::initializer_list<size_t> whole) {
  for (size_t length = 0; length < contents.size(); ++length)
    EXPECT_EQ(llvm::errorToBool(readAs(reader, contents.substr(0, length)).takeError()),
              !llvm::is_contained(whole, length))
        << length;
  int readable = 0;
  for (size_t at = 0; at < contents.size(); ++at)
    for (int mask : {0x01, 0x80, 0xff, 0x10}) {
      std::string damaged = contents;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      llvm::Expected<WeightStore> store = readAs(reader, damaged);
      if (!store) {
        llvm::consumeError(store.takeError());
        continue;
      }
      ++readable;
      show(*store);
      store->scan();
    }
  EXPECT_GT(readable, 0); // flips of weights themselves
}
