// The norm of scale * gradients, from partial sums of their squares, and the factor that clips them: scale * min(1,
// max_norm / (norm + 1e-6)), as torch's clip_grad_norm_; scale when max_norm is 0; 0 when the norm is not finite, which
// makes adamw leave everything as it was. scale is divided by the loss scale (lib/loss_scale_*.wgsl). An update that
// changes nothing is not counted in AdamW's t, as torch's GradScaler leaves the optimizer's step out: so t is counted
// here, and the bias corrections follow. A row kernel of one row.

// 1 - e^x for x < 0. Near 0, where the difference would lose its digits, by the series x (1 + x / 2 (1 + x / 3 (...))),
// whose ninth term is below half a unit of the last place from -0.5 on.
fn one_minus_exp(x: f32) -> f32 {
  if (x < -0.5) { return 1.0 - exp(x); }
  var sum = 1.0;
  for (var n = 8.0; n > 1.5; n -= 1.0) { sum = 1.0 + x / n * sum; }
  return -x * sum;
}

fn row_count() -> u32 { return 1u; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let scale = params.scale / loss_scale(); // by all, before one of them changes it below
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
  let norm = select(total, sqrt(total) * scale, finite);
  var coefficient = scale;
  if (params.max_norm > 0.0) { coefficient *= min(1.0, params.max_norm / (norm + 1e-6)); }
  if (lane == 0u) {
    // After `limit` of them none is made any more: who reads this some updates later finds the model as they met it.
    let made = finite && (params.limit == 0u || updates[0] < params.limit);
    // Where a smaller scale may help, that is tried first: such an update is none of the skips that end a run.
    let searched = adapt_loss_scale(finite);
    updates[0] = select(updates[0] + select(1u, 0u, searched), 0u, made);
    let t = updates[1] + select(0u, 1u, made);
    updates[1] = t;
    result[0] = norm;
    result[1] = select(0.0, coefficient, made);
    let age = f32(max(t, 1u)); // before the first update nobody reads them
    result[2] = 1.0 / one_minus_exp(age * params.log_beta1);
    result[3] = inverseSqrt(one_minus_exp(age * params.log_beta2));
  }
}
