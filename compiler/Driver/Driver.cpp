#include "compiler/Driver/Driver.h"
#include "compiler/Driver/Commands.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/Suggest.h"
#include "compiler/Target/Interface.h"
#include "llvm/Config/llvm-config.h"

using namespace vitc;

/// "; did you mean 'X'?" for the name of a command.
static std::string suggestion(llvm::StringRef name) {
  llvm::SmallVector<llvm::StringRef> names;
  for (const CommandInfo &command : allCommands())
    names.push_back(command.name);
  names.push_back("help");
  return didYouMean(name, names);
}

static llvm::Error unknownCommand(llvm::StringRef name) {
  std::string hint = suggestion(name);
  return makeError(ExitCode::Usage, "unknown command '{}'{}", quoteForMessage(name),
                   hint.empty() ? "; see 'vitc help'" : hint);
}

static llvm::Error help(llvm::ArrayRef<const char *> args, Console &console) {
  llvm::Expected<Arguments> arguments = Arguments::parse(args, TopVis, "");
  if (!arguments)
    return arguments.takeError();
  if (arguments->positional().empty()) {
    printHelp(console.out);
    return llvm::Error::success();
  }
  for (const std::string &name : arguments->positional()) {
    const CommandInfo *command = findCommand(name);
    if (!command)
      return unknownCommand(name);
    printHelp(console.out, *command);
  }
  return llvm::Error::success();
}

static llvm::Error run(llvm::ArrayRef<const char *> args, Console &console) {
  if (args.empty())
    return makeError(ExitCode::Usage, "expected a command; see 'vitc help'");
  llvm::StringRef first = args.front();
  if (first == "help")
    return help(args.drop_front(), console);
  if (first.starts_with("-")) {
    llvm::Expected<Arguments> arguments = Arguments::parse(args, TopVis, "");
    if (!arguments)
      return arguments.takeError();
    if (arguments->has(OPT_version))
      console.out << "vitc " << compilerVersion() << " (LLVM " << LLVM_VERSION_STRING << ")\n";
    else if (arguments->has(OPT_help))
      printHelp(console.out);
    else
      return makeError(ExitCode::Usage, "expected a command; see 'vitc help'");
    return llvm::Error::success();
  }
  const CommandInfo *command = findCommand(first);
  if (!command)
    return unknownCommand(first);
  llvm::Expected<Arguments> arguments =
      Arguments::parse(args.drop_front(), command->visibility, command->name);
  if (!arguments)
    return arguments.takeError();
  if (arguments->has(OPT_help)) {
    printHelp(console.out, *command);
    return llvm::Error::success();
  }
  return command->run(*arguments, console);
}

int vitc::runCommand(llvm::ArrayRef<const char *> args, llvm::raw_ostream &out, llvm::raw_ostream &err) {
  Console console(out, err);
  if (llvm::Error error = run(args, console))
    return console.fail(std::move(error));
  return static_cast<int>(ExitCode::Done);
}
