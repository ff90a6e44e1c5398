// A product of few rows without workgroup memory: a workgroup is one subgroup (software adapters share workgroups among
// their threads, and a narrow product has few), a lane makes ROWS rows by four columns. A single row of A is read at an
// address that depends on the workgroup only, which lavapipe turns into one load for all lanes; of four rows a lane
// reads one, of eight two, and they are broadcast. Constants: SG, ROWS (1, 4 or 8), TAIL: whether k may be no
// multiple of four; software adapters compile in half the time what has none. A row is summed in the same order
// whatever ROWS and m are.
// rows that lanes hold one of; lane % HELD says which, and four further which of the others
const HELD: u32 = min(ROWS, 4u);
const_assert(SG >= HELD);

// Of the rows of A that a lane reads. Variance in two passes, as in layernorm.wgsl.
fn norms_of(row: u32, lane: u32) -> array<Norm, 2> {
  var norms = array<Norm, 2>();
  let width = params.k / 4u;
  for (var r = 0u; r < min(ROWS, params.m - row); r++) {
    let at = (row + r) * params.a_stride;
    var sum = vec4f();
    for (var k = lane; k < width; k += SG) { sum += a_four(at + 4u * k); }
    let mean = subgroupAdd(sum.x + sum.y + sum.z + sum.w) / f32(params.k);
    var squares = 0.0;
    for (var k = lane; k < width; k += SG) {
      let d = a_four(at + 4u * k) - mean;
      squares += dot(d, d);
    }
    let rstd = reciprocal_deviation(subgroupAdd(squares) / f32(params.k));
    if (lane % HELD == r) { norms[0] = Norm(mean, rstd); }
    if (lane % HELD + 4u == r) { norms[1] = Norm(mean, rstd); }
  }
  return norms;
}

// sums (+)= the rows of A at four k, of which this lane has `x`, by a block of B: a column of sums is a row of the
// result.
fn add_rows(sums: mat4x4f, x: vec4f, b: mat4x4f) -> mat4x4f {
  if (ROWS == 1u) { return mat4x4f(sums[0] + b * x, sums[1], sums[2], sums[3]); }
  return mat4x4f(
    sums[0] + b * subgroupBroadcast(x, 0u), sums[1] + b * subgroupBroadcast(x, 1u),
    sums[2] + b * subgroupBroadcast(x, 2u), sums[3] + b * subgroupBroadcast(x, 3u));
}

@compute @workgroup_size(SG)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let tile = linear_workgroup(workgroup, grid);
  let tiles_down = (params.m + ROWS - 1u) / ROWS;
  let row = tile % tiles_down * ROWS;
  let column = (tile / tiles_down * SG + lane) * 4u;
  if (tile / tiles_down * SG * 4u >= params.n) { return; }
  var norms = array<Norm, 2>();
  if (NORM) { norms = norms_of(row, lane); }
  var a_at = a_start(row).x;
  if (ROWS > 1u) { a_at = a_start(row + lane % HELD).x; }
  let far_at = a_start(row + 4u + lane % HELD).x - a_at;
  var b_at = b_start(column);
  var near = mat4x4f();
  var far = mat4x4f();
  var k = 0u;
  for (; k + 4u <= params.k; k += 4u) {
    let b = b_block(b_at);
    near = add_rows(near, a_line(a_at, k, norms[0]), b);
    if (ROWS > 4u) { far = add_rows(far, a_line(a_at + far_at, k, norms[1]), b); }
    a_at += 4u;
    b_at += 4u * b_step();
  }
  if (TAIL && k < params.k) {
    let b = clip(b_block(b_at), k);
    near = add_rows(near, a_inside(a_at, k, norms[0]), b);
    if (ROWS > 4u) { far = add_rows(far, a_inside(a_at + far_at, k, norms[1]), b); }
  }
  store_block(row, column, near);
  if (ROWS > 4u) { store_block(row + 4u, column, far); }
}
