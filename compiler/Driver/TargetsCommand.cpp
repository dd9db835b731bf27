//===- TargetsCommand.cpp - vitc targets --------------------------------------------------------------===//
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/Text.h"
#include "compiler/Support/Json.h"
#include "compiler/Target/Isa.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

llvm::Error vitc::targetsCommand(const Arguments &arguments, Console &console) {
  if (!arguments.positional().empty())
    return makeError(ExitCode::Usage, "expected no argument, got '{}'",
                     quoteForMessage(arguments.positional().front()));
  // Levels that a precision does not gain from are left out, so that the best one depends on it.
  std::vector<std::string> hosts;
  const Isa *best = nullptr;
  for (Precision precision : kPrecisions) {
    llvm::Expected<std::vector<const Isa *>> host = parseTargets({"host"}, precision);
    if (!host)
      return host.takeError();
    best = host->front();
    hosts.push_back(best->name.str() + " for " + precisionName(precision).str());
  }
  TextTable table({{"target"}, {"this machine"}, {"instructions"}});
  for (const Isa &isa : allIsas())
    table.add({isa.name.str(),
               &isa == best    ? "runs, best"
               : runsHere(isa) ? "runs"
                               : "no",
               isa.summary.str()});
  table.print(console.out);
  console.out << "\nhost      " << llvm::join(hosts, ", ")
              << "\nportable  all of x86_64 that the precision gains from, the default of 'vitc compile'\n"
              << "precision f32, bf16, int8\nformat    ELF for Linux: .o .a .so, with listings .s .ll\n";
  return llvm::Error::success();
}
