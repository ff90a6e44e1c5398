// out[c] (+)= scale * sum of x[n, start + c] over all rows, in one launch. No float atomics, so the same bits every
// time. Constants: ACCUMULATE, WG_SIZE, WIDTH.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let column = linear_workgroup(workgroup, grid) * WIDTH + local % WIDTH;
  // Four running sums: loads under way at once, and shorter chains to lose bits in.
  var sums = vec4f();
  if (column < params.columns) {
    let at = params.start + column;
    var n = local / WIDTH;
    for (; n + 3u * DEPTH < params.rows; n += 4u * DEPTH) {
      sums += vec4f(
        one(n * params.stride + at), one((n + DEPTH) * params.stride + at),
        one((n + 2u * DEPTH) * params.stride + at), one((n + 3u * DEPTH) * params.stride + at),
      );
    }
    for (; n < params.rows; n += DEPTH) { sums.x += one(n * params.stride + at); }
  }
  sums = column_total(sums, local);
  var total = params.scale * (sums.x + sums.y + sums.z + sums.w);
  if (local < WIDTH && column < params.columns) {
    if (ACCUMULATE) { total += out[column]; }
    out[column] = total;
  }
}

fn one(at: u32) -> f32 { return f32(x[at]); }
