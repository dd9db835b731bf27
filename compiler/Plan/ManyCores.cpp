#include "compiler/Plan/ManyCores.h"
#include "dialect/IR/VitOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace vitc;

static double share(int64_t chunks, int64_t alone, int64_t images, int64_t threads) {
  int64_t shared = chunks * (images - alone);
  int64_t time = alone / threads * chunks + (shared + threads - 1) / threads;
  return static_cast<double>(images * chunks) / static_cast<double>(threads * time);
}

double vitc::busyShare(int64_t chunks, int64_t fineChunks, bool imagesInner, int64_t images,
                       int64_t threads) {
  int64_t alone = imagesInner ? 0 : images / threads * threads;
  int64_t rest = images - alone;
  bool fine = fineChunks && rest && share(chunks, 0, rest, threads) < 0.8;
  return share(fine ? fineChunks : chunks, alone, images, threads);
}

/// "blk.3.fc1" -> "blk.*.fc1".
static std::string withoutNumbers(llvm::StringRef name) {
  llvm::SmallVector<llvm::StringRef> parts;
  name.split(parts, '.');
  for (llvm::StringRef &part : parts)
    if (!part.empty() && llvm::all_of(part, llvm::isDigit))
      part = "*";
  return llvm::join(parts, ".");
}

DividedForward vitc::divideForward(mlir::func::FuncOp function, int64_t images,
                                   const std::vector<int64_t> &threads) {
  DividedForward forward;
  std::vector<double> times(threads.size());
  double flops = 0;
  function.walk([&](vit::PlannedOpInterface op) {
    std::string name = withoutNumbers(vit::regionName(op));
    int64_t fineChunks = 0;
    if (mlir::Operation *fine = op.cloneFine()) {
      fineChunks = llvm::cast<vit::PlannedOpInterface>(fine).getChunks();
      fine->destroy();
    }
    auto same = [&](const DividedRegion &other) {
      return other.name == name && other.chunks == op.getChunks();
    };
    auto region = llvm::find_if(forward.regions, same);
    if (region == forward.regions.end()) {
      region = forward.regions.insert(region, {name, 0, op.getChunks(), fineChunks, 0, {}});
      for (int64_t count : threads)
        region->busy.push_back(busyShare(op.getChunks(), fineChunks, op.getImagesInner(), images, count));
    }
    ++region->count;
    region->flops += op.getFlops();
    auto work = static_cast<double>(op.getFlops());
    flops += work;
    for (auto [time, busy] : llvm::zip(times, region->busy))
      time += work / busy;
  });
  for (double time : times)
    forward.busy.push_back(time > 0 ? flops / time : 1);
  return forward;
}
