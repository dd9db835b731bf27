#include "compiler/Import/Pickle.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "llvm/Support/Endian.h"
#include <optional>

using namespace llvm::support::endian;

namespace vitc {

/// pickletools' names of the opcodes that this machine knows.
enum Opcode : uint8_t {
  Proto = 0x80,
  Stop = '.',
  Mark = '(',
  Pop = '0',
  PopMark = '1',
  Dup = '2',
  PushNone = 'N',
  NewTrue = 0x88,
  NewFalse = 0x89,
  BinInt = 'J',
  BinInt1 = 'K',
  BinInt2 = 'M',
  Long1 = 0x8a,
  BinFloat = 'G',
  BinUnicode = 'X',
  BinString = 'T',
  ShortBinString = 'U',
  EmptyTuple = ')',
  Tuple1 = 0x85,
  Tuple2 = 0x86,
  Tuple3 = 0x87,
  TupleOp = 't',
  EmptyList = ']',
  Append = 'a',
  Appends = 'e',
  EmptyDict = '}',
  SetItem = 's',
  SetItems = 'u',
  BinPut = 'q',
  LongBinPut = 'r',
  BinGet = 'h',
  LongBinGet = 'j',
  GlobalOp = 'c',
  Reduce = 'R',
  NewObj = 0x81,
  Build = 'b',
  BinPersId = 'Q',
};

class PickleMachine {
public:
  PickleMachine(llvm::ArrayRef<uint8_t> bytes, const std::string &what,
                llvm::function_ref<bool(llvm::StringRef)> allowed)
      : bytes(bytes), what(what), allowed(allowed) {}
  llvm::Expected<Pickle> run();

private:
  static constexpr uint32_t maxOpcodes = 1u << 20;
  static constexpr size_t maxBytes = size_t(64) << 20;

  template <typename... Args> llvm::Error damaged(fmt::format_string<Args...> format, Args &&...args) const {
    return inputError("{}: the pickle is damaged at byte {}: {}", what, start,
                      fmt::format(format, std::forward<Args>(args)...));
  }
  llvm::Error step(uint8_t opcode);
  llvm::Error pushText(uint64_t size);
  llvm::Error pushLong(uint64_t size);
  llvm::Error pushGlobal();
  llvm::Error collect(PickleValue::Kind kind, size_t count);
  llvm::Error fill(size_t count, bool pairs);
  llvm::Error call(bool isNew);
  llvm::Error build();
  llvm::Error put(uint64_t index);
  llvm::Error get(uint64_t index);

  /// `size` bytes at the position, which moves behind them.
  llvm::Expected<const uint8_t *> take(uint64_t size) {
    if (size > bytes.size() - at)
      return damaged("expected {} more bytes, got {}", size, bytes.size() - at);
    const uint8_t *result = bytes.data() + at;
    at += size;
    return result;
  }
  /// A little-endian number of `width` bytes.
  llvm::Expected<uint64_t> number(unsigned width) {
    llvm::Expected<const uint8_t *> data = take(width);
    if (!data)
      return data.takeError();
    uint64_t value = 0;
    for (unsigned i = 0; i < width; ++i)
      value |= static_cast<uint64_t>((*data)[i]) << 8 * i;
    return value;
  }
  /// Values above the topmost mark.
  size_t available() const { return stack.size() - (marks.empty() ? 0 : marks.back()); }
  llvm::Error need(size_t count) const {
    return available() < count ? damaged("expected {} values on the stack, got {}", count, available())
                               : llvm::Error::success();
  }
  /// Drops the topmost mark and returns how many values stood above it.
  llvm::Expected<size_t> takeMark() {
    if (marks.empty())
      return damaged("expected a mark on the stack, got none");
    size_t count = available();
    marks.pop_back();
    return count;
  }
  PickleValue &push(PickleValue::Kind kind) {
    stack.push_back(static_cast<PickleId>(pickle.values.size()));
    pickle.values.emplace_back().kind = kind;
    return pickle.values.back();
  }
  PickleId pop() {
    PickleId id = stack.back();
    stack.pop_back();
    return id;
  }
  PickleValue &top() { return pickle.values[stack.back()]; }

  llvm::ArrayRef<uint8_t> bytes;
  const std::string &what;
  llvm::function_ref<bool(llvm::StringRef)> allowed;
  size_t at = 0, start = 0; ///< position, and where the current opcode began
  Pickle pickle;
  std::vector<PickleId> stack;
  std::vector<size_t> marks;
  std::vector<std::optional<PickleId>> memo;
};

llvm::Error PickleMachine::pushText(uint64_t size) {
  llvm::Expected<const uint8_t *> data = take(size);
  if (!data)
    return data.takeError();
  push(PickleValue::Text).text.assign(reinterpret_cast<const char *>(*data), size);
  return llvm::Error::success();
}

llvm::Error PickleMachine::pushLong(uint64_t size) {
  llvm::Expected<const uint8_t *> data = take(size);
  if (!data)
    return data.takeError();
  if (size > 8) {
    push(PickleValue::Other);
    return llvm::Error::success();
  }
  uint64_t value = size && (*data)[size - 1] & 0x80 ? ~uint64_t(0) : 0; // two's complement of any length
  for (uint64_t i = size; i-- > 0;)
    value = value << 8 | (*data)[i];
  push(PickleValue::Int).integer = static_cast<int64_t>(value);
  return llvm::Error::success();
}

llvm::Error PickleMachine::pushGlobal() {
  std::string name;
  for (int part = 0; part < 2; ++part) {
    size_t begin = at;
    while (at < bytes.size() && bytes[at] != '\n')
      ++at;
    if (at == bytes.size() || at - begin > 1024)
      return damaged("expected the name of a global, up to 1024 bytes and a line feed");
    name += (part ? "." : "") + std::string(bytes.begin() + begin, bytes.begin() + at);
    ++at;
  }
  if (!allowed(name))
    return inputError("{}: expected tensors in plain containers, got the global '{}' (byte {}); a pickle can "
                      "run any code, so "
                      "vitc knows the few names that weights need and refuses all others. Where you trust "
                      "the file, convert "
                      "it once: safetensors.torch.save_file(torch.load(FILE, weights_only=False)['model'], "
                      "'model.safetensors')",
                      what, quoteForMessage(name), start);
  push(PickleValue::Global).text = name;
  return llvm::Error::success();
}

/// Makes the `count` topmost values one container.
llvm::Error PickleMachine::collect(PickleValue::Kind kind, size_t count) {
  if (llvm::Error error = need(count))
    return error;
  std::vector<PickleId> items(stack.end() - static_cast<std::ptrdiff_t>(count), stack.end());
  stack.resize(stack.size() - count);
  push(kind).items = std::move(items);
  return llvm::Error::success();
}

/// Moves the `count` topmost values into the container below them.
llvm::Error PickleMachine::fill(size_t count, bool pairs) {
  if (llvm::Error error = need(count + 1))
    return error;
  if (pairs && count % 2)
    return damaged("expected keys and values in pairs, got {} values", count);
  auto from = stack.end() - static_cast<std::ptrdiff_t>(count);
  PickleValue &container = pickle.values[*(from - 1)];
  bool fits = pairs ? container.kind == PickleValue::Dict || container.kind == PickleValue::Object
                    : container.kind == PickleValue::List;
  if (!fits)
    return damaged("expected a {} to fill, got another value", pairs ? "dictionary" : "list");
  container.items.insert(container.items.end(), from, stack.end());
  stack.erase(from, stack.end());
  return llvm::Error::success();
}

llvm::Error PickleMachine::call(bool isNew) {
  if (llvm::Error error = need(2))
    return error;
  PickleId arguments = pop(), callee = pop();
  if (pickle.values[callee].kind != PickleValue::Global ||
      pickle.values[arguments].kind != PickleValue::Tuple)
    return damaged("expected a global and a tuple of arguments to {}", isNew ? "create" : "call");
  std::string name = pickle.values[callee].text;
  PickleValue &object = push(PickleValue::Object);
  object.text = std::move(name);
  object.arguments = arguments;
  return llvm::Error::success();
}

llvm::Error PickleMachine::build() {
  if (llvm::Error error = need(2))
    return error;
  PickleId state = pop();
  if (top().kind != PickleValue::Object || top().hasState)
    return damaged("expected an object without state");
  top().hasState = true;
  top().state = state;
  return llvm::Error::success();
}

llvm::Error PickleMachine::put(uint64_t index) {
  if (llvm::Error error = need(1))
    return error;
  if (index >= maxOpcodes) // picklers count them, and there are fewer values than opcodes
    return damaged("expected a memo below {}, got {}", maxOpcodes, index);
  if (index >= memo.size())
    memo.resize(index + 1);
  memo[index] = stack.back();
  return llvm::Error::success();
}

llvm::Error PickleMachine::get(uint64_t index) {
  if (index >= memo.size() || !memo[index])
    return damaged("expected memo {} to be set, got none", index);
  stack.push_back(*memo[index]);
  return llvm::Error::success();
}

llvm::Error PickleMachine::step(uint8_t opcode) {
  // A number that follows the opcode.
  unsigned width = 0;
  switch (opcode) {
  case Proto:
  case BinInt1:
  case BinPut:
  case BinGet:
  case Long1:
  case ShortBinString:
    width = 1;
    break;
  case BinInt2:
    width = 2;
    break;
  case BinInt:
  case LongBinPut:
  case LongBinGet:
  case BinUnicode:
  case BinString:
    width = 4;
    break;
  case BinFloat:
    width = 8;
    break;
  default:
    break;
  }
  llvm::Expected<uint64_t> operand = number(width);
  if (!operand)
    return operand.takeError();

  switch (opcode) {
  case Proto:
    if (*operand != 2 || start != 0)
      return inputError(
          "{}: expected a pickle of protocol 2, as torch.save writes it, got protocol {} at byte {}", what,
          *operand, start);
    return llvm::Error::success();
  case Mark:
    marks.push_back(stack.size());
    return llvm::Error::success();
  case Pop:
    if (llvm::Error error = need(1))
      return error;
    pop();
    return llvm::Error::success();
  case Dup:
    if (llvm::Error error = need(1))
      return error;
    stack.push_back(stack.back());
    return llvm::Error::success();
  case PushNone:
    push(PickleValue::None);
    return llvm::Error::success();
  case NewTrue:
  case NewFalse:
    push(PickleValue::Bool).integer = opcode == NewTrue;
    return llvm::Error::success();
  case BinInt:
    push(PickleValue::Int).integer = static_cast<int32_t>(*operand);
    return llvm::Error::success();
  case BinInt1:
  case BinInt2:
    push(PickleValue::Int).integer = static_cast<int64_t>(*operand);
    return llvm::Error::success();
  case Long1:
    return pushLong(*operand);
  case BinFloat:
    push(PickleValue::Other);
    return llvm::Error::success();
  case BinUnicode:
  case BinString:
  case ShortBinString:
    return pushText(*operand);
  case EmptyTuple:
    return collect(PickleValue::Tuple, 0);
  case Tuple1:
  case Tuple2:
  case Tuple3:
    return collect(PickleValue::Tuple, opcode - Tuple1 + 1u);
  case EmptyList:
    return collect(PickleValue::List, 0);
  case EmptyDict:
    return collect(PickleValue::Dict, 0);
  case Append:
    return fill(1, /*pairs=*/false);
  case SetItem:
    return fill(2, /*pairs=*/true);
  case PopMark:
  case TupleOp:
  case Appends:
  case SetItems: {
    llvm::Expected<size_t> count = takeMark();
    if (!count)
      return count.takeError();
    if (opcode == TupleOp)
      return collect(PickleValue::Tuple, *count);
    if (opcode != PopMark)
      return fill(*count, opcode == SetItems);
    stack.resize(stack.size() - *count);
    return llvm::Error::success();
  }
  case BinPut:
  case LongBinPut:
    return put(*operand);
  case BinGet:
  case LongBinGet:
    return get(*operand);
  case GlobalOp:
    return pushGlobal();
  case Reduce:
  case NewObj:
    return call(opcode == NewObj);
  case Build:
    return build();
  case BinPersId: {
    if (llvm::Error error = need(1))
      return error;
    PickleId id = pop();
    push(PickleValue::Persistent).arguments = id;
    return llvm::Error::success();
  }
  default:
    return damaged("expected an opcode of protocol 2 that torch.save writes, got 0x{:02x}", opcode);
  }
}

llvm::Expected<Pickle> PickleMachine::run() {
  if (bytes.size() > maxBytes)
    bytes = bytes.take_front(maxBytes);
  for (uint32_t count = 0;; ++count) {
    if (count == maxOpcodes)
      return inputError("{}: expected a pickle of at most {} opcodes, got more", what, maxOpcodes);
    start = at;
    llvm::Expected<const uint8_t *> opcode = take(1);
    if (!opcode)
      return opcode.takeError();
    if (start == 0 && **opcode != Proto)
      return damaged("expected it to begin with its protocol, got 0x{:02x}", **opcode);
    if (**opcode == Stop)
      break;
    if (llvm::Error error = step(**opcode))
      return std::move(error);
  }
  if (stack.size() != 1 || !marks.empty())
    return damaged("expected one value at the end, got {}", stack.size());
  pickle.result = stack[0];
  pickle.length = at;
  return std::move(pickle);
}

llvm::Expected<Pickle> Pickle::read(llvm::ArrayRef<uint8_t> bytes, const std::string &what,
                                    llvm::function_ref<bool(llvm::StringRef)> allowed) {
  return PickleMachine(bytes, what, allowed).run();
}

} // namespace vitc
