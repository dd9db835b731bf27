//===- Json.h - bounded, exact JSON with positions --------------------------------------------------===//
//
// JSON as untrusted input: every value knows where it stands, so that every complaint can say
// file:line:column and the path of the value. Duplicate keys, depth beyond 64 and more values than the limit
// are errors of the parser; integers stay exact. The lexer and grammar are nlohmann-json's SAX interface.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_SUPPORT_JSON_H
#define COMPILER_SUPPORT_JSON_H

#include "compiler/Support/Error.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vitc {

enum class JsonKind : uint8_t { Null, Bool, Integer, BigInteger, Real, String, Array, Object };

/// One value of a parsed document. Members keep the order of the file.
struct JsonNode {
  JsonKind kind = JsonKind::Null;
  bool boolean = false;
  uint64_t offset = 0;            ///< byte of the value's first character
  int64_t integer = 0;            ///< Integer
  double real = 0;                ///< Real, and the rounded value of Integer and BigInteger (beyond int64)
  std::string string;             ///< String
  std::vector<JsonNode> elements; ///< Array: elements; Object: values of the members
  std::vector<std::string> keys;  ///< Object: keys of the members
};

struct JsonLimits {
  uint64_t bytes = 16u << 20;
  uint64_t values = 1u << 20; ///< bounds memory: a value costs about 150 bytes
};

class JsonRef;

/// A parsed document whose root is an object. Cheap to copy; references into it keep it alive.
class JsonDocument {
public:
  /// `text` is only read during the call, except that it is kept for positions in messages.
  static llvm::Expected<JsonDocument> parse(std::string text, llvm::StringRef path,
                                            const JsonLimits &limits = {});
  static llvm::Expected<JsonDocument> parseFile(llvm::StringRef path, const JsonLimits &limits = {});
  JsonRef root() const;
  const std::string &path() const;

private:
  friend class JsonRef;
  struct Contents;
  std::shared_ptr<const Contents> contents;
};

/// A value together with its document and its path ("block.attn.qkv_bias[1]"), for typed access with errors.
class JsonRef {
public:
  JsonKind kind() const { return node->kind; }
  bool isNull() const { return node->kind == JsonKind::Null; }
  bool isBool() const { return node->kind == JsonKind::Bool; }
  bool isString() const { return node->kind == JsonKind::String; }
  bool isArray() const { return node->kind == JsonKind::Array; }
  bool isObject() const { return node->kind == JsonKind::Object; }
  bool isNumber() const { return node->kind >= JsonKind::Integer && node->kind <= JsonKind::Real; }
  bool isInteger() const { return node->kind == JsonKind::Integer || node->kind == JsonKind::BigInteger; }
  /// What stands there, for messages: "the string 'abc'", "the number 3", "an array of 2".
  std::string describe() const;
  const std::string &where() const { return name; }
  /// The document's path, for messages.
  const std::string &file() const;

  llvm::Expected<bool> asBool() const;
  /// An integer within [low, high]; 3.0 is not an integer.
  llvm::Expected<int64_t> asInteger(int64_t low, int64_t high) const;
  /// A finite number.
  llvm::Expected<double> asNumber() const;
  llvm::Expected<std::string> asString() const;
  /// Elements of an array, at most `limit`.
  llvm::Expected<std::vector<JsonRef>> asArray(size_t limit = 1u << 20) const;
  llvm::Error expectObject() const;

  /// Members of an object in file order (none for other kinds).
  std::vector<std::pair<llvm::StringRef, JsonRef>> members() const;
  /// Member `key` of an object.
  std::optional<JsonRef> find(llvm::StringRef key) const;
  /// As find(), but a member that is null counts as absent.
  std::optional<JsonRef> findValue(llvm::StringRef key) const;
  /// Member `key`, whose absence is an error.
  llvm::Expected<JsonRef> get(llvm::StringRef key) const;

  /// The member at `path` below this object ("block.attn.scale"). Where one is missing, the nearest value
  /// around it, which then goes by the whole path in messages.
  JsonRef nearest(llvm::StringRef path) const;
  /// "path:line:column".
  std::string position() const;

  /// "path:line:column: NAME: expected WHAT, got ...".
  llvm::Error expected(llvm::StringRef what) const;
  /// "path:line:column: NAME: MESSAGE".
  llvm::Error error(llvm::StringRef message) const;

private:
  friend class JsonDocument;
  JsonRef(std::shared_ptr<const JsonDocument::Contents> document, const JsonNode *node, std::string name)
      : document(std::move(document)), node(node), name(std::move(name)) {}
  std::shared_ptr<const JsonDocument::Contents> document;
  const JsonNode *node;
  std::string name;
};

/// Untrusted text for a message: control characters escaped, cut after 80 bytes.
std::string quoteForMessage(llvm::StringRef text);

} // namespace vitc

#endif // COMPILER_SUPPORT_JSON_H
