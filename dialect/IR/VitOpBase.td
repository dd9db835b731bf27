//===- VitOpBase.td - what all op files share -------------------------------------------------------===//

#ifndef DIALECT_IR_VITOPBASE_TD
#define DIALECT_IR_VITOPBASE_TD

include "dialect/IR/VitAttrs.td"
include "dialect/IR/VitInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class VitOp<string mnemonic, list<Trait> traits = []> : Op<VitDialect, mnemonic, traits>;

// Extents of every value are static and positive, see TypeConstraints.h.
def SupportedShapePred : CPred<"::vit::isSupportedShape(::llvm::cast<::mlir::ShapedType>($_self).getShape())">;
class SupportedTensor<Type type, string summary>
    : ConfinedType<type, [SupportedShapePred], summary # " with positive, static extents", "::mlir::RankedTensorType">;

def FloatTensor : SupportedTensor<RankedTensorOf<[F32]>, "f32 tensor">;
def Tokens : SupportedTensor<2DTensorOf<[F32]>, "f32 tensor [tokens, width]">;
def Image : SupportedTensor<3DTensorOf<[F32]>, "f32 image [channels, height, width]">;
def Pixels : SupportedTensor<3DTensorOf<[UI8]>, "ui8 pixels [height, width, channels]">;
def HeadPlanes : SupportedTensor<3DTensorOf<[F32]>, "f32 tensor [heads, tokens, head size]">;

#endif // DIALECT_IR_VITOPBASE_TD
