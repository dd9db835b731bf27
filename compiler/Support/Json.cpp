#include "compiler/Support/Json.h"
#include "compiler/Support/MappedFile.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#define JSON_NOEXCEPTION 1
#include <nlohmann/json.hpp>

using namespace vitc;

struct JsonDocument::Contents {
  std::string path, text;
  JsonNode root;

  /// "path:line:column", counted from 1, columns in bytes.
  std::string position(uint64_t offset) const {
    llvm::StringRef before = llvm::StringRef(text).take_front(offset);
    size_t line = before.count('\n') + 1;
    size_t start = before.rfind('\n');
    size_t column = before.size() - (start == llvm::StringRef::npos ? 0 : start + 1) + 1;
    return fmt::format("{}:{}:{}", path, line, column);
  }
};

namespace {

constexpr size_t maxDepth = 64;

/// Reads the text and remembers in `consumed` how far the lexer got.
class CountingIterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;
  CountingIterator(const char *at, size_t *consumed) : at(at), consumed(consumed) {}
  reference operator*() const { return *at; }
  CountingIterator &operator++() {
    ++at;
    ++*consumed;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const CountingIterator &other) const { return at == other.at; }
  bool operator!=(const CountingIterator &other) const { return at != other.at; }

private:
  const char *at;
  size_t *consumed;
};

/// Builds the tree. Returning false stops the parser; `problem` says why.
class TreeBuilder {
public:
  TreeBuilder(llvm::StringRef text, const JsonLimits &limits, JsonNode &root)
      : text(text), limits(limits), root(root) {}

  bool null() { return add(JsonKind::Null) != nullptr; }
  bool boolean(bool value) {
    JsonNode *node = add(JsonKind::Bool);
    if (node)
      node->boolean = value;
    return node;
  }
  bool number_integer(int64_t value) {
    JsonNode *node = add(JsonKind::Integer);
    if (node) {
      node->integer = value;
      node->real = static_cast<double>(value);
    }
    return node;
  }
  bool number_unsigned(uint64_t value) {
    if (value <= static_cast<uint64_t>(INT64_MAX))
      return number_integer(static_cast<int64_t>(value));
    JsonNode *node = add(JsonKind::BigInteger);
    if (node)
      node->real = static_cast<double>(value);
    return node;
  }
  bool number_float(double value, const std::string &digits) {
    bool integral = llvm::StringRef(digits).find_first_of(".eE") == llvm::StringRef::npos;
    JsonNode *node = add(integral ? JsonKind::BigInteger : JsonKind::Real);
    if (node)
      node->real = value;
    return node;
  }
  bool string(std::string &value) {
    JsonNode *node = add(JsonKind::String);
    if (node)
      node->string = std::move(value);
    return node;
  }
  bool binary(nlohmann::json::binary_t &) { return false; } // not part of text JSON
  bool start_object(size_t) { return open(JsonKind::Object); }
  bool end_object() { return close(); }
  bool start_array(size_t) { return open(JsonKind::Array); }
  bool end_array() { return close(); }
  bool key(std::string &value) {
    if (!keys.back().insert(value).second)
      return fail(start(), "expected every key once, got a second '" + quoteForMessage(value) + "'");
    pendingKey = std::move(value);
    previousEnd = consumed;
    return true;
  }
  template <typename Exception> bool parse_error(size_t, const std::string &, const Exception &exception) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ...": the
    // position is ours, the rest is the lexer's.
    llvm::StringRef message = exception.what();
    size_t cut = message.find(": ");
    message = cut == llvm::StringRef::npos ? message : message.drop_front(cut + 2);
    return fail(consumed ? consumed - 1 : 0, "expected valid JSON: " + llvm::json::fixUTF8(message));
  }

  size_t consumed = 0;
  std::string problem;
  uint64_t problemOffset = 0;

private:
  bool fail(uint64_t offset, std::string message) {
    problem = std::move(message);
    problemOffset = offset;
    return false;
  }

  /// The first character of the token just read: what lies between two tokens is white space, ',' and ':'.
  uint64_t start() const {
    size_t at = text.find_first_not_of(" \t\r\n,:", previousEnd);
    return at == llvm::StringRef::npos || at >= consumed ? previousEnd : at;
  }

  JsonNode *add(JsonKind kind) {
    uint64_t at = start();
    previousEnd = consumed;
    if (++count > limits.values) {
      fail(at, fmt::format("expected at most {} values, got more", limits.values));
      return nullptr;
    }
    JsonNode *node = &root;
    if (!stack.empty()) {
      JsonNode &parent = *stack.back();
      if (parent.kind == JsonKind::Object)
        parent.keys.push_back(std::move(pendingKey));
      node = &parent.elements.emplace_back();
    } else if (kind != JsonKind::Object) {
      fail(at, "expected an object as the outermost value");
      return nullptr;
    }
    node->kind = kind;
    node->offset = at;
    return node;
  }
  bool open(JsonKind kind) {
    if (stack.size() == maxDepth)
      return fail(start(), fmt::format("expected at most {} nested values, got more", maxDepth));
    // Parents' vectors do not grow while a child is open, so the pointers on the stack stay valid.
    JsonNode *node = add(kind);
    if (!node)
      return false;
    stack.push_back(node);
    keys.emplace_back();
    return true;
  }
  bool close() {
    stack.pop_back();
    keys.pop_back();
    previousEnd = consumed;
    return true;
  }

  llvm::StringRef text;
  const JsonLimits &limits;
  JsonNode &root;
  std::vector<JsonNode *> stack;
  std::vector<llvm::StringSet<>> keys;
  std::string pendingKey;
  size_t previousEnd = 0;
  uint64_t count = 0;
};

std::string memberName(const std::string &parent, llvm::StringRef key) {
  std::string shown = quoteForMessage(key);
  return parent.empty() ? shown : parent + "." + shown;
}

} // namespace

std::string vitc::quoteForMessage(llvm::StringRef text) {
  constexpr size_t limit = 80;
  std::string result;
  for (char c : text.take_front(limit)) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      result += fmt::format("\\x{:02x}", byte);
    else
      result += c;
  }
  if (text.size() > limit)
    result += "...";
  return llvm::json::fixUTF8(result); // the cut may have split a character
}

llvm::Expected<JsonDocument> JsonDocument::parse(std::string text, llvm::StringRef path,
                                                 const JsonLimits &limits) {
  if (text.size() > limits.bytes)
    return inputError("{}: expected at most {} bytes of JSON, got {}", path.str(), limits.bytes, text.size());
  auto contents = std::make_shared<Contents>();
  contents->path = path.str();
  contents->text = std::move(text);
  TreeBuilder builder(contents->text, limits, contents->root);
  const char *begin = contents->text.data();
  bool ok =
      nlohmann::json::sax_parse(CountingIterator(begin, &builder.consumed),
                                CountingIterator(begin + contents->text.size(), &builder.consumed), &builder);
  if (!ok)
    return inputError("{}: {}", contents->position(builder.problemOffset), builder.problem);
  JsonDocument document;
  document.contents = std::move(contents);
  return document;
}

llvm::Expected<JsonDocument> JsonDocument::parseFile(llvm::StringRef path, const JsonLimits &limits) {
  llvm::Expected<std::string> text = readTextFile(path, limits.bytes);
  if (!text)
    return text.takeError();
  return parse(std::move(*text), path, limits);
}

JsonRef JsonDocument::root() const { return JsonRef(contents, &contents->root, ""); }
const std::string &JsonDocument::path() const { return contents->path; }

const std::string &JsonRef::file() const { return document->path; }

std::string JsonRef::describe() const {
  switch (node->kind) {
  case JsonKind::Null:
    return "null";
  case JsonKind::Bool:
    return node->boolean ? "true" : "false";
  case JsonKind::Integer:
    return fmt::format("{}", node->integer);
  case JsonKind::BigInteger:
    return fmt::format("{:.0f}", node->real);
  case JsonKind::Real:
    return fmt::format("{}", node->real);
  case JsonKind::String:
    return "'" + quoteForMessage(node->string) + "'";
  case JsonKind::Array:
    return fmt::format("an array of {}", node->elements.size());
  case JsonKind::Object:
    return "an object";
  }
  llvm_unreachable("covered switch");
}

llvm::Expected<bool> JsonRef::asBool() const {
  if (!isBool())
    return expected("true or false");
  return node->boolean;
}

llvm::Expected<int64_t> JsonRef::asInteger(int64_t low, int64_t high) const {
  if (node->kind == JsonKind::Real) // 1e9 or 96.0, which print as if they were integers
    return expected(fmt::format("an integer from {} to {}, without fraction or exponent", low, high));
  if (node->kind != JsonKind::Integer || node->integer < low || node->integer > high)
    return expected(fmt::format("an integer from {} to {}", low, high));
  return node->integer;
}

llvm::Expected<double> JsonRef::asNumber() const {
  if (!isNumber() || !std::isfinite(node->real))
    return expected("a number");
  return node->real;
}

llvm::Expected<std::string> JsonRef::asString() const {
  if (!isString())
    return expected("a string");
  return node->string;
}

llvm::Expected<std::vector<JsonRef>> JsonRef::asArray(size_t limit) const {
  if (!isArray())
    return expected("an array");
  if (node->elements.size() > limit)
    return expected(fmt::format("an array of at most {}", limit));
  std::vector<JsonRef> result;
  result.reserve(node->elements.size());
  for (size_t i = 0; i < node->elements.size(); ++i)
    result.push_back(JsonRef(document, &node->elements[i], fmt::format("{}[{}]", name, i)));
  return result;
}

llvm::Error JsonRef::expectObject() const {
  return isObject() ? llvm::Error::success() : expected("an object");
}

std::vector<std::pair<llvm::StringRef, JsonRef>> JsonRef::members() const {
  std::vector<std::pair<llvm::StringRef, JsonRef>> result;
  for (size_t i = 0; i < node->keys.size(); ++i)
    result.emplace_back(node->keys[i],
                        JsonRef(document, &node->elements[i], memberName(name, node->keys[i])));
  return result;
}

std::optional<JsonRef> JsonRef::find(llvm::StringRef key) const {
  for (size_t i = 0; i < node->keys.size(); ++i)
    if (node->keys[i] == key)
      return JsonRef(document, &node->elements[i], memberName(name, key));
  return std::nullopt;
}

std::optional<JsonRef> JsonRef::findValue(llvm::StringRef key) const {
  std::optional<JsonRef> value = find(key);
  return value && !value->isNull() ? value : std::nullopt;
}

llvm::Expected<JsonRef> JsonRef::get(llvm::StringRef key) const {
  if (llvm::Error error = expectObject())
    return std::move(error);
  if (std::optional<JsonRef> value = find(key))
    return *value;
  return error(fmt::format("expected the key '{}', which is missing", key.str()));
}

JsonRef JsonRef::nearest(llvm::StringRef path) const {
  JsonRef result = *this;
  for (llvm::StringRef rest = path; !rest.empty();) {
    auto [key, behind] = rest.split('.');
    std::optional<JsonRef> member = result.find(key);
    if (!member)
      break;
    result = std::move(*member);
    rest = behind;
  }
  result.name = name.empty() ? path.str() : name + "." + path.str();
  return result;
}

std::string JsonRef::position() const { return document->position(node->offset); }

llvm::Error JsonRef::expected(llvm::StringRef what) const {
  return error(fmt::format("expected {}, got {}", what.str(), describe()));
}

llvm::Error JsonRef::error(llvm::StringRef message) const {
  return inputError("{}: {}{}{}", position(), name, name.empty() ? "" : ": ", message.str());
}
