// A product without workgroup memory or barriers: each subgroup makes 8 rows by 4 SG columns in registers. Lanes hold a row
// of A each (two where there are four lanes) and broadcast them one by one, so that a load of A serves the whole subgroup;
// a lane holds four columns of B. Fit for adapters that run on the processor, where a load costs as much as 10 to 20
// multiplications, hence also the addresses that are only added to. Constants: SG, WG_SIZE.
enable subgroups;
diagnostic(off, subgroup_uniformity);

const ROWS: u32 = 8u;
const FIFTH: u32 = select(0u, 4u, SG >= 8u);       // the lane that holds the fifth row
const_assert SG >= 4u && WG_SIZE % SG == 0u;

struct Sums { upper: mat4x4f, lower: mat4x4f }     // a column each for rows 0..3 and 4..7, of this lane's four columns

fn multiply(sums: Sums, upper: f32, lower: f32, b: vec4f) -> Sums {
  return Sums(
    mat4x4f(
      sums.upper[0] + subgroupBroadcast(upper, 0u) * b, sums.upper[1] + subgroupBroadcast(upper, 1u) * b,
      sums.upper[2] + subgroupBroadcast(upper, 2u) * b, sums.upper[3] + subgroupBroadcast(upper, 3u) * b),
    mat4x4f(
      sums.lower[0] + subgroupBroadcast(lower, FIFTH) * b, sums.lower[1] + subgroupBroadcast(lower, FIFTH + 1u) * b,
      sums.lower[2] + subgroupBroadcast(lower, FIFTH + 2u) * b, sums.lower[3] + subgroupBroadcast(lower, FIFTH + 3u) * b));
}

// Four columns of B at one k, for the last few.
fn b_row_at(at: vec4u) -> vec4f {
  if (B_TRANSPOSED) { return vec4f(b_one(at.x), b_one(at.y), b_one(at.z), b_one(at.w)); }
  return b_four(at.x);
}

// One row of A at four k.
fn a_line(at: u32) -> vec4f {
  let s = params.a_stride;
  if (A_TRANSPOSED) { return vec4f(a_one(at), a_one(at + s), a_one(at + 2u * s), a_one(at + 3u * s)); }
  return a_four(at);
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let row = (workgroup.y * (WG_SIZE / SG) + local / SG) * ROWS;
  let column = (workgroup.x * SG + lane) * 4u;
  if (row >= params.m) { return; }
  var upper_at = a_start(row + lane % (FIFTH + 4u)).x;
  var lower_at = a_start(row + 4u + lane % 4u).x;
  var b_at = b_start(column);
  let a_next = 4u * a_step();
  let b_next = 4u * b_step();
  var sums: Sums;
  var k = params.k;
  for (; k >= 4u; k -= 4u) {
    let b = b_block(b_at);
    let upper = a_line(upper_at);
    var lower = upper;
    if (FIFTH == 0u) { lower = a_line(lower_at); }
    sums = multiply(sums, upper.x, lower.x, b[0]);
    sums = multiply(sums, upper.y, lower.y, b[1]);
    sums = multiply(sums, upper.z, lower.z, b[2]);
    sums = multiply(sums, upper.w, lower.w, b[3]);
    upper_at += a_next;
    lower_at += a_next;
    b_at += b_next;
  }
  for (; k > 0u; k--) {
    let upper = a_one(upper_at);
    var lower = upper;
    if (FIFTH == 0u) { lower = a_one(lower_at); }
    sums = multiply(sums, upper, lower, b_row_at(b_at));
    upper_at += a_next / 4u;
    lower_at += a_next / 4u;
    b_at += b_next / 4u;
  }
  store_block(row, column, sums.upper);
  store_block(row + 4u, column, sums.lower);
}
