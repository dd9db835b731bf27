#include "compiler/Import/KeyTable.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/STLExtras.h"

using namespace vitc;

static bool isOff(const JsonRef &value) {
  switch (value.kind()) {
  case JsonKind::Null:
    return true;
  case JsonKind::Bool:
    return llvm::cantFail(value.asBool()) == false;
  case JsonKind::Integer:
  case JsonKind::Real:
  case JsonKind::BigInteger:
    return llvm::cantFail(value.asNumber()) == 0;
  case JsonKind::String:
    return llvm::cantFail(value.asString()).empty();
  case JsonKind::Array:
    return llvm::cantFail(value.asArray()).empty();
  case JsonKind::Object:
    return value.members().empty();
  }
  llvm_unreachable("covered switch");
}

llvm::Error vitc::checkKeys(const JsonRef &object, llvm::ArrayRef<KeyRule> rules, llvm::StringRef what) {
  if (llvm::Error error = object.expectObject())
    return error;
  for (const auto &[key, value] : object.members()) {
    llvm::StringRef name = key;
    const KeyRule *rule = llvm::find_if(rules, [&](const KeyRule &r) { return name == r.key; });
    if (rule == rules.end()) {
      llvm::SmallVector<llvm::StringRef> known;
      for (const KeyRule &candidate : rules)
        if (candidate.use == KeyUse::Understood)
          known.push_back(candidate.key);
      return value.error(
          fmt::format("expected a key of {} that vitc understands or knows to be irrelevant, got '{}'{}",
                      what.str(), quoteForMessage(name), didYouMean(name, known)));
    }
    if (rule->use == KeyUse::MustBeOff && !isOff(value))
      return value.error(
          fmt::format("expected this to be off (null, false or empty), got {}; vitc cannot compile a "
                      "model that uses it",
                      value.describe()));
  }
  return llvm::Error::success();
}

llvm::Expected<int64_t> vitc::integerOr(const JsonRef &object, llvm::StringRef key, int64_t fallback,
                                        int64_t low, int64_t high) {
  std::optional<JsonRef> value = object.findValue(key);
  return value ? value->asInteger(low, high) : llvm::Expected<int64_t>(fallback);
}

llvm::Expected<double> vitc::numberOr(const JsonRef &object, llvm::StringRef key, double fallback) {
  std::optional<JsonRef> value = object.findValue(key);
  return value ? value->asNumber() : llvm::Expected<double>(fallback);
}

llvm::Expected<bool> vitc::boolOr(const JsonRef &object, llvm::StringRef key, bool fallback) {
  std::optional<JsonRef> value = object.findValue(key);
  return value ? value->asBool() : llvm::Expected<bool>(fallback);
}

llvm::Expected<std::string> vitc::stringOr(const JsonRef &object, llvm::StringRef key,
                                           llvm::StringRef fallback) {
  std::optional<JsonRef> value = object.findValue(key);
  return value ? value->asString() : llvm::Expected<std::string>(fallback.str());
}

llvm::Expected<std::vector<double>> vitc::numbers(const JsonRef &array, size_t limit) {
  llvm::Expected<std::vector<JsonRef>> elements = array.asArray(limit);
  if (!elements)
    return elements.takeError();
  std::vector<double> result;
  for (const JsonRef &element : *elements) {
    llvm::Expected<double> value = element.asNumber();
    if (!value)
      return value.takeError();
    result.push_back(*value);
  }
  return result;
}

llvm::Expected<Extent> vitc::readExtent(const JsonRef &value) {
  if (!value.isArray()) {
    llvm::Expected<int64_t> size = value.asInteger(1, maxParsedSize);
    if (!size)
      return size.takeError();
    return Extent{*size, *size};
  }
  llvm::Expected<std::vector<JsonRef>> pair = value.asArray();
  if (!pair)
    return pair.takeError();
  if (pair->size() != 2)
    return value.expected("a number or a pair [height, width]");
  llvm::Expected<int64_t> height = (*pair)[0].asInteger(1, maxParsedSize);
  if (!height)
    return height.takeError();
  llvm::Expected<int64_t> width = (*pair)[1].asInteger(1, maxParsedSize);
  if (!width)
    return width.takeError();
  return Extent{*height, *width};
}

llvm::Expected<std::vector<std::string>> vitc::readIndexedLabels(const JsonRef &value, int64_t classes) {
  std::vector<std::pair<std::string, JsonRef>> entries;
  if (value.isArray()) {
    for (const JsonRef &element : llvm::cantFail(value.asArray()))
      entries.emplace_back(std::to_string(entries.size()), element);
  } else {
    if (!value.isObject())
      return value.expected("an array or an object of labels");
    for (const auto &[key, element] : value.members())
      entries.emplace_back(key.str(), element);
  }
  if (static_cast<int64_t>(entries.size()) != classes)
    return value.error(
        fmt::format("expected {} labels, one per row of the head, got {}", classes, entries.size()));
  std::vector<std::string> labels(entries.size());
  std::vector<bool> seen(entries.size());
  for (const auto &[key, element] : entries) {
    uint64_t index;
    if (llvm::StringRef(key).getAsInteger(10, index) || index >= labels.size() || seen[index])
      return element.error(fmt::format("expected the keys 0 to {}, each once", classes - 1));
    llvm::Expected<std::string> label = element.asString();
    if (!label)
      return label.takeError();
    seen[index] = true;
    labels[index] = std::move(*label);
  }
  return labels;
}
