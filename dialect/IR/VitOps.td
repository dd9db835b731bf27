//===- VitOps.td - all ops of the vit dialect -------------------------------------------------------===//

include "dialect/IR/VitFusedOps.td"
include "dialect/IR/VitModelOps.td"
include "dialect/IR/VitPlannedOps.td"
include "dialect/IR/VitWeightOps.td"
