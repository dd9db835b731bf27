//===- HuggingFaceReader.cpp - keys of config.json, compared with the tensors -----------------------===//
#include "compiler/Import/HuggingFaceFamilies.h"
#include "compiler/Support/Error.h"

using namespace vitc;
using namespace vitc::hf;

void Reader::defaulted(llvm::StringRef key, const std::string &value) {
  defaults.push_back(key.str() + " " + value);
}

llvm::Expected<int64_t> Reader::integer(llvm::StringRef key, int64_t fallback) {
  if (!json.findValue(key))
    defaulted(key, std::to_string(fallback));
  return integerOr(json, key, fallback, 1, maxParsedSize);
}

llvm::Expected<double> Reader::number(llvm::StringRef key, double fallback) {
  if (!json.findValue(key))
    defaulted(key, fmt::format("{}", fallback));
  return numberOr(json, key, fallback);
}

llvm::Expected<std::string> Reader::string(llvm::StringRef key, llvm::StringRef fallback) {
  if (!json.findValue(key))
    defaulted(key, fallback.str());
  return stringOr(json, key, fallback);
}

llvm::Expected<bool> Reader::flag(llvm::StringRef key, bool fallback) {
  if (!json.findValue(key))
    defaulted(key, fallback ? "true" : "false");
  return boolOr(json, key, fallback);
}

llvm::Error Reader::compare(llvm::StringRef key, int64_t fromTensors, llvm::StringRef tensor) {
  std::optional<JsonRef> value = json.findValue(key);
  if (!value)
    return llvm::Error::success();
  llvm::Expected<int64_t> number = value->asInteger(0, INT64_MAX);
  if (!number)
    return number.takeError();
  if (*number != fromTensors)
    return value->error(fmt::format("expected {}, which the shapes of the tensors say ({}), got {}",
                                    fromTensors, tensor.str(), *number));
  return llvm::Error::success();
}

llvm::Error Reader::compare(const Presence &presence) {
  std::optional<JsonRef> value = json.findValue(presence.key);
  if (!value)
    return llvm::Error::success();
  bool on = false;
  if (value->isNumber()) { // layer_scale_init_value
    on = llvm::cantFail(value->asNumber()) > 0;
  } else {
    llvm::Expected<bool> flag = value->asBool();
    if (!flag)
      return flag.takeError();
    on = *flag;
  }
  bool exists = has(presence.tensor);
  if ((on != presence.inverted) == exists)
    return llvm::Error::success();
  return value->error(fmt::format("expected this to agree with the tensors, got {}, but {} '{}'",
                                  value->describe(), exists ? "there is" : "there is no",
                                  sourceName(presence.tensor)));
}

std::string Reader::sourceName(llvm::StringRef canonical) const {
  if (const TensorSlice *slice = result.tensors.find(canonical))
    return quoteForMessage(slice->raw->name);
  return sourceNameOf(*result.table, canonical);
}
