// The norm of scale * gradients, from partial sums of their squares, and the factor that clips them: scale * min(1,
// max_norm / (norm + 1e-6)), as torch's clip_grad_norm_; scale when max_norm is 0; 0 when the norm is not finite, which
// makes adamw leave everything as it was. A row kernel of one row.

fn row_count() -> u32 { return 1u; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  // Sums of short sums: a subgroup of few lanes adds up ten thousand values each.
  var sum = 0.0;
  for (var start = lane; start < params.blocks; start += 64u * lanes) {
    var part = 0.0;
    for (var i = start; i < min(start + 64u * lanes, params.blocks); i += lanes) { part += partial[i]; }
    sum += part;
  }
  let total = row_sum(sum, lane);
  // By bits: compilers may assume that no float is infinite or NaN.
  let finite = (bitcast<u32>(total) & 0x7f800000u) != 0x7f800000u;
  let norm = select(total, sqrt(total) * params.scale, finite);
  var coefficient = params.scale;
  if (params.max_norm > 0.0) { coefficient *= min(1.0, params.max_norm / (norm + 1e-6)); }
  if (lane == 0u) {
    // After `limit` of them none is made any more: who reads this some updates later finds the model as they met it.
    let made = finite && (params.limit == 0u || skipped[0] < params.limit);
    skipped[0] = select(skipped[0] + 1u, 0u, made);
    result[0] = norm;
    result[1] = select(0.0, coefficient, made);
  }
}
