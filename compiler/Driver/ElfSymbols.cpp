#include "compiler/Driver/ElfSymbols.h"
#include "compiler/Support/Error.h"
#include <cstring>
#include <elf.h>

using namespace vitc;

namespace {

/// `count` structures at `offset`; nothing if they do not lie in the file. Copied: a file may place them
/// anywhere.
template <typename T>
std::optional<std::vector<T>> take(llvm::StringRef file, uint64_t offset, uint64_t count) {
  if (offset > file.size() || count > (file.size() - offset) / sizeof(T))
    return std::nullopt;
  std::vector<T> result(count);
  if (count)
    std::memcpy(result.data(), file.data() + offset, count * sizeof(T));
  return result;
}

/// The bytes of a section in the file.
std::optional<llvm::StringRef> contents(llvm::StringRef file, const Elf64_Shdr &section) {
  if (section.sh_type == SHT_NOBITS)
    return llvm::StringRef();
  if (section.sh_offset > file.size() || section.sh_size > file.size() - section.sh_offset)
    return std::nullopt;
  return file.substr(section.sh_offset, section.sh_size);
}

} // namespace

llvm::Expected<ElfFile> vitc::readElf(llvm::StringRef file) {
  auto header = take<Elf64_Ehdr>(file, 0, 1);
  if (!header || !file.starts_with(ELFMAG))
    return inputError("no ELF header");
  const Elf64_Ehdr &elf = header->front();
  if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_ident[EI_DATA] != ELFDATA2LSB)
    return inputError("not a 64-bit little-endian ELF file");
  if (elf.e_type != ET_DYN && elf.e_type != ET_REL)
    return inputError("neither a shared library nor an object");
  // Files of more sections than fit 16 bits keep the number elsewhere; vitc writes about twenty.
  auto sections = take<Elf64_Shdr>(file, elf.e_shoff, elf.e_shnum);
  if (!sections || elf.e_shentsize != sizeof(Elf64_Shdr) || !elf.e_shnum)
    return inputError("no section table within the file");

  ElfFile result;
  result.shared = elf.e_type == ET_DYN;
  uint32_t wanted = result.shared ? SHT_DYNSYM : SHT_SYMTAB;
  for (const Elf64_Shdr &table : *sections) {
    if (table.sh_type != wanted)
      continue;
    auto symbols = take<Elf64_Sym>(file, table.sh_offset, table.sh_size / sizeof(Elf64_Sym));
    if (!symbols || table.sh_link >= sections->size())
      return inputError("a symbol table outside of the file");
    auto names = contents(file, (*sections)[table.sh_link]);
    if (!names)
      return inputError("a string table outside of the file");
    for (const Elf64_Sym &symbol : *symbols) {
      if (ELF64_ST_BIND(symbol.st_info) != STB_GLOBAL || symbol.st_shndx == SHN_UNDEF ||
          symbol.st_shndx >= sections->size() || symbol.st_name >= names->size())
        continue;
      const Elf64_Shdr &section = (*sections)[symbol.st_shndx];
      auto data = contents(file, section);
      uint64_t start = result.shared ? symbol.st_value - section.sh_addr : symbol.st_value;
      if (!data || start > data->size())
        continue;
      llvm::StringRef name = names->substr(symbol.st_name);
      result.symbols.push_back({name.take_front(name.find('\0')), data->substr(start)});
    }
  }
  return result;
}

llvm::Expected<std::vector<llvm::StringRef>> vitc::archiveMembers(llvm::StringRef file) {
  constexpr size_t kHeader = 60; // name 16, date 12, owner 6, group 6, mode 8, size 10, end 2
  if (!file.consume_front("!<arch>\n"))
    return inputError("no archive header");
  std::vector<llvm::StringRef> members;
  while (!file.empty()) {
    uint64_t size;
    if (file.size() < kHeader || file.substr(48, 10).rtrim().getAsInteger(10, size) ||
        size > file.size() - kHeader)
      return inputError("a member that reaches beyond the file");
    llvm::StringRef name = file.take_front(16).rtrim();
    if (name != "/" && name != "//" && name != "/SYM64/")
      members.push_back(file.substr(kHeader, size));
    file = file.drop_front(std::min(file.size(), kHeader + size + size % 2));
  }
  return members;
}
