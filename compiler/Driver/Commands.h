//===- Commands.h - the commands of vitc --------------------------------------------------------------===//
#ifndef COMPILER_DRIVER_COMMANDS_H
#define COMPILER_DRIVER_COMMANDS_H

#include "compiler/Driver/CommandLine.h"
#include "compiler/Driver/Console.h"

namespace vitc {

struct CommandInfo {
  llvm::StringLiteral name;
  llvm::StringLiteral usage;    ///< behind "vitc NAME"
  llvm::StringLiteral summary;  ///< one line
  llvm::StringLiteral details;  ///< paragraphs, wrapped
  llvm::StringLiteral examples; ///< shell lines
  OptionVisibility visibility;
  llvm::Error (*run)(const Arguments &, Console &);
};

/// In the order in which help shows them.
llvm::ArrayRef<CommandInfo> allCommands();
/// The command called `name`, or null.
const CommandInfo *findCommand(llvm::StringRef name);

/// The overview that `vitc help` prints, and the text of one command.
void printHelp(llvm::raw_ostream &os);
void printHelp(llvm::raw_ostream &os, const CommandInfo &command);

// Each in its own file. They print results to the console's `out`; warnings and progress go to `err`.
llvm::Error compileCommand(const Arguments &arguments, Console &console);
llvm::Error runTensorCommand(const Arguments &arguments, Console &console);
llvm::Error classifyCommand(const Arguments &arguments, Console &console);
llvm::Error evalCommand(const Arguments &arguments, Console &console);
llvm::Error importCommand(const Arguments &arguments, Console &console);
llvm::Error inspectCommand(const Arguments &arguments, Console &console);
llvm::Error verifyCommand(const Arguments &arguments, Console &console);
llvm::Error doctorCommand(const Arguments &arguments, Console &console);
llvm::Error benchCommand(const Arguments &arguments, Console &console);
llvm::Error targetsCommand(const Arguments &arguments, Console &console);

} // namespace vitc

#endif // COMPILER_DRIVER_COMMANDS_H
