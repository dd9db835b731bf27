#include "compiler/Target/WeightObject.h"
#include "runtime/include/vitc/abi.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace vitc;
namespace elf = llvm::ELF;

// Written from memory, which every machine that runs vitc can do: both targets are little-endian like their
// hosts.
static_assert(llvm::endianness::native == llvm::endianness::little);

template <typename T> static void writeRaw(llvm::raw_ostream &os, const T &value) {
  os.write(reinterpret_cast<const char *>(&value), sizeof value);
}

/// A string table under construction.
struct Strings {
  std::string data = std::string(1, '\0');
  uint32_t add(llvm::StringRef text) {
    uint32_t at = data.size();
    data += text;
    data += '\0';
    return at;
  }
};

llvm::Expected<WeightId> vitc::writeWeightObject(llvm::ArrayRef<BlobTensor> tensors, llvm::StringRef arch,
                                                 llvm::StringRef symbol, llvm::raw_ostream &os,
                                                 const std::function<void(double)> &progress) {
  bool x86 = arch == "x86_64";
  uint64_t bytes = blobBytes(tensors), blobAt = VITC_WEIGHTS_ALIGN;
  Strings names, symbols;
  symbols.add(symbol);

  // Sections: null, the blob, a note that the stack need not be executable, symbols, their names, section
  // names.
  enum { Null, Blob, Note, Symbols, SymbolNames, SectionNames, SectionCount };
  elf::Elf64_Shdr sections[SectionCount] = {};
  // A large section, so that code on both sides of gigabytes of weights still reaches its own data.
  sections[Blob].sh_name = names.add(x86 ? ".lrodata" : ".rodata");
  sections[Blob].sh_flags = elf::SHF_ALLOC | (x86 ? elf::SHF_X86_64_LARGE : 0);
  sections[Blob].sh_type = elf::SHT_PROGBITS;
  sections[Blob].sh_offset = blobAt;
  sections[Blob].sh_size = bytes;
  sections[Blob].sh_addralign = VITC_WEIGHTS_ALIGN;
  sections[Note].sh_name = names.add(".note.GNU-stack");
  sections[Note].sh_type = elf::SHT_PROGBITS;
  sections[Note].sh_offset = blobAt + bytes;
  sections[Note].sh_addralign = 1;
  sections[Symbols].sh_name = names.add(".symtab");
  sections[Symbols].sh_type = elf::SHT_SYMTAB;
  sections[Symbols].sh_offset = blobAt + bytes;
  sections[Symbols].sh_size = 2 * sizeof(elf::Elf64_Sym);
  sections[Symbols].sh_link = SymbolNames;
  sections[Symbols].sh_info = 1; // the first symbol that is not local
  sections[Symbols].sh_addralign = 8;
  sections[Symbols].sh_entsize = sizeof(elf::Elf64_Sym);
  sections[SymbolNames].sh_name = names.add(".strtab");
  sections[SymbolNames].sh_type = elf::SHT_STRTAB;
  sections[SymbolNames].sh_offset = sections[Symbols].sh_offset + sections[Symbols].sh_size;
  sections[SymbolNames].sh_size = symbols.data.size();
  sections[SymbolNames].sh_addralign = 1;
  sections[SectionNames].sh_name = names.add(".shstrtab");
  sections[SectionNames].sh_type = elf::SHT_STRTAB;
  sections[SectionNames].sh_offset = sections[SymbolNames].sh_offset + sections[SymbolNames].sh_size;
  sections[SectionNames].sh_size = names.data.size();
  sections[SectionNames].sh_addralign = 1;
  uint64_t stringsEnd = sections[SectionNames].sh_offset + sections[SectionNames].sh_size;

  elf::Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, elf::ElfMagic, 4);
  header.e_ident[elf::EI_CLASS] = elf::ELFCLASS64;
  header.e_ident[elf::EI_DATA] = elf::ELFDATA2LSB;
  header.e_ident[elf::EI_VERSION] = elf::EV_CURRENT;
  header.e_type = elf::ET_REL;
  header.e_machine = x86 ? elf::EM_X86_64 : elf::EM_AARCH64;
  header.e_version = elf::EV_CURRENT;
  header.e_shoff = llvm::alignTo(stringsEnd, 8);
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(elf::Elf64_Shdr);
  header.e_shnum = SectionCount;
  header.e_shstrndx = SectionNames;

  elf::Elf64_Sym none = {}, blob = {};
  blob.st_name = 1;
  blob.setBindingAndType(elf::STB_GLOBAL, elf::STT_OBJECT);
  blob.st_other = elf::STV_HIDDEN;
  blob.st_shndx = Blob;
  blob.st_size = bytes;

  writeRaw(os, header);
  os.write_zeros(blobAt - sizeof header);
  llvm::Expected<WeightId> id = writeBlob(tensors, os, progress);
  if (!id)
    return id;
  writeRaw(os, none);
  writeRaw(os, blob);
  os << symbols.data << names.data;
  os.write_zeros(header.e_shoff - stringsEnd);
  for (const elf::Elf64_Shdr &section : sections)
    writeRaw(os, section);
  return id;
}
