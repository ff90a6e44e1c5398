// y (+)= x * keep(i) / (1 - p): forward, and backward with the same counters. first numbers a window's first element in the
// whole tensor. Constants: ACCUMULATE, WG_SIZE.
struct Params { count: u32, first: u32, seed: u32, step: u32, site: u32, drop_below: u32, keep_scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;               // [count]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;         // [count]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  if (i >= params.count) { return; }
  var value = 0.0;
  if (keep(params.seed, params.step, params.site, params.first + i, params.drop_below)) { value = x[i] * params.keep_scale; }
  if (ACCUMULATE) { value += y[i]; }
  y[i] = value;
}
