// A product without workgroup memory or barriers: each subgroup makes 8 rows by 4 SG columns in registers. Four lanes hold
// two rows of A each and broadcast them one by one, so a load of A serves the whole subgroup; a lane holds four columns of B.
// Fit for adapters that run on the processor, where a load costs as much as 10 to 20 multiplications. Constants: SG, WG_SIZE.
enable subgroups;
diagnostic(off, subgroup_uniformity);

const ROWS: u32 = 8u;
const_assert SG >= 4u && WG_SIZE % SG == 0u;

fn multiply(sums: ptr<function, array<vec4f, 4>>, a: f32, b: vec4f) {
  (*sums)[0] += subgroupBroadcast(a, 0u) * b;
  (*sums)[1] += subgroupBroadcast(a, 1u) * b;
  (*sums)[2] += subgroupBroadcast(a, 2u) * b;
  (*sums)[3] += subgroupBroadcast(a, 3u) * b;
}

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) lane: u32) {
  let row = (workgroup.y * (WG_SIZE / SG) + local / SG) * ROWS;
  let column = (workgroup.x * SG + lane) * 4u;
  let k_blocks = params.k & ~3u;
  if (row >= params.m) { return; }
  var upper: array<vec4f, 4>;
  var lower: array<vec4f, 4>;
  let mine = row + lane % 4u;
  for (var k = 0u; k < k_blocks; k += 4u) {
    let b = b_block(column, k);
    let a0 = a_line(mine, k);
    let a1 = a_line(mine + 4u, k);
    multiply(&upper, a0.x, b[0]);
    multiply(&upper, a0.y, b[1]);
    multiply(&upper, a0.z, b[2]);
    multiply(&upper, a0.w, b[3]);
    multiply(&lower, a1.x, b[0]);
    multiply(&lower, a1.y, b[1]);
    multiply(&lower, a1.z, b[2]);
    multiply(&lower, a1.w, b[3]);
  }
  for (var k = k_blocks; k < params.k; k++) {
    let b = b_columns(column, k);
    multiply(&upper, a_at(mine, k), b);
    multiply(&lower, a_at(mine + 4u, k), b);
  }
  for (var r = 0u; r < 4u; r++) {
    store(row + r, column, upper[r]);
    store(row + 4u + r, column, lower[r]);
  }
}

fn a_line(row: u32, k: u32) -> vec4f {
  if (!A_TRANSPOSED) { return a_row(row, k); }
  return vec4f(a_at(row, k), a_at(row, k + 1u), a_at(row, k + 2u), a_at(row, k + 3u));
}
