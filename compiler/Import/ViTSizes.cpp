#include "compiler/Import/ViTSizes.h"

using namespace vitc;

static constexpr ViTSize sizes[] = {
    {"test", 64, 6, 2, 192},
    {"tiny", 192, 12, 3, 768},
    {"wee", 256, 14, 4, 1280},
    {"little", 320, 14, 5, 1792},
    {"medium", 512, 12, 8, 2048},
    {"betwixt", 640, 12, 10, 2560},
    {"small", 384, 12, 6, 1536},
    {"base", 768, 12, 12, 3072},
    {"large", 1024, 24, 16, 4096},
    {"so400m", 1152, 27, 16, 4304},
    {"huge", 1280, 32, 16, 5120},
    {"huge_plus", 1280, 32, 20, 5120},
    {"giant", 1408, 40, 16, 6144},
    {"giantopt", 1536, 40, 16, 6144},
    {"gigantic", 1664, 48, 16, 8192},
    {"7b", 4096, 40, 32, 8192},
    // Gated MLPs of other sizes.
    {"dinov2_giant", 1536, 40, 24, 4096},
    {"eva02_tiny", 192, 12, 3, 512},
    {"eva02_small", 384, 12, 6, 1024},
    {"eva02_base", 768, 12, 12, 2048},
    {"eva02_large", 1024, 24, 16, 2730},
};

const ViTSize *vitc::findViTSize(llvm::StringRef name) {
  for (const ViTSize &size : sizes)
    if (name == size.name)
      return &size;
  return nullptr;
}
