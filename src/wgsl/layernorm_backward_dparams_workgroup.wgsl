// dweight[c] += sum over rows of dy * xhat, dbias[c] += sum of dy, in one launch. No float atomics, so the same bits
// every time. Constants: C, WG_SIZE, WIDTH.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let c = linear_workgroup(workgroup, grid) * WIDTH + local % WIDTH;
  // Rows two by two: loads under way at once, and shorter chains to lose bits in.
  var sums = vec4f();        // of dweight and dbias, twice
  if (c < C) {
    var n = local / WIDTH;
    for (; n + DEPTH < params.rows; n += 2u * DEPTH) { sums += vec4f(terms(n, c), terms(n + DEPTH, c)); }
    if (n < params.rows) { sums += vec4f(terms(n, c), 0.0, 0.0); }
  }
  sums = column_total(sums, local);
  if (local < WIDTH && c < C) {
    dweight[c] += sums.x + sums.z;
    dbias[c] += sums.y + sums.w;
  }
}

fn terms(n: u32, c: u32) -> vec2f {
  let g = f32(dy[n * C + c]);
  return vec2f(g * (x[n * C + c] - stats[n].x) * stats[n].y, g);
}
