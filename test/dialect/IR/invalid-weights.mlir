// One case for each constraint of weights, and for the shape rule of each step of a chain (weight_c4).
// RUN: vit-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected a tensor of f32 with 1 to 4 static, positive dimensions, got 'tensor<2x?xf32>' (weight_c1)}}
vit.weight @weight_c1_dynamic : tensor<2x?xf32>

// -----

// expected-error @+1 {{got 'tensor<2x3xf16>' (weight_c1)}}
vit.weight @weight_c1_element : tensor<2x3xf16>

// -----

// expected-error @+1 {{got 'tensor<f32>' (weight_c1)}}
vit.weight @weight_c1_rank : tensor<f32>

// -----

// expected-error @+1 {{got 'memref<4xf32>' (weight_c1)}}
vit.weight @weight_c1_memref : memref<4xf32>

// -----

// expected-error @+1 {{got 'tensor<4611686018427387904x4xf32>' (weight_c1)}}
vit.weight @weight_c1_huge : tensor<4611686018427387904x4xf32>

// -----

// expected-error @+1 {{expected a weight transform, got 1 : i64 (weight_c2)}}
vit.weight @weight_c2_step : tensor<2xf32> = [1]

// -----

// expected-error @+1 {{expected a source as first step, got #vit.rows<0, 2> (weight_c2)}}
vit.weight @weight_c2_first : tensor<2xf32> = [#vit.rows<0, 2>]

// -----

// expected-error @+1 {{expected no source after the first step, got #vit.zeros<[2]> (weight_c2)}}
vit.weight @weight_c2_later : tensor<2xf32> = [#vit.zeros<[2]>, #vit.zeros<[2]>]

// -----

// expected-error @+1 {{expected at least one step in a chain (weight_c2)}}
vit.weight @weight_c2_empty : tensor<2xf32> = []

// -----

// expected-error @+1 {{expected a weight named @missing (weight_c3)}}
vit.weight @weight_c3_missing : tensor<2xf32> = [#vit.ref<@missing>]

// -----

func.func private @function()
// expected-error @+1 {{expected a weight named @function (weight_c3)}}
vit.weight @weight_c3_no_weight : tensor<2xf32> = [#vit.ref<@function>]

// -----

// expected-error @+1 {{expected a chain without cycles, got one through @a (weight_c3)}}
vit.weight @a : tensor<2xf32> = [#vit.ref<@b>]
vit.weight @b : tensor<2xf32> = [#vit.zeros<[2]>, #vit.add<@a>]

// -----

// expected-error @+1 {{expected a chain without cycles, got one through @self (weight_c3)}}
vit.weight @self : tensor<2xf32> = [#vit.ref<@self>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected the chain to give 'tensor<3x2xf32>', got [2, 3] (weight_c4)}}
vit.weight @weight_c4 : tensor<3x2xf32> = [#vit.ref<@m>]

// -----

// expected-error @+1 {{expected an offset that is a multiple of 64 and not negative, got 32 (weight_c5)}}
vit.weight @weight_c5 : tensor<3x2xf32> at 32

// -----

// expected-error @+1 {{expected an offset that is a multiple of 64 and not negative, got -64 (weight_c5)}}
vit.weight @weight_c5_negative : tensor<3x2xf32> at -64

// -----

// expected-error @+1 {{expected a result of positive extents and at most 2^31 elements in step 'zeros' (weight_c4)}}
vit.weight @zeros : tensor<2xf32> = [#vit.zeros<[-2]>]

// -----

vit.weight @m : tensor<2x3xf32>
vit.weight @n : tensor<2x4xf32>
// expected-error @+1 {{expected weights that differ in rows only in step 'append' (weight_c4)}}
vit.weight @append : tensor<4x3xf32> = [#vit.ref<@m>, #vit.append<@n>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected rows inside the weight in step 'rows' (weight_c4)}}
vit.weight @rows : tensor<2x3xf32> = [#vit.ref<@m>, #vit.rows<1, 2>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected rows inside the weight in step 'rows' (weight_c4)}}
vit.weight @rows_negative : tensor<1x3xf32> = [#vit.ref<@m>, #vit.rows<-1, 1>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected as many elements as before in step 'reshape' (weight_c4)}}
vit.weight @reshape : tensor<2x2xf32> = [#vit.ref<@m>, #vit.reshape<[2, 2]>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected a result of positive extents and at most 2^31 elements in step 'reshape' (weight_c4)}}
vit.weight @reshape_overflow : tensor<2x3xf32> = [#vit.ref<@m>, #vit.reshape<[4611686018427387904, 4, 6]>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected a finite factor in step 'scale' (weight_c4)}}
vit.weight @scale : tensor<2x3xf32> = [#vit.ref<@m>, #vit.scale<0x7FF0000000000000 : f64>]

// -----

vit.weight @m : tensor<2x3xf32>
vit.weight @g : tensor<2xf32>
// expected-error @+1 {{expected a matrix and one factor per column in step 'scale_cols' (weight_c4)}}
vit.weight @scale_cols : tensor<2x3xf32> = [#vit.ref<@m>, #vit.scale_cols<@g>]

// -----

vit.weight @m : tensor<2x3xf32>
vit.weight @g : tensor<3xf32>
// expected-error @+1 {{expected a matrix or vector and one factor per row in step 'scale_rows' (weight_c4)}}
vit.weight @scale_rows : tensor<2x3xf32> = [#vit.ref<@m>, #vit.scale_rows<@g>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected a matrix whose columns divide into the factors in step 'scale_col_groups' (weight_c4)}}
vit.weight @scale_col_groups : tensor<2x3xf32> = [#vit.ref<@m>, #vit.scale_col_groups<[1.0, 2.0]>]

// -----

vit.weight @m : tensor<2x3xf32>
vit.weight @n : tensor<3x2xf32>
// expected-error @+1 {{expected a weight of the same shape in step 'add' (weight_c4)}}
vit.weight @add : tensor<2x3xf32> = [#vit.ref<@m>, #vit.add<@n>]

// -----

vit.weight @m : tensor<2x3xf32>
vit.weight @v : tensor<2xf32>
// expected-error @+1 {{expected a vector [n], a matrix [n, k] and a vector [k] in step 'add_matvec' (weight_c4)}}
vit.weight @add_matvec : tensor<2xf32> = [#vit.ref<@v>, #vit.add_matvec<@m, @v>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected a vector [n] and a matrix [n, k] whose columns divide into the factors in step 'add_col_groups' (weight_c4)}}
vit.weight @add_col_groups : tensor<2xf32> = [#vit.zeros<[2]>, #vit.add_col_groups<@m, [1.0, 2.0]>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected a dimension that divides into groups in step 'pad_groups' (weight_c4)}}
vit.weight @pad_groups : tensor<2x4xf32> = [#vit.ref<@m>, #vit.pad_groups<dim = 1, 2 to 4>]

// -----

// expected-error @+1 {{expected dimension 0 or 1 and a group that does not shrink}}
vit.weight @pad_groups_shrink : tensor<2x4xf32> = [#vit.zeros<[2, 4]>, #vit.pad_groups<dim = 1, 4 to 2>]

// -----

vit.weight @m : tensor<2x3xf32>
// expected-error @+1 {{expected a shape of the same rank that does not shrink in step 'pad' (weight_c4)}}
vit.weight @pad : tensor<4x2xf32> = [#vit.ref<@m>, #vit.pad<[4, 2]>]

// -----

vit.weight @v : tensor<2xf32>
// expected-error @+1 {{expected a matrix in step 'pack_panels' (weight_c4)}}
vit.weight @pack_panels : tensor<1x2x4xf32> = [#vit.ref<@v>, #vit.pack_panels<4>]

// -----

// expected-error @+1 {{expected a panel width of 1 to 4096, got 0}}
vit.weight @pack_panels_width : tensor<1x2x4xf32> = [#vit.zeros<[2, 2]>, #vit.pack_panels<0>]

// -----

// expected-note @+1 {{the weight is declared here}}
vit.weight @w : tensor<2x3xf32>
func.func @param_c1_type() {
  // expected-error @+1 {{expected a weight @w of type 'tensor<3x2xf32>' (param_c1)}}
  vit.param @w : tensor<3x2xf32>
  return
}

// -----

func.func @param_c1_missing() {
  // expected-error @+1 {{expected a weight @w of type 'tensor<3x2xf32>' (param_c1)}}
  vit.param @w : tensor<3x2xf32>
  return
}

// -----

// expected-error @+1 {{expected bf16, got 'f32'}}
vit.weight @round : tensor<2x2xf32> = [#vit.zeros<[2, 2]>, #vit.round<f32>]

// -----

// expected-error @+1 {{expected a tensor of bf16 with 1 to 4 static, positive dimensions, got 'tensor<2x2xf32>' (weight_c1)}}
vit.weight @round_type : tensor<2x2xf32> = [#vit.zeros<[2, 2]>, #vit.round<bf16>]

// -----

// What follows the rounding is computed in float64 again.
// expected-error @+1 {{expected a tensor of f32 with 1 to 4 static, positive dimensions, got 'tensor<2x2xbf16>' (weight_c1)}}
vit.weight @round_early : tensor<2x2xbf16> = [#vit.zeros<[2, 2]>, #vit.round<bf16>, #vit.scale<2.0 : f64>]

// -----

// expected-error @+1 {{expected 1, 2 or 4 neighbours along K, got 3}}
vit.weight @pack_panels_by : tensor<1x1x12xf32> = [#vit.zeros<[2, 2]>, #vit.pack_panels<4 by 3>]

// -----

// expected-error @+1 {{expected a matrix in step 'quantize_rows' (weight_c4)}}
vit.weight @quantize_rows : tensor<2xi8> = [#vit.zeros<[2]>, #vit.quantize_rows]

// -----

// expected-error @+1 {{expected a tensor of i8 with 1 to 4 static, positive dimensions, got 'tensor<2x2xf32>' (weight_c1)}}
vit.weight @quantize_rows_type : tensor<2x2xf32> = [#vit.zeros<[2, 2]>, #vit.quantize_rows]

// -----

// expected-error @+1 {{expected a matrix in step 'row_scales' (weight_c4)}}
vit.weight @row_scales : tensor<2xf32> = [#vit.zeros<[2]>, #vit.row_scales]

// -----

// expected-error @+1 {{expected a matrix in step 'row_sums' (weight_c4)}}
vit.weight @row_sums : tensor<2xf32> = [#vit.zeros<[2]>, #vit.row_sums]

// -----

// expected-error @+1 {{expected a positive count and a positive, finite base}}
vit.weight @rope_periods : tensor<2xf32> = [#vit.rope_periods<2, -1.0 : f64>]

// -----

// expected-error @+1 {{expected a vector of periods in step 'rope_angles' (weight_c4)}}
vit.weight @rope_angles : tensor<6x8xf32> = [#vit.zeros<[2, 1]>, #vit.rope_angles<2 x 3, centered = false, xy = false, ref = 16 x 16, offset = 0.0 : f64>]

// -----

// expected-error @+1 {{expected a grid of 1 to 16384 patches along each axis, got 0 x 3}}
vit.weight @rope_angles_grid : tensor<6x8xf32> = [#vit.zeros<[2]>, #vit.rope_angles<0 x 3, centered = false, xy = false, ref = 16 x 16, offset = 0.0 : f64>]

// -----

// expected-error @+1 {{expected a positive reference grid and a finite offset}}
vit.weight @rope_angles_ref : tensor<6x8xf32> = [#vit.zeros<[2]>, #vit.rope_angles<2 x 3, centered = false, xy = false, ref = 0 x 16, offset = 0.0 : f64>]

// -----

// expected-error @+1 {{expected frequencies [2, heads, size / 2] in step 'rope_mixed' (weight_c4)}}
vit.weight @rope_mixed : tensor<6x8xf32> = [#vit.zeros<[3, 2, 2]>, #vit.rope_mixed<2 x 3>]

// -----

// expected-error @+1 {{expected a dimension that divides into groups in step 'interleave_halves' (weight_c4)}}
vit.weight @interleave : tensor<6x2xf32> = [#vit.zeros<[6, 2]>, #vit.interleave_halves<dim = 0, 4>]

// -----

// expected-error @+1 {{expected dimension 0 or 1 and groups of an even size}}
vit.weight @interleave_odd : tensor<6x2xf32> = [#vit.zeros<[6, 2]>, #vit.interleave_halves<dim = 0, 3>]

// -----

// expected-error @+1 {{expected a table of 18 rows in step 'relative_bias' (weight_c4)}}
vit.weight @relative_bias : tensor<2x7x7xf32> = [#vit.zeros<[17, 2]>, #vit.relative_bias<2 x 3>]

// -----

// expected-error @+1 {{expected two dimensions or more in step 'transpose' (weight_c4)}}
vit.weight @transpose : tensor<4xf32> = [#vit.zeros<[4]>, #vit.transpose]

// -----

vit.weight @two : tensor<2xf32>
// expected-error @+1 {{expected a divisor of one element in step 'divide' (weight_c4)}}
vit.weight @divide : tensor<4xf32> = [#vit.zeros<[4]>, #vit.divide<@two>]

// -----

// expected-error @+1 {{expected a width that is a multiple of 4, at least 8, got 4}}
vit.weight @sincos_width : tensor<6x4xf32> = [#vit.sincos<simple, [2, 3], width = 4, prefix = 0>]

// -----

// expected-error @+1 {{expected a grid of two positive extents and a prefix that is not negative}}
vit.weight @sincos_grid : tensor<6x4xf32> = [#vit.sincos<mae, [2, 0], width = 4, prefix = 0>]

// -----

// expected-error @+1 {{expected a grid of two positive extents and a prefix that is not negative}}
vit.weight @sincos_overflow : tensor<6x4xf32> = [#vit.sincos<mae, [4611686018427387904, 4], width = 4, prefix = 0>]

// -----

// expected-error @+2 {{expected grids of two positive extents and a prefix that is not negative}}
vit.weight @resize_grid_prefix : tensor<5x6xf32>
    = [#vit.zeros<[5, 6]>, #vit.resize_grid<[2, 2] to [1, 1], prefix = -1, linear, size, antialias = false>]

// -----

// expected-error @+2 {{expected antialias = false for 'nearest', 'corners' and 'geometric'}}
vit.weight @resize_grid_antialias : tensor<2x6xf32>
    = [#vit.zeros<[5, 6]>, #vit.resize_grid<[2, 2] to [1, 1], prefix = 1, cubic50, corners, antialias = true>]

// -----

vit.weight @resize_grid_geometric : tensor<10x6xf32>
// expected-error @+1 {{expected 'linear' and odd extents for 'geometric'}}
    = [#vit.zeros<[4, 6]>, #vit.resize_grid<[3, 1] to [4, 1], prefix = 0, linear, geometric, antialias = false>]

// -----

// expected-error @+1 {{expected a matrix with a row for each point of the grid in step 'resize_grid' (weight_c4)}}
vit.weight @resize_grid : tensor<2x6xf32>
    = [#vit.zeros<[5, 6]>, #vit.resize_grid<[2, 2] to [1, 1], prefix = 2, linear, size, antialias = false>]
