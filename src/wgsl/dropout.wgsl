// y (+)= x * keep(i) / (1 - p): forward, and backward with the same counters. first numbers a window's first element in
// the whole tensor. Constant: ACCUMULATE.
struct Params { count: u32, first: u32, seed: u32, step: u32, site: u32, drop_below: u32, keep_scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;               // [count]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;         // [count]
@group(1) @binding(0) var<uniform> params: Params;

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) {
  var value = 0.0;
  if (keep(params.seed, params.step, params.site, params.first + i, params.drop_below)) { value = x[i] * params.keep_scale; }
  if (ACCUMULATE) { value += y[i]; }
  y[i] = value;
}
