// norm = sqrt(sum of partial) and the factor that clips it: min(1, max_norm / (norm + 1e-6)), as torch's clip_grad_norm_;
// 1 when max_norm is 0; 0 when the norm is not finite, which makes adamw leave everything as it was.
struct Params { count: u32, max_norm: f32 }
@group(0) @binding(0) var<storage, read> partial: array<f32>;         // [count]
@group(0) @binding(1) var<storage, read_write> result: array<f32>;    // [2] norm, coefficient
@group(1) @binding(0) var<uniform> params: Params;

fn row_count() -> u32 { return 1u; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  var sum = 0.0;
  for (var i = lane; i < params.count; i += lanes) { sum += partial[i]; }
  let total = row_sum(sum, lane);
  if (lane != 0u) { return; }
  // By bits: compilers may assume that no float is infinite or NaN.
  let finite = (bitcast<u32>(total) & 0x7f800000u) != 0x7f800000u;
  let norm = select(total, sqrt(total), finite);
  var coefficient = 1.0;
  if (params.max_norm > 0.0) { coefficient = min(1.0, params.max_norm / (norm + 1e-6)); }
  result[0] = norm;
  result[1] = select(0.0, coefficient, finite);
}
