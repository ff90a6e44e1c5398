// A product without workgroup memory or barriers: each subgroup makes ROWS rows by 4 SG columns in registers. A lane
// holds one or two rows of A, which are broadcast one by one, so that a load of A serves the whole subgroup, and four
// columns of B. Fit for adapters that run on the processor, where a load costs as much as 10 to 20 multiplications, and
// where four k of one row at a time (not one k of all rows) keep the sums from being spilled. Constants: SG, WG_SIZE,
// ROWS: 4 for products of few rows, 8 for subgroups of four lanes, else 16; TAIL: whether k may be no multiple of
// four. A row is summed in the same order whatever
// ROWS and m are.
const LANES: u32 = select(4u, 8u, ROWS > 8u);      // that hold rows; the others hold the same again
const_assert(SG >= LANES && WG_SIZE % SG == 0u);

// sums (+)= four rows of A, held by lanes 0..3 or 4..7, by four columns of B: a column of sums is a row of the result.
fn near_rows(sums: mat4x4f, a: vec4f, b: mat4x4f) -> mat4x4f {
  return mat4x4f(
    sums[0] + b * subgroupBroadcast(a, 0u), sums[1] + b * subgroupBroadcast(a, 1u),
    sums[2] + b * subgroupBroadcast(a, 2u), sums[3] + b * subgroupBroadcast(a, 3u));
}

fn far_rows(sums: mat4x4f, a: vec4f, b: mat4x4f) -> mat4x4f {
  return mat4x4f(
    sums[0] + b * subgroupBroadcast(a, 4u), sums[1] + b * subgroupBroadcast(a, 5u),
    sums[2] + b * subgroupBroadcast(a, 6u), sums[3] + b * subgroupBroadcast(a, 7u));
}

struct Sums { near_upper: mat4x4f, far_upper: mat4x4f, near_lower: mat4x4f, far_lower: mat4x4f }

// Rows in order: near_upper, far_upper, near_lower, far_lower, of which ROWS exist.
fn multiply(sums: Sums, upper: vec4f, lower: vec4f, b: mat4x4f) -> Sums {
  var next: Sums;
  next.near_upper = near_rows(sums.near_upper, upper, b);
  if (ROWS > 4u) { next.near_lower = near_rows(sums.near_lower, lower, b); }
  if (ROWS > 8u) {
    next.far_upper = far_rows(sums.far_upper, upper, b);
    next.far_lower = far_rows(sums.far_lower, lower, b);
  }
  return next;
}

// One row of A at four k.
fn a_line(at: u32) -> vec4f {
  let s = params.a_stride;
  if (A_TRANSPOSED) { return vec4f(a_one(at), a_one(at + s), a_one(at + 2u * s), a_one(at + 3u * s)); }
  return a_four(at);
}

// Four columns of B at one k.
fn b_line(at: vec4u) -> vec4f {
  if (B_TRANSPOSED) { return vec4f(b_one(at.x), b_one(at.y), b_one(at.z), b_one(at.w)); }
  return b_four(at.x);
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, invocation: Invocation) {
  let lane = invocation.lane;
  let tile = linear_workgroup(workgroup, grid) * (WG_SIZE / SG) + subgroup_of(invocation);
  let tiles_down = (params.m + ROWS - 1u) / ROWS;
  let row = tile % tiles_down * ROWS;
  let column = (tile / tiles_down * SG + lane) * 4u;
  if (tile / tiles_down * SG * 4u >= params.n) { return; }
  var upper_at = a_start(row + lane % LANES).x;
  var lower_at = a_start(row + LANES + lane % LANES).x;
  var b_at = b_start(column);
  let a_next = 4u * a_step();
  let b_next = 4u * b_step();
  var sums: Sums;
  var k = params.k;
  for (; k >= 4u; k -= 4u) {
    let upper = a_line(upper_at);
    var lower = upper;
    if (ROWS > 4u) { lower = a_line(lower_at); }
    sums = multiply(sums, upper, lower, b_block(b_at));
    upper_at += a_next;
    lower_at += a_next;
    b_at += b_next;
  }
  for (; TAIL && k > 0u; k--) {      // the last few, one by one: what lies past them may be anything
    let b = mat4x4f(b_line(b_at), vec4f(), vec4f(), vec4f());
    sums = multiply(sums, vec4f(a_one(upper_at), 0.0, 0.0, 0.0), vec4f(a_one(lower_at), 0.0, 0.0, 0.0), b);
    upper_at += a_step();
    lower_at += a_step();
    b_at += b_step();
  }
  store_block(row, column, sums.near_upper);
  if (ROWS > 4u) { store_block(row + LANES, column, sums.near_lower); }
  if (ROWS > 8u) {
    store_block(row + 4u, column, sums.far_upper);
    store_block(row + 12u, column, sums.far_lower);
  }
}
