// Partial sums over a block of rows: partial[block, c] = sum dy * xhat (for weight), partial[block, C + c] = sum dy
// (for bias). column_sum folds the blocks: no float atomics, so a step gives the same bits every time. Constants: C,
// BLOCK (rows), WG_SIZE.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  let block = id / C;
  let c = id % C;
  if (block >= params.blocks) { return; }
  var dweight = 0.0;
  var dbias = 0.0;
  for (var n = block * BLOCK; n < min((block + 1u) * BLOCK, params.rows); n++) {
    let g = f32(dy[n * C + c]);
    dweight += g * (x[n * C + c] - stats[n].x) * stats[n].y;
    dbias += g;
  }
  partial[block * 2u * C + c] = dweight;
  partial[block * 2u * C + C + c] = dbias;
}
