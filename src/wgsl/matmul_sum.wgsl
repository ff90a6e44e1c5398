// The end of a product whose reduction was split: out (+)= the sum of its parts, always in the same order, then the
// epilogue. One invocation an element. Constant: WG_SIZE.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  let size = params.m * params.n;
  if (id >= size) { return; }
  let column = params.out_column + id % params.n;
  let at = id / params.n * params.out_stride + column;
  var sum = 0.0;
  for (var part = 0u; part < params.parts; part++) { sum += parts[part * size + id]; }
  if (params.accumulate != 0u) { sum += f32(out[at]); }
  out[at] = saved(epilogue(sum, column, at));
}
