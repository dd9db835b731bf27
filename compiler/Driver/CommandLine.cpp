#include "compiler/Driver/CommandLine.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/Suggest.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace vitc;
using llvm::opt::Arg;

#define OPTTABLE_STR_TABLE_CODE
#include "compiler/Driver/Options.inc"
#undef OPTTABLE_STR_TABLE_CODE

#define OPTTABLE_PREFIXES_TABLE_CODE
#include "compiler/Driver/Options.inc"
#undef OPTTABLE_PREFIXES_TABLE_CODE

using namespace llvm::opt;

static constexpr OptTable::Info kInfoTable[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "compiler/Driver/Options.inc"
#undef OPTION
};

namespace {
struct Table : GenericOptTable {
  Table() : GenericOptTable(OptionStrTable, OptionPrefixesTable, kInfoTable) { setDashDashParsing(true); }
};
} // namespace

const OptTable &vitc::optionTable() {
  static const Table table;
  return table;
}

std::string Arguments::spelling(OptionId option) {
  return optionTable().getOption(option).getPrefixedName().str();
}

/// Commands, other than the one asked for, that have this option; for messages.
static std::string ownersOf(llvm::StringRef option) {
  std::string owners;
  llvm::StringRef bare = option.split('=').first;
  for (const CommandInfo &command : allCommands())
    for (unsigned id = 1; id <= optionTable().getNumOptions(); ++id) {
      Option candidate = optionTable().getOption(id);
      if (candidate.getKind() == Option::InputClass || candidate.getKind() == Option::UnknownClass)
        continue;
      if (candidate.hasVisibilityFlag(command.visibility) && candidate.getPrefixedName() == bare) {
        owners += (owners.empty() ? "'" : ", '") + command.name.str() + "'";
        break;
      }
    }
  return owners;
}

static llvm::Error unknownOption(const Arg &arg, OptionVisibility command, llvm::StringRef commandName) {
  std::string text = arg.getSpelling().str();
  std::string message = "unknown option '" + quoteForMessage(text) + "'";
  if (!commandName.empty())
    message += " for 'vitc " + commandName.str() + "'";
  std::string nearest, owners = ownersOf(text);
  // A third of the letters may differ, as in the suggestions for other words.
  unsigned limit = std::clamp<unsigned>(static_cast<unsigned>(text.size() / 3), 1, 4);
  if (text.size() < 100 &&
      optionTable().findNearest(text, nearest, Visibility(command), /*MinimumLength=*/1, limit) <= limit)
    message += "; did you mean '" + nearest + "'?";
  else if (!owners.empty())
    message += ": it belongs to " + owners;
  else
    message += "; see 'vitc help" + (commandName.empty() ? "" : " " + commandName.str()) + "'";
  return makeError(ExitCode::Usage, "{}", message);
}

llvm::Expected<Arguments> Arguments::parse(llvm::ArrayRef<const char *> args, OptionVisibility command,
                                           llvm::StringRef commandName) {
  unsigned missingIndex = 0, missingCount = 0;
  Arguments result(optionTable().ParseArgs(args, missingIndex, missingCount, Visibility(command)));
  for (const Arg *arg : result.list.filtered(OPT_UNKNOWN))
    return unknownOption(*arg, command, commandName);
  if (missingCount)
    return makeError(ExitCode::Usage, "option '{}' expects a value", args[missingIndex]);
  for (const Arg *arg : result.list.filtered(OPT_INPUT))
    result.inputs.emplace_back(arg->getValue());
  return result;
}

std::optional<std::string> Arguments::value(OptionId option) const {
  if (const Arg *arg = list.getLastArg(option))
    return std::string(arg->getValue());
  return std::nullopt;
}

std::vector<std::string> Arguments::values(OptionId option) const { return list.getAllArgValues(option); }

llvm::Expected<std::vector<std::string>> Arguments::words(OptionId option) const {
  std::vector<std::string> result;
  for (const std::string &value : values(option)) {
    llvm::SmallVector<llvm::StringRef> pieces;
    llvm::StringRef(value).split(pieces, ',');
    for (llvm::StringRef piece : pieces) {
      if (piece.trim().empty())
        return makeError(ExitCode::Usage, "{}: expected a list of words with commas between them, got '{}'",
                         spelling(option), quoteForMessage(value));
      result.push_back(piece.trim().str());
    }
  }
  return result;
}

static llvm::Expected<int64_t> toInteger(OptionId option, llvm::StringRef text, int64_t low, int64_t high) {
  int64_t number;
  if (text.getAsInteger(10, number) || number < low || number > high)
    return makeError(ExitCode::Usage, "{}: expected an integer from {} to {}, got '{}'",
                     Arguments::spelling(option), low, high, quoteForMessage(text));
  return number;
}

llvm::Expected<int64_t> Arguments::integer(OptionId option, int64_t otherwise, int64_t low,
                                           int64_t high) const {
  std::optional<std::string> text = value(option);
  return text ? toInteger(option, *text, low, high) : otherwise;
}

llvm::Expected<std::vector<int64_t>> Arguments::integers(OptionId option, std::vector<int64_t> otherwise,
                                                         int64_t low, int64_t high) const {
  if (!has(option))
    return otherwise;
  llvm::Expected<std::vector<std::string>> texts = words(option);
  if (!texts)
    return texts.takeError();
  std::vector<int64_t> result;
  for (const std::string &text : *texts) {
    llvm::Expected<int64_t> number = toInteger(option, text, low, high);
    if (!number)
      return number.takeError();
    result.push_back(*number);
  }
  return result;
}

llvm::Expected<double> Arguments::number(OptionId option, double otherwise, double low, double high) const {
  std::optional<std::string> text = value(option);
  if (!text)
    return otherwise;
  double number;
  // Negated, so that NaN does not pass.
  if (!llvm::to_float(*text, number) || !(number >= low && number <= high))
    return makeError(ExitCode::Usage, "{}: expected a number from {} to {}, got '{}'", spelling(option), low,
                     high, quoteForMessage(*text));
  return number;
}

llvm::Expected<std::string> Arguments::choice(OptionId option, llvm::StringRef otherwise,
                                              llvm::ArrayRef<llvm::StringRef> choices) const {
  std::optional<std::string> text = value(option);
  if (!text)
    return otherwise.str();
  if (!llvm::is_contained(choices, *text))
    return makeError(ExitCode::Usage, "{}: expected one of {}, got '{}'{}", spelling(option),
                     llvm::join(choices, ", "), quoteForMessage(*text), didYouMean(*text, choices));
  return *text;
}

llvm::Expected<std::string> Arguments::single(llvm::StringRef what) const {
  if (inputs.empty())
    return makeError(ExitCode::Usage, "expected {}, got nothing", what.str());
  if (inputs.size() > 1)
    return makeError(ExitCode::Usage, "expected only {}, got also '{}'", what.str(),
                     quoteForMessage(inputs[1]));
  return inputs.front();
}
