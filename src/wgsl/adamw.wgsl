// One AdamW update of a flat range; an element is four values:
//   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,  value -= decay * value + step * m / (sqrt(v) * root +
// eps) with g the clipped gradient. The host puts both published forms into decay, step and root. A clip coefficient of
// 0 (the gradient norm was not finite) leaves value and moments alone.

fn element_count() -> u32 { return params.count4; }

fn element_main(i: u32) {
  let coefficient = norm[1];
  if (coefficient == 0.0) { return; }
  let g = grads[i] * coefficient;
  let next_m = params.beta1 * m[i] + params.one_minus_beta1 * g;
  let next_v = params.beta2 * v[i] + params.one_minus_beta2 * g * g;
  m[i] = next_m;
  v[i] = next_v;
  let value = values[i];
  values[i] = value - (params.decay * value + params.step * next_m / (sqrt(next_v) * params.root + params.eps));
}
