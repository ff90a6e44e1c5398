// One AdamW update of a flat range; an element is four values:
//   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
//   value -= decay * value + step / c1 * m / (sqrt(v / c2) + eps + eps2020 / sqrt(c2))
// with g the clipped gradient and c1, c2 the bias corrections. The host puts both published forms into decay, step, eps
// and eps2020. A clip coefficient of 0 (the gradient norm was not finite) leaves value and moments alone.

fn element_count() -> u32 { return params.count4; }

fn element_main(i: u32) {
  let coefficient = factors[1];
  if (coefficient == 0.0) { return; }
  let g = grads[i] * coefficient;
  let next_m = params.beta1 * m[i] + params.one_minus_beta1 * g;
  let next_v = params.beta2 * v[i] + params.one_minus_beta2 * g * g;
  m[i] = next_m;
  v[i] = next_v;
  let root = factors[3];
  let value = values[i];
  let step = params.step * factors[2] * next_m / (sqrt(next_v) * root + (params.eps + params.eps2020 * root));
  let updated = value - (params.decay * value + step);
  values[i] = updated;
  keep_half(i, updated);
}
