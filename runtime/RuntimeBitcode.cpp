#include "runtime/RuntimeBitcode.h"

// Written by EmbedFiles.cmake.
extern const unsigned char vitcEmbedded_x86_64[], vitcEmbedded_aarch64[], vitcEmbedded_api[];
extern const unsigned long vitcEmbedded_x86_64_size, vitcEmbedded_aarch64_size, vitcEmbedded_api_size;

static llvm::StringRef text(const unsigned char *bytes, unsigned long size) {
  return llvm::StringRef(reinterpret_cast<const char *>(bytes), size);
}

llvm::StringRef vitc::runtimeBitcode(llvm::StringRef arch) {
  if (arch == "x86_64")
    return text(vitcEmbedded_x86_64, vitcEmbedded_x86_64_size);
  if (arch == "aarch64")
    return text(vitcEmbedded_aarch64, vitcEmbedded_aarch64_size);
  return {};
}

llvm::StringRef vitc::apiHeaderText() { return text(vitcEmbedded_api, vitcEmbedded_api_size); }
