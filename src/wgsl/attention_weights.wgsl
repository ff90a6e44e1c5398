// The attention probabilities themselves, [B, NH, T, S], for callers that ask to see them: one invocation a query,
// nothing saved from the fused kernels. Positions that a query may not see get 0. Constants: HS, WG_SIZE.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  let length = params.length;
  if (id >= params.batch * params.heads * length) { return; }
  let i = id % length;
  let h = id / length % params.heads;
  let b = id / length / params.heads;
  let row = params.weights_at + id * length;
  let channels = params.heads * HS;
  let q = params.qkv_at + (b * length + i) * 3u * channels + h * HS;
  var highest = -3.0e38;
  for (var j = 0u; j <= i; j++) {
    let k = params.qkv_at + (b * length + j) * 3u * channels + channels + h * HS;
    var score = 0.0;
    for (var c = 0u; c < HS; c++) { score += qkv[q + c] * qkv[k + c]; }
    score /= sqrt(f32(HS));
    weights[row + j] = score;
    if (is_visible(b, i, j)) { highest = max(highest, score); }
  }
  var sum = 0.0;
  for (var j = 0u; j < length; j++) {
    var p = 0.0;
    if (j <= i && is_visible(b, i, j)) { p = exp(weights[row + j] - highest); }
    weights[row + j] = p;
    sum += p;
  }
  if (sum > 0.0) {
    for (var j = 0u; j <= i; j++) { weights[row + j] /= sum; }
  }
}

fn is_visible(b: u32, query: u32, key: u32) -> bool {
  if (params.masked == 0u) { return true; }
  let row = params.mask_at + b * params.length;
  // 1 where a key may be seen; of packed rows segments, as lib/attention.wgsl has them
  return mask[row + key] != 0u && (params.packed == 0u || mask[row + key] == mask[row + query]);
}
