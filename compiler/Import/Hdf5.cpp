#include "compiler/Import/Hdf5.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

namespace {

constexpr unsigned maxGroups = 32; // nested
constexpr uint64_t maxPath = 4096; // bytes

/// The message that a dataset must have.
template <typename T>
llvm::Error readMessage(const Hdf5Bytes &bytes, llvm::ArrayRef<Hdf5Message> messages, Hdf5Message::Type type,
                        llvm::Expected<T> (*read)(const Hdf5Bytes &, Hdf5Cursor), T &into) {
  llvm::Expected<T> value = read(bytes, findHdf5Message(messages, type)->body);
  if (!value)
    return value.takeError();
  into = std::move(*value);
  return llvm::Error::success();
}

const ElementType *elementType(const Hdf5Type &type) {
  std::string bits = std::to_string(8 * type.size);
  switch (type.kind) {
  case Hdf5Type::Float:
    return findElementType("F" + bits);
  case Hdf5Type::BFloat16:
    return findElementType("BF16");
  case Hdf5Type::SignedInteger:
    return findElementType("I" + bits);
  case Hdf5Type::UnsignedInteger:
    return findElementType("U" + bits);
  default:
    return nullptr;
  }
}

} // namespace

Hdf5File::Hdf5File(std::shared_ptr<const ByteSource> file)
    : source(std::move(file)), bytes(source->bytes(), source->path()), budget(source->bytes().size()) {}

bool Hdf5File::recognise(llvm::StringRef contents) { return contents.starts_with("\x89HDF\r\n\x1a\n"); }

llvm::Expected<Hdf5File> Hdf5File::open(std::shared_ptr<const ByteSource> source) {
  Hdf5File file(std::move(source));
  llvm::Expected<uint64_t> root = readHdf5Superblock(file.bytes);
  if (!root)
    return root.takeError();
  if (llvm::Error error = file.walk("", *root, 0))
    return std::move(error);
  llvm::sort(file.sets, [](const Hdf5Dataset &a, const Hdf5Dataset &b) { return a.name < b.name; });
  return file;
}

llvm::Error Hdf5File::walk(const std::string &path, uint64_t header, unsigned depth) {
  if (depth > maxGroups || path.size() > maxPath)
    return bytes.error(header,
                       "expected groups nested at most {} deep and names of at most {} bytes, got more",
                       maxGroups, maxPath);
  if (!visited.insert(header).second)
    return bytes.error(header, "expected every object under one name, got '{}' as another one",
                       quoteForMessage(path));
  if (llvm::Error error = bytes.charge(path.size()))
    return error;
  llvm::Expected<std::vector<Hdf5Message>> messages = readHdf5Object(bytes, header);
  if (!messages)
    return messages.takeError();
  bool typed = findHdf5Message(*messages, Hdf5Message::Datatype),
       spaced = findHdf5Message(*messages, Hdf5Message::Dataspace),
       laidOut = findHdf5Message(*messages, Hdf5Message::Layout);
  bool linked = findHdf5Message(*messages, Hdf5Message::SymbolTable) ||
                findHdf5Message(*messages, Hdf5Message::LinkInfo) ||
                findHdf5Message(*messages, Hdf5Message::Link);
  if (typed || spaced || laidOut) {
    if (!typed || !spaced || !laidOut || linked)
      return bytes.error(header, "'{}': expected a group or a dataset, got {}", quoteForMessage(path),
                         typed && !spaced && !laidOut ? "a committed datatype" : "an object that is neither");
    if (depth == 0)
      return bytes.error(header, "expected a group as the root, got a dataset");
    headers[path] = header;
    return addDataset(path, header, *messages);
  }
  headers[path] = header;
  llvm::Expected<std::vector<Hdf5Link>> links = readHdf5Links(bytes, *messages);
  if (!links)
    return links.takeError();
  std::set<llvm::StringRef> names;
  for (const Hdf5Link &link : *links) {
    if (!names.insert(link.name).second)
      return bytes.error(header, "group '{}': expected every name once, got a second '{}'",
                         quoteForMessage(path), quoteForMessage(link.name));
    if (llvm::Error error =
            walk(path.empty() ? link.name.str() : path + "/" + link.name.str(), link.address, depth + 1))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error Hdf5File::addDataset(const std::string &path, uint64_t header,
                                 llvm::ArrayRef<Hdf5Message> messages) {
  Hdf5Dataset set;
  set.name = path;
  set.header = header;
  if (llvm::Error error = readMessage(bytes, messages, Hdf5Message::Datatype, readHdf5Type, set.type))
    return error;
  if (llvm::Error error = readMessage(bytes, messages, Hdf5Message::Dataspace, readHdf5Space, set.space))
    return error;
  if (llvm::Error error = readMessage(bytes, messages, Hdf5Message::Layout, readHdf5Layout, set.layout))
    return error;
  if (findHdf5Message(messages, Hdf5Message::Filters))
    if (llvm::Error error = readMessage(bytes, messages, Hdf5Message::Filters, readHdf5Filters, set.filters))
      return error;
  if (set.type.kind == Hdf5Type::Opaque && set.type.size == 2) { // Keras's way to store bfloat16
    llvm::Expected<std::optional<std::vector<std::string>>> name = text(path, "dtype");
    if (!name)
      return name.takeError();
    if (*name && **name == std::vector<std::string>{"bfloat16"})
      set.type.kind = Hdf5Type::BFloat16;
  }
  sets.push_back(std::move(set));
  return llvm::Error::success();
}

llvm::Expected<RawTensor> Hdf5File::tensor(const Hdf5Dataset &dataset) {
  const ElementType *type = elementType(dataset.type);
  RawTensor tensor;
  tensor.name = dataset.name;
  if (!type)
    return bytes.error(
        dataset.header,
        "dataset '{}': expected numbers (integers or floats of the IEEE kinds or bfloat16), got "
        "another datatype of {} bytes",
        quoteForMessage(dataset.name), dataset.type.size);
  llvm::SmallVector<int64_t, 4> extents(dataset.space.extents.begin(), dataset.space.extents.end());
  if (!tensor.setRowMajor(*type, extents))
    return bytes.error(dataset.header, "dataset '{}': expected a size below 2^63 bits, got more",
                       quoteForMessage(dataset.name));
  llvm::Expected<std::optional<uint64_t>> at = findHdf5Elements(bytes, dataset);
  if (!at)
    return at.takeError();
  if (*at) {
    tensor.source = source;
    tensor.offset = **at;
    return tensor;
  }
  llvm::Expected<std::vector<uint8_t>> decoded = decodeHdf5Elements(bytes, dataset, budget);
  if (!decoded)
    return decoded.takeError();
  tensor.source = std::make_shared<DecodedBytes>(source->path(), std::move(*decoded));
  return tensor;
}

llvm::Expected<llvm::StringRef> Hdf5File::heapObject(uint64_t address, uint32_t index) {
  auto [known, fresh] = collections.try_emplace(address);
  if (fresh) {
    llvm::Expected<Hdf5Cursor> head = bytes.structure(address, 16, "GCOL", 1, 1, "a global heap");
    if (!head)
      return head.takeError();
    head->skip(3);
    uint64_t size = head->u64();
    if (size < 16)
      return bytes.error(address, "a global heap: expected at least 16 bytes, got {}", size);
    llvm::Expected<Hdf5Cursor> body = bytes.at(address + 16, size - 16, "a global heap");
    if (!body)
      return body.takeError();
    while (body->left() >= 16) {
      uint32_t number = body->u16();
      body->skip(6); // references
      uint64_t objectBytes = body->u64();
      if (number == 0) // what is left is free
        break;
      llvm::StringRef object = body->text(objectBytes);
      body->padTo8(objectBytes % 8);
      if (body->ranOut())
        return bytes.error(address, "a global heap: expected object {} within it, got {} bytes", number,
                           objectBytes);
      known->second[number] = object;
    }
  }
  auto object = known->second.find(index);
  if (object == known->second.end())
    return bytes.error(address, "a global heap: expected an object {}, which is missing", index);
  return object->second;
}

llvm::Expected<std::vector<std::string>> Hdf5File::values(const Hdf5Type &type, const Hdf5Space &space,
                                                          Hdf5Cursor data) {
  std::vector<std::string> result;
  if (space.elements > data.left() / type.size)
    return bytes.error(data.position(), "an attribute: expected {} values of {} bytes, got {} bytes",
                       space.elements, type.size, data.left());
  for (uint64_t i = 0; i < space.elements; ++i) {
    llvm::StringRef value;
    if (type.kind == Hdf5Type::FixedText) {
      value = data.text(type.size);
      if (type.padding == 2)
        value = value.rtrim(' ');
      else
        value = type.padding == 1 ? value.rtrim('\0') : value.take_until([](char c) { return c == '\0'; });
    } else {
      uint32_t length = data.u32();
      uint64_t collection = data.u64();
      uint32_t index = data.u32();
      if (length) {
        llvm::Expected<llvm::StringRef> object = heapObject(collection, index);
        if (!object)
          return object.takeError();
        if (length > object->size())
          return bytes.error(data.position(), "an attribute: expected {} bytes of text, got {}", length,
                             object->size());
        value = object->take_front(length);
      }
    }
    if (llvm::Error error = bytes.charge(value.size()))
      return std::move(error);
    result.push_back(value.str());
  }
  return result;
}

llvm::Expected<std::optional<std::vector<std::string>>> Hdf5File::text(llvm::StringRef object,
                                                                       llvm::StringRef attribute) {
  llvm::Expected<std::vector<Hdf5Message>> messages = readHdf5Object(bytes, headers.at(object.str()));
  if (!messages)
    return messages.takeError();
  std::vector<Hdf5Cursor> bodies;
  for (const Hdf5Message &message : *messages) {
    if (message.type == Hdf5Message::Attribute)
      bodies.push_back(message.body);
    if (message.type != Hdf5Message::AttributeInfo)
      continue;
    llvm::Expected<Hdf5LinkInfo> info = readHdf5AttributeInfo(bytes, message.body);
    if (!info)
      return info.takeError();
    llvm::Expected<std::vector<Hdf5Cursor>> dense = readHdf5Dense(bytes, *info, 8);
    if (!dense)
      return dense.takeError();
    llvm::append_range(bodies, *dense);
  }
  for (const Hdf5Cursor &body : bodies) {
    llvm::Expected<Hdf5Attribute> found = readHdf5Attribute(bytes, body);
    if (!found)
      return found.takeError();
    if (found->name != attribute)
      continue;
    llvm::Expected<Hdf5Type> type = readHdf5Type(bytes, found->type);
    if (!type)
      return type.takeError();
    if (type->kind != Hdf5Type::FixedText && type->kind != Hdf5Type::VariableText)
      return std::nullopt;
    llvm::Expected<Hdf5Space> space = readHdf5Space(bytes, found->space);
    if (!space)
      return space.takeError();
    llvm::Expected<std::vector<std::string>> strings = values(*type, *space, found->data);
    if (!strings)
      return strings.takeError();
    return std::optional(std::move(*strings));
  }
  return std::nullopt;
}

llvm::Error vitc::readHdf5(std::shared_ptr<const ByteSource> source, WeightStore &store) {
  llvm::Expected<Hdf5File> file = Hdf5File::open(std::move(source));
  if (!file)
    return file.takeError();
  for (const Hdf5Dataset &dataset : file->datasets()) {
    llvm::Expected<RawTensor> tensor = file->tensor(dataset);
    if (!tensor)
      return tensor.takeError();
    if (llvm::Error error = store.add(std::move(*tensor)))
      return error;
  }
  return llvm::Error::success();
}
