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

def FloatTensor : StaticShapeTensorOf<[F32]>;
def Tokens : 2DTensorOf<[F32]>;           // [tokens, width]
def Image : 3DTensorOf<[F32]>;            // [channels, height, width]
def Pixels : 3DTensorOf<[UI8]>;           // [height, width, channels]
def HeadPlanes : 3DTensorOf<[F32]>;       // [heads, tokens, head size]

#endif // DIALECT_IR_VITOPBASE_TD
