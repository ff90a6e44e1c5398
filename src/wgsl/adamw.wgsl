// One AdamW update of a flat range; an element is four values:
//   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,  value -= decay * value + step * m / (sqrt(v) * root +
// eps) with g the clipped gradient. The host puts both published forms into decay, step and root. A clip coefficient of
// 0 (the gradient norm was not finite) leaves value and moments alone.
struct Params { count4: u32, beta1: f32, beta2: f32, one_minus_beta1: f32, one_minus_beta2: f32, eps: f32, root: f32, step: f32, decay: f32 }
@group(0) @binding(0) var<storage, read> grads: array<vec4f>;         // [count4]
@group(0) @binding(1) var<storage, read> norm: array<f32>;            // [2] norm, clip coefficient
@group(0) @binding(2) var<storage, read_write> values: array<vec4f>;  // [count4]
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;       // [count4]
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;       // [count4]
@group(1) @binding(0) var<uniform> params: Params;

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
