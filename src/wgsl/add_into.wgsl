// y += x, element by element: a second gradient that arrives at a tensor. Constant: WG_SIZE.
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;               // [count]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;         // [count]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  if (i < params.count) { y[i] += x[i]; }
}
