//===- TargetsCommand.cpp - vitc targets --------------------------------------------------------------===//
#include "compiler/Driver/Commands.h"
#include "compiler/Driver/Text.h"
#include "compiler/Support/Json.h"
#include "compiler/Target/Isa.h"

using namespace vitc;

llvm::Error vitc::targetsCommand(const Arguments &arguments, Console &console) {
  if (!arguments.positional().empty())
    return makeError(ExitCode::Usage, "expected no argument, got '{}'",
                     quoteForMessage(arguments.positional().front()));
  llvm::Expected<std::vector<const Isa *>> host = parseTargets({"host"});
  if (!host)
    return host.takeError();
  const Isa *best = host->front();
  TextTable table({{"target"}, {"this machine"}, {"instructions"}});
  bool reached = false; // levels are sorted best first within an architecture
  for (const Isa &isa : allIsas()) {
    reached |= &isa == best;
    bool runs = isa.arch == best->arch && reached;
    table.add({isa.name.str(), &isa == best ? "runs, best" : runs ? "runs" : "no", isa.summary.str()});
  }
  table.print(console.out);
  console.out << "\nhost      " << best->name << "\nportable  all of x86_64, the default of 'vitc compile'\n"
              << "precision f32, bf16, int8\nformat    ELF for Linux: .o .a .so, with listings .s .ll\n";
  return llvm::Error::success();
}
