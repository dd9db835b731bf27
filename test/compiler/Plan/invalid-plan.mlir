// What vit-plan-buffers refuses.
// RUN: vit-opt %s -split-input-file -verify-diagnostics --vit-plan-buffers

// expected-error @below {{expected attribute 'vit.isa' that describes the target}}
module {
  func.func @no_isa(%x: tensor<1x4x4xf32>) { return }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  // expected-error @below {{expected one argument, the image, and one block}}
  func.func @two_arguments(%x: tensor<1x4x4xf32>, %y: tensor<1x4x4xf32>) { return }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  // expected-error @below {{expected one argument, the image, and one block}}
  func.func private @declaration(tensor<1x4x4xf32>)
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  vit.weight @w : tensor<16x16xf32>
  func.func @not_fused(%x: tensor<1x4x4xf32>) -> tensor<1x16xf32> {
    %p = vit.extract_patches %x size [4, 4] stride [4, 4] : tensor<1x4x4xf32> -> tensor<1x16xf32>
    %w = vit.param @w : tensor<16x16xf32>
    // expected-error @below {{cannot be planned: fuse it first (vit-fuse)}}
    %y = vit.linear %p, %w : (tensor<1x16xf32>, tensor<16x16xf32>) -> tensor<1x16xf32>
    return %y : tensor<1x16xf32>
  }
}

// -----

// A weight that is computed cannot be packed when the library is written.
module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  vit.weight @w : tensor<16x16xf32>
  func.func @computed_weight(%x: tensor<1x4x4xf32>) -> tensor<1x16xf32> {
    %p = vit.extract_patches %x size [4, 4] stride [4, 4] : tensor<1x4x4xf32> -> tensor<1x16xf32>
    %w = vit.param @w : tensor<16x16xf32>
    %sum = vit.add %w, %w : tensor<16x16xf32>
    // expected-error @below {{expected weight and bias to be parameters}}
    %y = vit.fused_linear %p, %sum : (tensor<1x16xf32>, tensor<16x16xf32>) -> tensor<1x16xf32>
    return %y : tensor<1x16xf32>
  }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  vit.weight @b : tensor<16xf32>
  func.func @vectors(%x: tensor<1x4x4xf32>) {
    %b = vit.param @b : tensor<16xf32>
    // expected-error @below {{cannot be planned: expected tokens [rows, columns], got 'tensor<16xf32>'}}
    %r = vit.activation relu %b : tensor<16xf32>
    return
  }
}

// -----

module attributes {vit.isa = #vit.isa<"x86-64", lanes = 4, tile = 2 x 4, panel = 32, fma = false>} {
  vit.weight @w : tensor<32x16xf32>
  func.func @planes(%x: tensor<1x4x4xf32>) {
    %p = vit.extract_patches %x size [4, 4] stride [4, 4] : tensor<1x4x4xf32> -> tensor<1x16xf32>
    %w = vit.param @w : tensor<32x16xf32>
    %y = vit.fused_linear %p, %w heads 2 : (tensor<1x16xf32>, tensor<32x16xf32>) -> tensor<2x1x16xf32>
    // expected-error @below {{cannot be planned: expected tokens [rows, columns], got 'tensor<2x1x16xf32>'}}
    %z = vit.add %y, %y : tensor<2x1x16xf32>
    return
  }
}
