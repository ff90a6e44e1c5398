// The layer norm of prologue/norm.wgsl, for a product without a bias.
@group(0) @binding(3) var<storage, read> norm_weight: array<vec4f>;   // [k]
@group(0) @binding(4) var<storage, read> norm_bias: array<vec4f>;     // [k]
