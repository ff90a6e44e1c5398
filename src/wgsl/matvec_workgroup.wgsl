// A product of few rows (decoding a token for each of a few sequences): 256 threads make ROWS rows by 32 columns, each thread
// four columns over every 32nd block of four k; the slices meet in workgroup memory, always in the same order. Every weight is
// read once for all ROWS. Constant: ROWS (1 or 4). Not for A_TRANSPOSED.
const QUADS: u32 = 8u;
const SLICES: u32 = 32u;
const_assert !A_TRANSPOSED;

var<workgroup> partial: array<vec4f, ROWS * QUADS * SLICES>;

// Four k of a row of A, zeros past the end.
fn a_line(at: u32, k: u32) -> vec4f { return select(vec4f(), a_four(at + k), k + FOUR < vec4u(params.k)); }

@compute @workgroup_size(QUADS * SLICES)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  // Neighbouring threads read neighbouring weights: along k where B is transposed, along the columns otherwise.
  let quad = select(local % QUADS, local / SLICES, B_TRANSPOSED);
  let slice = select(local / QUADS, local % SLICES, B_TRANSPOSED);
  let row = workgroup.y * ROWS;
  let column = (workgroup.x * QUADS + quad) * 4u;
  let a_at = a_start(row);
  var b_at = b_start(column) + 4u * slice * b_step();
  var sums: mat4x4f;                              // a column for each row
  for (var k = 4u * slice; k < params.k; k += 4u * SLICES) {
    let b = clip(b_block(b_at), k);
    sums[0] += b * a_line(a_at.x, k);
    if (ROWS > 1u) {
      sums[1] += b * a_line(a_at.y, k);
      sums[2] += b * a_line(a_at.z, k);
      sums[3] += b * a_line(a_at.w, k);
    }
    b_at += 4u * SLICES * b_step();
  }
  let at = slice * ROWS * QUADS + quad;
  partial[at] = sums[0];
  if (ROWS > 1u) {
    partial[at + QUADS] = sums[1];
    partial[at + 2u * QUADS] = sums[2];
    partial[at + 3u * QUADS] = sums[3];
  }
  workgroupBarrier();
  if (local < ROWS * QUADS) {
    var sum = vec4f();
    for (var s = 0u; s < min(SLICES, (params.k + 3u) / 4u); s++) { sum += partial[s * ROWS * QUADS + local]; }
    if (row + local / QUADS < params.m) { store_row(row + local / QUADS, (workgroup.x * QUADS + local % QUADS) * 4u, sum); }
  }
}
