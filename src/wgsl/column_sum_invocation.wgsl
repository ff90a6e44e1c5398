// out[block, c] (+)= scale * sum of x[n, start + c] over the block's rows: folds partial sums, and sums bias gradients
// and losses. No float atomics, so the same bits every time. Constants: ACCUMULATE, WG_SIZE.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  let block = id / params.columns;
  let first = block * params.block;
  if (first >= params.rows) { return; }
  let end = min(first + params.block, params.rows);
  let column = params.start + id % params.columns;
  // Four running sums: independent chains, and shorter ones to lose bits in.
  var sums = vec4f();
  var n = first;
  for (; n + 4u <= end; n += 4u) {
    let at = n * params.stride + column;
    sums += vec4f(one(at), one(at + params.stride), one(at + 2u * params.stride), one(at + 3u * params.stride));
  }
  for (; n < end; n++) { sums.x += one(n * params.stride + column); }
  var total = params.scale * (sums.x + sums.y + sums.z + sums.w);
  if (ACCUMULATE) { total += out[id]; }
  out[id] = total;
}

fn one(at: u32) -> f32 { return f32(x[at]); }
