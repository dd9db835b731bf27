#include "compiler/Import/ViTSizes.h"

using namespace vitc;

static constexpr ViTSize sizes[] = {
    {"tiny", 192, 12, 3, 768},        {"small", 384, 12, 6, 1536},  {"base", 768, 12, 12, 3072},
    {"large", 1024, 24, 16, 4096},    {"huge", 1280, 32, 16, 5120}, {"giant", 1408, 40, 16, 6144},
    {"gigantic", 1664, 48, 16, 8192},
};

const ViTSize *vitc::findViTSize(llvm::StringRef name) {
  for (const ViTSize &size : sizes)
    if (name == size.name)
      return &size;
  return nullptr;
}
