#include "compiler/Import/NameTable.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Glob.h"
#include "compiler/Support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <set>

using namespace vitc;

namespace {

/// What the placeholders of a pattern matched.
struct Match {
  llvm::StringRef index, parameter;
};

bool isIndex(llvm::StringRef text) {
  return !text.empty() && text.size() <= 4 && llvm::all_of(text, llvm::isDigit) &&
         (text.size() == 1 || text[0] != '0');
}

bool matchPattern(llvm::StringRef pattern, llvm::StringRef name, Match &match) {
  size_t at = pattern.find('{');
  if (at == llvm::StringRef::npos)
    return pattern == name;
  if (!name.starts_with(pattern.take_front(at)))
    return false;
  name = name.drop_front(at);
  llvm::StringRef placeholder = pattern.substr(at, 3);
  pattern = pattern.drop_front(at + 3);
  llvm::StringRef value = name.take_front(name.find('.'));
  if (placeholder == "{i}") {
    if (!isIndex(value))
      return false;
    match.index = value;
  } else {
    if (value != "weight" && value != "bias")
      return false;
    match.parameter = value == "weight" ? "w" : "b";
  }
  return matchPattern(pattern, name.drop_front(value.size()), match);
}

/// Puts the matched values into a target pattern.
std::string substitute(llvm::StringRef pattern, llvm::StringRef index, llvm::StringRef parameter) {
  std::string result;
  while (true) {
    size_t at = pattern.find('{');
    result += pattern.take_front(at).str();
    if (at == llvm::StringRef::npos)
      return result;
    result += (pattern.substr(at, 3) == "{i}" ? index : parameter).str();
    pattern = pattern.drop_front(at + 3);
  }
}

struct Found {
  const NameRule *rule = nullptr;
  const IgnoreRule *ignore = nullptr;
  Match match;
};

Found findRule(const NameTable &table, llvm::ArrayRef<IgnoreRule> extraIgnored, llvm::StringRef name) {
  constexpr int maxPrefixes = 4;
  for (int depth = 0; depth <= maxPrefixes; ++depth) {
    auto ignoredBy = [&](llvm::ArrayRef<IgnoreRule> rules) {
      auto it = llvm::find_if(rules, [&](const IgnoreRule &rule) { return matchesGlob(rule.pattern, name); });
      return it == rules.end() ? nullptr : it;
    };
    Found found;
    if ((found.ignore =
             ignoredBy(extraIgnored))) // what the class does not have wins over what the library has
      return found;
    for (const NameRule &rule : table.rules)
      if (matchPattern(rule.source, name, found.match)) {
        found.rule = &rule;
        return found;
      }
    if ((found.ignore = ignoredBy(table.ignored)))
      return found;
    bool peeled = false;
    for (const char *prefix : table.prefixes)
      if (!peeled && name.consume_front(prefix))
        peeled = true;
    if (!peeled)
      break;
  }
  return {};
}

std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

/// "a, b, c and 4 more"
std::string listNames(llvm::ArrayRef<std::string> names) {
  constexpr size_t shown = 8;
  std::string result;
  for (size_t i = 0; i < std::min(shown, names.size()); ++i)
    result += (i ? ", '" : "'") + quoteForMessage(names[i]) + "'";
  if (names.size() > shown)
    result += fmt::format(" and {} more", names.size() - shown);
  return result;
}

llvm::SmallVector<int64_t, 4> squeeze(llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t, 4> result;
  for (int64_t extent : shape)
    if (extent != 1)
      result.push_back(extent);
  return result;
}

} // namespace

const TensorSlice *CanonicalTensors::find(llvm::StringRef name) const {
  auto it = slices.find(name.str());
  return it == slices.end() ? nullptr : &it->second;
}

int64_t CanonicalTensors::extent(llvm::StringRef name, int index) const {
  const TensorSlice *slice = find(name);
  if (!slice)
    return 0;
  int rank = static_cast<int>(slice->shape.size());
  int at = index < 0 ? rank + index : index;
  return at < 0 || at >= rank ? 0 : slice->shape[at];
}

llvm::Expected<CanonicalTensors> vitc::canonicalNames(const WeightStore &store, const NameTable &table,
                                                      llvm::ArrayRef<IgnoreRule> extraIgnored) {
  CanonicalTensors result;
  std::vector<std::string> unknown;
  for (const auto &[name, raw] : store.tensors()) {
    Found found = findRule(table, extraIgnored, name);
    if (found.ignore) {
      result.ignored.push_back(fmt::format("{} ({})", quoteForMessage(name), found.ignore->reason));
      continue;
    }
    if (!found.rule) {
      unknown.push_back(name);
      continue;
    }
    if (raw.type->kind == ElementType::Other)
      return inputError("{}: tensor '{}': expected a weight of type F64, F32, F16 or BF16, got {}",
                        raw.file->path(), quoteForMessage(name), raw.type->name);
    llvm::SmallVector<llvm::StringRef, 3> targets;
    llvm::StringRef(found.rule->target).split(targets, '|');
    auto parts = static_cast<int64_t>(targets.size());
    if (parts > 1 && (raw.shape.empty() || raw.shape[0] % parts != 0))
      return inputError("{}: tensor '{}': expected a first dimension that is a multiple of {}, got shape {}",
                        raw.file->path(), quoteForMessage(name), parts, shapeText(raw.shape));
    for (int64_t part = 0; part < parts; ++part) {
      TensorSlice slice;
      slice.raw = &raw;
      slice.first = raw.elements / parts * part;
      slice.shape.assign(raw.shape.begin(), raw.shape.end());
      if (parts > 1)
        slice.shape[0] /= parts;
      std::string target = substitute(targets[part], found.match.index, found.match.parameter);
      auto [it, fresh] = result.slices.try_emplace(target, slice);
      if (!fresh)
        return inputError("{}: expected one tensor for '{}', got '{}' and '{}'", store.path(), target,
                          quoteForMessage(it->second.raw->name), quoteForMessage(name));
    }
  }
  if (!unknown.empty())
    return inputError(
        "{}: {} not part of a {} Vision Transformer that vitc knows: {}; nothing is dropped silently",
        store.path(), unknown.size() == 1 ? "a tensor is" : "tensors are", table.library, listNames(unknown));
  return result;
}

bool vitc::isIgnored(llvm::ArrayRef<std::string> patterns, llvm::StringRef name) {
  return llvm::any_of(patterns, [&](const std::string &pattern) { return matchesGlob(pattern, name); });
}

std::string vitc::sourceNameOf(const NameTable &table, llvm::StringRef canonical) {
  for (const NameRule &rule : table.rules) {
    llvm::SmallVector<llvm::StringRef, 3> targets;
    llvm::StringRef(rule.target).split(targets, '|');
    for (llvm::StringRef target : targets) {
      // The target's placeholders are matched by hand: "{i}" is a number, "{p}" is w or b.
      llvm::StringRef index;
      if (canonical.starts_with("blk."))
        index = canonical.drop_front(4).take_until([](char c) { return c == '.'; });
      for (llvm::StringRef parameter : {"w", "b"})
        if (substitute(target, index, parameter) == canonical)
          return substitute(rule.source, index, parameter == "w" ? "weight" : "bias");
    }
  }
  return {};
}

llvm::Error vitc::bindTensors(Checkpoint &checkpoint, const CanonicalTensors &tensors, const NameTable &table,
                              llvm::StringRef path) {
  std::set<std::string> used;
  for (const TensorSpec &spec : expectedTensors(checkpoint.config)) {
    const TensorSlice *slice = tensors.find(spec.name);
    if (!slice) {
      std::string source = sourceNameOf(table, spec.name);
      return inputError("{}: expected a tensor '{}' of shape {}, which is missing", path.str(),
                        source.empty() ? spec.name : source, shapeText(spec.shape));
    }
    if (squeeze(slice->shape) != squeeze(spec.shape))
      return inputError("{}: tensor '{}': expected shape {} for '{}', got {}", path.str(),
                        quoteForMessage(slice->raw->name), shapeText(spec.shape), spec.name,
                        shapeText(slice->shape));
    used.insert(spec.name);
    checkpoint.tensors[spec.name] = viewOf(*slice->raw, slice->first, spec.shape);
  }
  std::set<std::string> left;
  for (const auto &[name, slice] : tensors.slices)
    if (!used.count(name))
      left.insert(slice.raw->name);
  if (!left.empty())
    return inputError("{}: left-over tensors that this model does not use: {}; nothing is dropped silently",
                      path.str(), listNames(std::vector<std::string>(left.begin(), left.end())));
  if (!tensors.ignored.empty())
    checkpoint.notes.push_back("ignored tensors: " + llvm::join(tensors.ignored, ", "));
  return llvm::Error::success();
}
