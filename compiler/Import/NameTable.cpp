#include "compiler/Import/NameTable.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Glob.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <set>

using namespace vitc;

namespace {

/// What the placeholders of a pattern matched.
struct Match {
  std::optional<int64_t> index;
  bool bias = false;
};

/// The number at the start of `name`, without leading zeros.
std::optional<int64_t> takeIndex(llvm::StringRef &name) {
  llvm::StringRef digits = name.take_while(llvm::isDigit);
  int64_t index;
  if (digits.size() > 4 || (digits.size() > 1 && digits[0] == '0') || digits.getAsInteger(10, index))
    return std::nullopt;
  name = name.drop_front(digits.size());
  return index;
}

bool matchPattern(llvm::StringRef pattern, llvm::StringRef name, llvm::ArrayRef<ParameterSpelling> parameters,
                  Match &match) {
  size_t at = pattern.find('{');
  if (at == llvm::StringRef::npos)
    return pattern == name;
  if (!name.consume_front(pattern.take_front(at)))
    return false;
  llvm::StringRef placeholder = pattern.substr(at, 3), rest = pattern.drop_front(at + 3);
  if (placeholder != "{p}") {
    match.index = takeIndex(name);
    if (match.index && placeholder == "{j}")
      --*match.index;
    return match.index && *match.index >= 0 && matchPattern(rest, name, parameters, match);
  }
  for (const ParameterSpelling &spelling : parameters)
    for (bool bias : {false, true}) {
      match.bias = bias;
      llvm::StringRef behind = name;
      if (behind.consume_front(bias ? spelling.bias : spelling.weight) &&
          matchPattern(rest, behind, parameters, match))
        return true;
    }
  return false;
}

/// Puts values into a pattern.
std::string substitute(llvm::StringRef pattern, int64_t index, llvm::StringRef parameter) {
  std::string result;
  while (true) {
    size_t at = pattern.find('{');
    result += pattern.take_front(at).str();
    if (at == llvm::StringRef::npos)
      return result;
    llvm::StringRef placeholder = pattern.substr(at, 3);
    result += placeholder == "{p}"   ? parameter.str()
              : placeholder == "{j}" ? std::to_string(index + 1)
                                     : std::to_string(index);
    pattern = pattern.drop_front(at + 3);
  }
}

/// A layout as a permutation of the stored dimensions, followed by merging neighbours.
struct LayoutForm {
  Layout layout;
  bool bias;
  const char *stored;             ///< for messages
  llvm::ArrayRef<int> order;      ///< stored dimension of each canonical one
  llvm::ArrayRef<int> groupSizes; ///< how many of `order` make one canonical dimension
};
constexpr int swap[] = {1, 0}, hwio[] = {3, 2, 0, 1}, headsIn[] = {1, 2, 0}, headsOut[] = {2, 0, 1},
              keep[] = {0, 1};
constexpr int apart[] = {1, 1, 1, 1}, firstTwo[] = {2, 1}, lastTwo[] = {1, 2}, both[] = {2};
constexpr LayoutForm layoutForms[] = {
    {Layout::Transposed, false, "[in, out]", swap, llvm::ArrayRef<int>(apart, 2)},
    {Layout::Hwio, false, "[height, width, in, out]", hwio, apart},
    {Layout::HeadsIn, false, "[in, heads, head size]", headsIn, firstTwo},
    {Layout::HeadsIn, true, "[heads, head size]", keep, both},
    {Layout::HeadsOut, false, "[heads, head size, out]", headsOut, lastTwo},
};

/// The form that `slice` needs, if any; false if its rank does not fit.
bool applyLayout(const LayoutForm &form, TensorSlice &slice) {
  if (slice.dims.size() != form.order.size())
    return false;
  llvm::SmallVector<StridedDim, 4> dims;
  for (int stored : form.order)
    dims.push_back(slice.dims[stored]);
  slice.dims = dims;
  slice.shape.clear();
  for (int size : form.groupSizes) {
    int64_t extent = 1;
    for (int i = 0; i < size; ++i, dims.erase(dims.begin()))
      extent *= dims.front().extent;
    slice.shape.push_back(extent);
  }
  return true;
}

struct Found {
  const NameRule *rule = nullptr;
  const IgnoreRule *ignore = nullptr;
  Match match;
};

/// `name` with the first rewrite that fits.
std::optional<std::string> rewrite(const NameTable &table, llvm::StringRef name) {
  for (const NameRewrite &rule : table.rewrites) {
    auto [before, behind] = llvm::StringRef(rule.from).split("{i}");
    llvm::StringRef rest = name;
    if (rest.consume_front(before) && takeIndex(rest) && rest.consume_front(behind))
      return rule.to + rest.str();
  }
  return std::nullopt;
}

Found findRuleAsIs(const NameTable &table, llvm::ArrayRef<IgnoreRule> extraIgnored, llvm::StringRef name) {
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
    for (const NameRule &rule : table.rules) {
      found.match = {};
      if (matchPattern(rule.source, name, table.parameters, found.match)) {
        found.rule = &rule;
        return found;
      }
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

Found findRule(const NameTable &table, llvm::ArrayRef<IgnoreRule> extraIgnored, llvm::StringRef name) {
  Found found = findRuleAsIs(table, extraIgnored, name);
  if (found.rule || found.ignore)
    return found;
  for (llvm::StringRef rest = name;;) {
    if (std::optional<std::string> other = rewrite(table, rest))
      return findRuleAsIs(table, extraIgnored, *other);
    auto prefix = llvm::find_if(table.prefixes, [&](const char *p) { return rest.consume_front(p); });
    if (prefix == table.prefixes.end())
      return found;
  }
}

std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

llvm::SmallVector<int64_t, 4> squeeze(llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t, 4> result;
  for (int64_t extent : shape)
    if (extent != 1)
      result.push_back(extent);
  return result;
}

} // namespace

std::string vitc::listNames(llvm::ArrayRef<std::string> names) {
  constexpr size_t shown = 8;
  std::string result;
  for (size_t i = 0; i < std::min(shown, names.size()); ++i)
    result += (i ? ", '" : "'") + quoteForMessage(names[i]) + "'";
  if (names.size() > shown)
    result += fmt::format(" and {} more", names.size() - shown);
  return result;
}

std::vector<std::string> vitc::unknownTensors(const WeightStore &store, const NameTable &table,
                                              llvm::ArrayRef<IgnoreRule> extraIgnored) {
  std::vector<std::string> unknown;
  for (const auto &[name, raw] : store.tensors()) {
    Found found = findRule(table, extraIgnored, name);
    if (!found.rule && !found.ignore)
      unknown.push_back(name);
  }
  return unknown;
}

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

/// The tensor as it is stored, if it holds weights.
static llvm::Expected<TensorSlice> wholeTensor(const RawTensor &raw) {
  if (raw.type->kind == ElementType::Other)
    return inputError("{}: tensor '{}': expected a weight of type F64, F32, F16 or BF16, got {}",
                      raw.source->path(), quoteForMessage(raw.name), raw.type->name);
  return TensorSlice::all(raw);
}

static llvm::Error addSlice(const WeightStore &store, const std::string &name, const TensorSlice &slice,
                            CanonicalTensors &result) {
  auto [it, fresh] = result.slices.try_emplace(name, slice);
  if (fresh)
    return llvm::Error::success();
  return inputError("{}: expected one tensor for '{}', got '{}' and '{}'", store.path(),
                    quoteForMessage(name), quoteForMessage(it->second.raw->name),
                    quoteForMessage(slice.raw->name));
}

llvm::Error vitc::addCanonical(const WeightStore &store, const RawTensor &raw, const NameRule &rule,
                               std::optional<int64_t> index, bool bias, CanonicalTensors &result) {
  auto refuse = [&](const std::string &expected) {
    return inputError("{}: tensor '{}': expected {}, got shape {}", raw.source->path(),
                      quoteForMessage(raw.name), expected, shapeText(raw.shape));
  };
  llvm::Expected<TensorSlice> stored = wholeTensor(raw);
  if (!stored)
    return stored.takeError();
  // Blocks: one, or those along the first dimension of a scanned model.
  TensorSlice &whole = *stored;
  bool scanned = !index && llvm::StringRef(rule.target).contains("{i}");
  int64_t blocks = 1, blockStride = 0;
  if (scanned) {
    if (whole.dims.empty() || whole.dims[0].extent > 9999)
      return refuse("the blocks along its first dimension, at most 9999");
    blocks = whole.dims[0].extent;
    blockStride = whole.dims[0].stride;
    whole.dims.erase(whole.dims.begin());
    whole.shape.erase(whole.shape.begin());
  }
  const LayoutForm *form = llvm::find_if(layoutForms, [&](const LayoutForm &candidate) {
    return candidate.layout == rule.layout && candidate.bias == bias;
  });
  if (form != std::end(layoutForms) && !applyLayout(*form, whole))
    return refuse(fmt::format("{}{}", scanned ? "blocks of " : "", form->stored));
  llvm::SmallVector<llvm::StringRef, 3> targets;
  llvm::StringRef(rule.target).split(targets, '|');
  auto parts = static_cast<int64_t>(targets.size());
  if (parts > 1 && (whole.dims.empty() || whole.dims[0].extent % parts != 0))
    return refuse(fmt::format("a first dimension that is a multiple of {}", parts));
  for (int64_t block = 0; block < blocks; ++block)
    for (int64_t part = 0; part < parts; ++part) {
      TensorSlice slice = whole;
      slice.first = block * blockStride;
      if (parts > 1) {
        slice.shape[0] /= parts;
        slice.dims[0].extent /= parts;
        slice.first += part * slice.dims[0].extent * slice.dims[0].stride;
      }
      std::string target = substitute(targets[part], scanned ? block : index.value_or(0), bias ? "b" : "w");
      if (llvm::Error error = addSlice(store, target, slice, result))
        return error;
    }
  return llvm::Error::success();
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
    if (!found.rule && table.restIsCanonical) {
      llvm::Expected<TensorSlice> whole = wholeTensor(raw);
      if (!whole)
        return whole.takeError();
      if (llvm::Error error = addSlice(store, name, *whole, result))
        return std::move(error);
      continue;
    }
    if (!found.rule) {
      unknown.push_back(name);
      continue;
    }
    if (llvm::Error error =
            addCanonical(store, raw, *found.rule, found.match.index, found.match.bias, result))
      return std::move(error);
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
      // The target's placeholders are matched by hand: an index is a number, "{p}" is w or b.
      llvm::StringRef rest = canonical;
      rest.consume_front("blk.");
      int64_t index = takeIndex(rest).value_or(0);
      for (llvm::StringRef parameter : {"w", "b"})
        if (substitute(target, index, parameter) == canonical) {
          llvm::SmallVector<llvm::StringRef, 2> spellings;
          for (const ParameterSpelling &spelling : table.parameters)
            if (llvm::StringRef name = parameter == "w" ? spelling.weight : spelling.bias;
                !llvm::is_contained(spellings, name))
              spellings.push_back(name);
          return substitute(rule.source, index, llvm::join(spellings, "|"));
        }
    }
  }
  return {};
}

std::string vitc::problemOf(llvm::StringRef source, llvm::StringRef target) {
  int indices = 0, parameters = 0;
  for (auto [text, isTarget] : {std::pair(source, false), std::pair(target, true)})
    for (size_t at = text.find_first_of("{}"); at != llvm::StringRef::npos;
         at = text.find_first_of("{}", at + 3)) {
      llvm::StringRef placeholder = text.substr(at, 3);
      bool index = placeholder == "{i}" || (placeholder == "{j}" && !isTarget);
      if (!index && placeholder != "{p}")
        return fmt::format("{} as placeholders", isTarget ? "{i} and {p}" : "{i} or {j}, and {p},");
      (index ? indices : parameters) += isTarget ? 0 : 1;
      if (isTarget && !index && !parameters)
        return "{p} on both sides";
    }
  if (source.empty() || indices > 1 || parameters > 1)
    return "each placeholder once in a name that is not empty";
  llvm::SmallVector<llvm::StringRef, 3> parts;
  target.split(parts, '|');
  constexpr size_t maxParts = 8;
  if (parts.size() > maxParts || llvm::is_contained(parts, ""))
    return fmt::format("1 to {} canonical names, with | between them", maxParts);
  return "";
}

/// Where the fields stand that imply a tensor: "; see width (vit.json:3:12)", or "" without a document.
static std::string seeFields(const JsonDocument *description, const TensorSpec &spec) {
  if (!description)
    return "";
  llvm::SmallVector<std::string, 3> places;
  for (llvm::StringRef field : spec.fields)
    if (std::string place =
            fmt::format("{} ({})", field.str(), description->root().nearest(field).position());
        !llvm::is_contained(places, place))
      places.push_back(std::move(place));
  return "; see " + llvm::join(places, ", ");
}

llvm::Error vitc::bindTensors(Checkpoint &checkpoint, const CanonicalTensors &tensors, const NameTable &table,
                              llvm::StringRef path, const JsonDocument *description) {
  std::set<std::string> used;
  for (const TensorSpec &spec : expectedTensors(checkpoint.config)) {
    if (checkpoint.tensors.count(spec.name)) // from the command line
      continue;
    const TensorSlice *slice = tensors.find(spec.name);
    if (!slice) {
      std::string source = sourceNameOf(table, spec.name);
      return inputError("{}: expected a tensor '{}' of shape {}, which is missing{}", path.str(),
                        source.empty() ? spec.name : source, shapeText(spec.shape),
                        seeFields(description, spec));
    }
    if (squeeze(slice->shape) != squeeze(spec.shape))
      return inputError("{}: tensor '{}': expected shape {} for '{}', got {}{}{}", path.str(),
                        quoteForMessage(slice->raw->name), shapeText(spec.shape), spec.name,
                        shapeText(slice->shape),
                        llvm::is_contained(slice->shape, 0)
                            ? ", without elements: the code that made it slices behind the end of an axis"
                            : "",
                        seeFields(description, spec));
    used.insert(spec.name);
    checkpoint.tensors[spec.name] = viewOf(*slice, spec.shape);
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
