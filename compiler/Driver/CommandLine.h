//===- CommandLine.h - vitc's command line, typed -----------------------------------------------------===//
//
// Options are declared in Options.td. No option is a global: a command gets its Arguments, reads them into
// the structs that it works with (CompileOptions), and reports what does not fit as a usage error.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef COMPILER_DRIVER_COMMANDLINE_H
#define COMPILER_DRIVER_COMMANDLINE_H

#include "compiler/Support/Error.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vitc {

/// Which commands an option belongs to; the values of `Visibility` in Options.td.
enum OptionVisibility : unsigned {
  TopVis = 1u << 8, ///< `vitc` without a command
  CompileVis = 1u << 1,
  RunVis = 1u << 2,
  ClassifyVis = 1u << 3,
  InspectVis = 1u << 4,
  VerifyVis = 1u << 5,
  BenchVis = 1u << 6,
  TargetsVis = 1u << 7,
  ImportVis = 1u << 9,
  EvalVis = 1u << 10,
  DoctorVis = 1u << 11,
};

/// Option identifiers, OPT_target and so on.
enum OptionId : unsigned {
  OPT_INVALID = 0,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "compiler/Driver/Options.inc"
#undef OPTION
};

/// The table of all options; immutable.
const llvm::opt::OptTable &optionTable();

/// The options and positional arguments of one command.
class Arguments {
public:
  /// Parses `args` (what follows the command's name) as options of `command`. Unknown options, options of
  /// other commands, and missing values are usage errors with a suggestion.
  static llvm::Expected<Arguments> parse(llvm::ArrayRef<const char *> args, OptionVisibility command,
                                         llvm::StringRef commandName);

  /// What is no option, in order. "-" counts as positional.
  const std::vector<std::string> &positional() const { return inputs; }
  bool has(OptionId option) const { return list.hasArg(option); }
  /// The value given last.
  std::optional<std::string> value(OptionId option) const;
  /// All values, in order.
  std::vector<std::string> values(OptionId option) const;
  /// All values, each split at commas; empty pieces are errors.
  llvm::Expected<std::vector<std::string>> words(OptionId option) const;
  /// An integer within [low, high].
  llvm::Expected<int64_t> integer(OptionId option, int64_t otherwise, int64_t low, int64_t high) const;
  /// A list of integers within [low, high]; `otherwise` if the option is absent.
  llvm::Expected<std::vector<int64_t>> integers(OptionId option, std::vector<int64_t> otherwise, int64_t low,
                                                int64_t high) const;
  /// A finite number within [low, high].
  llvm::Expected<double> number(OptionId option, double otherwise, double low, double high) const;
  /// One of `choices`.
  llvm::Expected<std::string> choice(OptionId option, llvm::StringRef otherwise,
                                     llvm::ArrayRef<llvm::StringRef> choices) const;
  /// The only positional argument, `what` in messages.
  llvm::Expected<std::string> single(llvm::StringRef what) const;

  /// "--target", for messages.
  static std::string spelling(OptionId option);

private:
  explicit Arguments(llvm::opt::InputArgList list) : list(std::move(list)) {}
  llvm::opt::InputArgList list;
  std::vector<std::string> inputs;
};

} // namespace vitc

#endif // COMPILER_DRIVER_COMMANDLINE_H
