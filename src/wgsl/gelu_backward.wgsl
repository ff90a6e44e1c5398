// dy *= gelu_new'(u), in place. Constant: WG_SIZE.
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read_write> dy: array<f32>;        // [count]
@group(0) @binding(1) var<storage, read> u: array<f32>;               // [count] what gelu_new was applied to
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  if (i >= params.count) { return; }
  dy[i] *= gelu_new_derivative(u[i]);
}
