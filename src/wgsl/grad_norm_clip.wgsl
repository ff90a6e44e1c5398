// norm = sqrt(squares) and the factor that clips it: min(1, max_norm / (norm + 1e-6)), as torch's clip_grad_norm_; 1 when
// max_norm is 0; 0 when the norm is not finite, which makes adamw leave everything as it was. One thread.
struct Params { max_norm: f32 }
@group(0) @binding(0) var<storage, read> squares: array<f32>;         // [1] sum of squares of all gradients
@group(0) @binding(1) var<storage, read_write> result: array<f32>;    // [2] norm, coefficient
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  let total = squares[0];
  // By bits: compilers may assume that no float is infinite or NaN.
  let finite = (bitcast<u32>(total) & 0x7f800000u) != 0x7f800000u;
  let norm = select(total, sqrt(total), finite);
  var coefficient = 1.0;
  if (params.max_norm > 0.0) { coefficient = min(1.0, params.max_norm / (norm + 1e-6)); }
  result[0] = norm;
  result[1] = select(0.0, coefficient, finite);
}
