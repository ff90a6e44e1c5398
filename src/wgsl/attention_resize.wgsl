// y[n, c] (+)= x[n, c] for lines of another length: longer ones end in zeros, shorter ones drop the end. Attention
// works on heads of a multiple of four channels; this brings others there and back. One invocation an element of y.
// Constant: WG_SIZE.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  if (id >= params.elements) { return; }
  let n = id / params.to_length;
  let c = id % params.to_length;
  var value = 0.0;
  if (c < params.from_length) { value = f32(x[params.from_at + n * params.from_length + c]); }
  if (params.accumulate != 0u) { value += f32(y[params.to_at + id]); }
  y[params.to_at + id] = saved(value);
}
