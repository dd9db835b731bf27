#include "test/compiler/Import/Hdf5Fixtures.h"
#include "test/compiler/TestFiles.h"
#include <fmt/ranges.h>
#include <zlib.h>

using namespace vitc;
using namespace vitc::test;

static constexpr uint64_t nowhere = hdf5Undefined;

std::string vitc::test::le(unsigned bytes, uint64_t value) {
  std::string result;
  for (unsigned i = 0; i < bytes; ++i)
    result += static_cast<char>(i < 8 ? value >> 8 * i & 0xff : 0);
  return result;
}

static std::string padded(std::string text) {
  text.resize((text.size() + 7) / 8 * 8, '\0');
  return text;
}

static std::string checksum(llvm::StringRef text) {
  return le(4, hdf5Checksum({reinterpret_cast<const uint8_t *>(text.data()), text.size()}));
}

std::string vitc::test::floats(const std::vector<float> &values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)};
}

std::string vitc::test::spaceBody(const std::vector<uint64_t> &extents) {
  std::string body = le(1, 1) + le(1, extents.size()) + le(6, 0);
  for (uint64_t extent : extents)
    body += le(8, extent);
  return body;
}

std::string vitc::test::floatBody(unsigned bytes, bool bigEndian) {
  unsigned bits = 8 * bytes, exponent = bytes == 2 ? 5 : bytes == 4 ? 8 : 11, mantissa = bits - exponent - 1;
  return le(1, 0x11) + le(1, 0x20 | bigEndian) + le(1, bits - 1) + le(1, 0) + le(4, bytes) + le(2, 0) +
         le(2, bits) + le(1, mantissa) + le(1, exponent) + le(1, 0) + le(1, mantissa) +
         le(4, (1u << (exponent - 1)) - 1);
}

std::string vitc::test::integerBody(unsigned bytes, bool isSigned) {
  return le(1, 0x10) + le(3, isSigned ? 8 : 0) + le(4, bytes) + le(2, 0) + le(2, 8 * bytes);
}

std::string vitc::test::contiguousBody(uint64_t address, uint64_t bytes) {
  return le(1, 3) + le(1, 1) + le(8, address) + le(8, bytes);
}

std::string vitc::test::compactBody(llvm::StringRef data) {
  return le(1, 3) + le(1, 0) + le(2, data.size()) + data.str();
}

std::string vitc::test::chunkedBody(uint64_t tree, const std::vector<uint32_t> &chunk,
                                    uint32_t elementBytes) {
  std::string body = le(1, 3) + le(1, 2) + le(1, chunk.size() + 1) + le(8, tree);
  for (uint32_t extent : chunk)
    body += le(4, extent);
  return body + le(4, elementBytes);
}

std::string vitc::test::filtersBody(const std::vector<std::pair<unsigned, uint32_t>> &filters) {
  std::string body = le(1, 1) + le(1, filters.size()) + le(6, 0);
  for (auto [id, value] : filters)
    body += le(2, id) + le(2, 0) + le(2, 1) + le(2, 1) + le(4, value) + le(4, 0);
  return body;
}

std::string vitc::test::attributeBody(llvm::StringRef name, llvm::StringRef type, llvm::StringRef space,
                                      llvm::StringRef data) {
  std::string terminated = name.str() + '\0';
  return le(1, 1) + le(1, 0) + le(2, terminated.size()) + le(2, type.size()) + le(2, space.size()) +
         padded(terminated) + padded(type.str()) + padded(space.str()) + data.str();
}

std::string vitc::test::linkBody(llvm::StringRef name, uint64_t address) {
  return le(1, 1) + le(1, 0) + le(1, name.size()) + name.str() + le(8, address);
}

uint64_t Hdf5Image::add(llvm::StringRef data) {
  bytes = padded(std::move(bytes));
  uint64_t address = bytes.size();
  bytes += data.str();
  return address;
}

uint64_t Hdf5Image::addHeader(const Hdf5MessageTexts &messages) {
  std::string body;
  for (const auto &[type, text, flags] : messages)
    if (isNew) {
      body += le(1, type) + le(2, text.size()) + le(1, flags) + text;
    } else {
      std::string aligned = padded(text);
      body += le(2, type) + le(2, aligned.size()) + le(1, flags) + le(3, 0) + aligned;
    }
  if (!isNew)
    return add(le(1, 1) + le(1, 0) + le(2, messages.size()) + le(4, 1) + le(4, body.size()) + le(4, 0) +
               body);
  std::string header = "OHDR" + le(1, 2) + le(1, 2) + le(4, body.size()) + body;
  return add(header + checksum(header));
}

uint64_t Hdf5Image::addGroup(const std::vector<std::pair<std::string, uint64_t>> &links,
                             Hdf5MessageTexts more) {
  Hdf5MessageTexts messages;
  if (isNew) {
    messages.push_back({0x02, le(1, 0) + le(1, 0) + le(8, nowhere) + le(8, nowhere)});
    for (const auto &[name, address] : links)
      messages.push_back({0x06, linkBody(name, address)});
  } else {
    std::string names(8, '\0'), entries;
    for (const auto &[name, address] : links) {
      entries += le(8, names.size()) + le(8, address) + le(4, 0) + le(4, 0) + le(16, 0);
      names += padded(name + '\0');
    }
    uint64_t namesAt = add(names);
    uint64_t heap = add("HEAP" + le(4, 0) + le(8, names.size()) + le(8, nowhere) + le(8, namesAt));
    uint64_t table = add("SNOD" + le(1, 1) + le(1, 0) + le(2, links.size()) + entries);
    uint64_t tree = add("TREE" + le(1, 0) + le(1, 0) + le(2, 1) + le(8, nowhere) + le(8, nowhere) + le(8, 0) +
                        le(8, table) + le(8, 8));
    messages.push_back({0x11, le(8, tree) + le(8, heap)});
  }
  messages.insert(messages.end(), more.begin(), more.end());
  return addHeader(messages);
}

uint64_t Hdf5Image::addChunkTree(const std::vector<ChunkEntry> &entries, unsigned level) {
  std::string body;
  for (const ChunkEntry &entry : entries) {
    body += le(4, entry.bytes) + le(4, entry.mask);
    for (uint64_t offset : entry.offsets)
      body += le(8, offset);
    body += le(8, 0) + le(8, entry.address);
  }
  return add("TREE" + le(1, 1) + le(1, level) + le(2, entries.size()) + le(8, nowhere) + le(8, nowhere) +
             body + std::string(40, '\0'));
}

std::string Hdf5Image::finish(uint64_t root) {
  std::string file = bytes, block = "\x89HDF\r\n\x1a\n";
  if (isNew) {
    block += le(1, 3) + le(1, 8) + le(1, 8) + le(1, 0) + le(8, 0) + le(8, nowhere) + le(8, file.size()) +
             le(8, root);
    block += checksum(block);
  } else {
    block += le(5, 0) + le(1, 8) + le(1, 8) + le(1, 0) + le(2, 4) + le(2, 16) + le(4, 0) + le(8, 0) +
             le(8, nowhere) + le(8, file.size()) + le(8, nowhere) + le(8, 0) + le(8, root) + le(24, 0);
  }
  return file.replace(0, block.size(), block);
}

Hdf5MessageTexts vitc::test::datasetMessages() {
  return {{0x01, spaceBody({2, 3})}, {0x03, floatBody(4)}, {0x08, compactBody(floats({1, 2, 3, 4, 5, 6}))}};
}

Hdf5MessageTexts vitc::test::changed(Hdf5MessageTexts messages, unsigned type, std::string body,
                                     unsigned flags) {
  for (Hdf5MessageText &message : messages)
    if (message.type == type) {
      message = {type, std::move(body), flags};
      return messages;
    }
  messages.push_back({type, std::move(body), flags});
  return messages;
}

std::string vitc::test::oneDataset(Hdf5Image image, const Hdf5MessageTexts &messages) {
  uint64_t dataset = image.addHeader(messages);
  uint64_t root = image.addGroup({{"a", dataset}});
  return image.finish(root);
}

std::string vitc::test::plainFile(bool isNew) {
  Hdf5Image image(isNew);
  uint64_t data = image.add(floats({1, 2, 3, 4, 5, 6}));
  return oneDataset(image, changed(datasetMessages(), 0x08, contiguousBody(data, 24)));
}

static size_t findNth(const std::string &file, llvm::StringRef signature, size_t nth) {
  size_t at = file.find(signature.str());
  for (size_t i = 0; i < nth && at != std::string::npos; ++i)
    at = file.find(signature.str(), at + 1);
  EXPECT_NE(at, std::string::npos) << signature.str();
  return at == std::string::npos ? 0 : at;
}

std::string vitc::test::patched(std::string file, llvm::StringRef signature, size_t offset,
                                llvm::StringRef replacement, size_t nth) {
  size_t at = findNth(file, signature, nth) + offset;
  EXPECT_LE(at + replacement.size(), file.size());
  return file.replace(at, replacement.size(), replacement.str());
}

std::string vitc::test::resummed(std::string file, llvm::StringRef signature, size_t size, size_t offset,
                                 llvm::StringRef replacement, size_t nth) {
  size_t at = findNth(file, signature, nth);
  file = patched(std::move(file), signature, offset, replacement, nth);
  return file.replace(at + size - 4, 4, checksum(llvm::StringRef(file).substr(at, size - 4)));
}

std::shared_ptr<const ByteSource> vitc::test::memory(llvm::StringRef file) {
  return std::make_shared<DecodedBytes>("m.h5", std::vector<uint8_t>(file.begin(), file.end()));
}

llvm::Expected<WeightStore> vitc::test::loadHdf5(llvm::StringRef file) {
  WeightStore store;
  if (llvm::Error error = readHdf5(memory(file), store))
    return std::move(error);
  return store;
}

std::string vitc::test::showHdf5(llvm::StringRef file, llvm::StringRef name) {
  std::optional<WeightStore> store = get(loadHdf5(file));
  const RawTensor *tensor = store ? store->find(name) : nullptr;
  if (!tensor)
    return "missing";
  std::string result = fmt::format("{} [{}]", tensor->type->name, fmt::join(tensor->shape, ", "));
  if (tensor->type->kind == ElementType::Other)
    return result;
  std::vector<double> values(static_cast<size_t>(tensor->elements));
  viewOf(TensorSlice::all(*tensor), tensor->shape)->read(0, values);
  for (double value : values)
    result += fmt::format(" {:g}", value);
  return result;
}

std::string vitc::test::deflated(const std::string &data) {
  uLongf size = compressBound(data.size());
  std::string result(size, '\0');
  compress(reinterpret_cast<Bytef *>(result.data()), &size, reinterpret_cast<const Bytef *>(data.data()),
           data.size());
  result.resize(size);
  return result;
}

std::string vitc::test::withLayout(Hdf5Image image, const std::string &layout, const std::string &filters) {
  Hdf5MessageTexts messages = changed(datasetMessages(), 0x08, layout);
  return oneDataset(image, filters.empty() ? messages : changed(messages, 0x0b, filters));
}

std::string vitc::test::withMessage(unsigned type, const std::string &body, unsigned flags) {
  return oneDataset(Hdf5Image(), changed(datasetMessages(), type, body, flags));
}

std::string vitc::test::fixedText(unsigned padding, unsigned bytes) {
  return le(1, 0x13) + le(3, padding) + le(4, bytes);
}

std::string vitc::test::variableText() { return le(1, 0x19) + le(3, 0x01) + le(4, 16) + fixedText(0, 1); }

std::string vitc::test::textReference(uint32_t length, uint64_t collection, uint32_t index) {
  return le(4, length) + le(8, collection) + le(4, index);
}

uint64_t vitc::test::addCollection(Hdf5Image &image, llvm::StringRef text) {
  return image.add("GCOL" + le(4, 1) + le(8, 16 + 16 + 16 + 16) + le(2, 1) + le(2, 1) + le(4, 0) +
                   le(8, text.size()) + text.str() + std::string(16 - text.size(), '\0') + le(16, 0));
}

llvm::Expected<std::optional<std::vector<std::string>>> vitc::test::textAttribute(Hdf5Image image,
                                                                                  const std::string &type,
                                                                                  const std::string &space,
                                                                                  const std::string &data) {
  std::string file = image.finish(image.addGroup({}, {{0x0c, attributeBody("names", type, space, data)}}));
  llvm::Expected<Hdf5File> opened = Hdf5File::open(memory(file));
  if (!opened)
    return opened.takeError();
  return opened->text("", "names");
}

std::string vitc::test::h5pyFile(llvm::StringRef name) {
  return readFile(std::string(VITC_TEST_DATA) + "/hdf5/" + name.str() + ".h5");
}
