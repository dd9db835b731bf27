#include "compiler/Target/LinkLibrary.h"
#include "compiler/Support/Error.h"
#include "lld/Common/Driver.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/MemoryBuffer.h"
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace vitc;

/// Runs lld. It keeps its state in globals: one link at a time, and none after a crash.
static llvm::Error runLinker(llvm::ArrayRef<std::string> arguments) {
  static std::mutex mutex;
  static bool usable = true;
  std::lock_guard lock(mutex);
  if (!usable)
    return makeError(ExitCode::Internal, "the linker crashed earlier in this process");
  std::vector<const char *> argv{"ld.lld"};
  for (const std::string &argument : arguments)
    argv.push_back(argument.c_str());
  std::string output, messages;
  llvm::raw_string_ostream outputStream(output), messageStream(messages);
  lld::Result result = lld::lldMain(argv, outputStream, messageStream, {{lld::Gnu, &lld::elf::link}});
  usable = result.canRunAgain;
  if (result.retCode == 0)
    return llvm::Error::success();
  return makeError(usable ? ExitCode::Environment : ExitCode::Internal, "the linker failed: {}",
                   llvm::StringRef(messages).trim().str());
}

static std::vector<std::string> commonArguments(llvm::StringRef arch, llvm::StringRef output) {
  return {"-m",
          arch == "x86_64" ? "elf_x86_64" : "aarch64linux",
          "-o",
          output.str(),
          "--build-id=none",
          "--no-undefined-version"};
}

llvm::Error vitc::linkShared(llvm::ArrayRef<std::string> objects, llvm::StringRef soname,
                             llvm::StringRef arch, llvm::StringRef output) {
  std::vector<std::string> arguments = commonArguments(arch, output);
  for (const char *option : {"-shared", "--hash-style=gnu", "-z", "noexecstack", "-z", "relro", "-z", "now",
                             "-z", "text", "--gc-sections", "-soname"})
    arguments.push_back(option);
  arguments.push_back(soname.str());
  arguments.insert(arguments.end(), objects.begin(), objects.end());
  return runLinker(arguments);
}

llvm::Error vitc::linkRelocatable(llvm::ArrayRef<std::string> objects, llvm::StringRef arch,
                                  llvm::StringRef output) {
  std::vector<std::string> arguments = commonArguments(arch, output);
  arguments.push_back("-r");
  arguments.insert(arguments.end(), objects.begin(), objects.end());
  return runLinker(arguments);
}

llvm::Error vitc::writeStaticLibrary(llvm::ArrayRef<ArchiveMember> members, llvm::raw_ostream &os) {
  std::vector<llvm::NewArchiveMember> rows;
  for (const ArchiveMember &member : members) {
    auto buffer =
        llvm::MemoryBuffer::getFile(member.path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!buffer)
      return makeError(ExitCode::Environment, "{}: cannot be read: {}", member.path,
                       buffer.getError().message());
    llvm::NewArchiveMember &row = rows.emplace_back();
    row.Buf = std::move(*buffer);
    row.MemberName = member.name;
  }
  return llvm::writeArchiveToStream(os, rows, llvm::SymtabWritingMode::NormalSymtab,
                                    llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
}
