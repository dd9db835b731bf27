//===- VitInterfaces.td - interfaces of the vit dialect ---------------------------------------------===//

#ifndef DIALECT_IR_VITINTERFACES_TD
#define DIALECT_IR_VITINTERFACES_TD

include "mlir/IR/OpBase.td"

def WeightTransformInterface : AttrInterface<"WeightTransformInterface"> {
  let cppNamespace = "::vit";
  let description = [{
    One step of the chain by which a weight is derived. The first step of a chain receives no input (an empty shape);
    every other one receives the result of the step before it.
  }];
  let methods = [
    InterfaceMethod<"True if the step starts a chain (reads no input).", "bool", "isSource">,
    InterfaceMethod<[{Shape of the result for an input of shape `input`. `lookup` gives the shape of another weight.
      Reports through `emitError` and fails when the shapes do not fit.}],
      "::llvm::FailureOr<::llvm::SmallVector<int64_t>>", "inferShape",
      (ins "::llvm::ArrayRef<int64_t>":$input,
           "::llvm::function_ref<::llvm::FailureOr<::llvm::SmallVector<int64_t>>(::mlir::FlatSymbolRefAttr)>":$lookup,
           "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError)>,
  ];
}

def PlannedOpInterface : OpInterface<"PlannedOpInterface"> {
  let cppNamespace = "::vit";
  let description = [{
    A planned op is one parallel region of the forward: it reads buffers, writes buffers, and divides into independent
    chunks.
  }];
  let methods = [
    InterfaceMethod<"Chunks that the region divides into, per image.", "int64_t", "getChunks">,
    InterfaceMethod<"Neighbouring chunks that read the same weights; divides the chunks.", "int64_t",
      "getParts", (ins), [{}], [{
      return 1;
    }]>,
    InterfaceMethod<[{The region divided further, for many threads, as an operation of its own, in no block; null if the
      plan has no such division. The results have the same bits.}], "::mlir::Operation *", "cloneFine", (ins), [{}], [{
      return nullptr;
    }]>,
    InterfaceMethod<"Executed floating-point operations per image: multiply-adds times two.", "int64_t", "getFlops",
      (ins), [{}], [{
      return 0;
    }]>,
    InterfaceMethod<"What multiplies in those operations; none: f32.", "::std::optional<::vit::DotKind>", "getDotKind",
      (ins), [{}], [{
      return ::std::nullopt;
    }]>,
    InterfaceMethod<"Bytes of the operands of one image, each read or written once: what the region moves at least.",
      "::vit::MovedBytes", "getMovedBytes", (ins), [{}], [{
      return ::vit::movedBytes($_op);
    }]>,
    InterfaceMethod<"True if a pass over several images does one chunk of every image before the next chunk.", "bool",
      "getImagesInner", (ins), [{}], [{
      return false;
    }]>,
    InterfaceMethod<"Buffers the region writes.", "::llvm::SmallVector<::mlir::Value>", "getOutputBuffers", (ins),
      [{}], [{
      return ::vit::writtenBuffers($_op);
    }]>,
    InterfaceMethod<"Scratch bytes that one chunk needs.", "int64_t", "getScratchBytes", (ins), [{}], [{
      return 0;
    }]>,
  ];
}

#endif // DIALECT_IR_VITINTERFACES_TD
