// The attention probabilities of new tokens over a cache, [B, NH, T, S] with S = past + T, for callers that ask to see
// them: one invocation a query. Positions that a query may not see get 0. Constants: HS, WG_SIZE. Keys are kept as
// lib/stored_*.wgsl says, a line of them in whole words.
const LINE: u32 = (HS + PER_WORD - 1u) / PER_WORD * PER_WORD;

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  if (id >= params.rows * params.heads * params.length) { return; }
  let t = id % params.length;
  let h = id / params.length % params.heads;
  let b = id / params.length / params.heads;
  let columns = params.past + params.length;
  let row = id * columns;
  let table = b * params.capacity;
  let q = (b * params.length + t) * 3u * params.heads * HS + h * HS;
  var highest = -3.0e38;
  for (var s = 0u; s <= params.past + t; s++) {
    let k = ((ancestry[table + s] * params.heads + h) * params.capacity + s) * LINE;
    var score = 0.0;
    for (var c = 0u; c < HS; c++) { score += qkv[q + c] * stored(keys[(k + c) / PER_WORD], k + c); }
    score /= sqrt(f32(HS));
    weights[row + s] = score;
    if (mask[table + s] != 0u) { highest = max(highest, score); }
  }
  var sum = 0.0;
  for (var s = 0u; s < columns; s++) {
    var p = 0.0;
    if (s <= params.past + t && mask[table + s] != 0u) { p = exp(weights[row + s] - highest); }
    weights[row + s] = p;
    sum += p;
  }
  if (sum > 0.0) {
    for (var s = 0u; s <= params.past + t; s++) { weights[row + s] /= sum; }
  }
}
