// A product of few rows: 256 threads make ROWS rows by 4 QUADS columns, each thread four columns over every SLICES-th
// block of four k; the slices meet in workgroup memory, always in the same order. Every weight is read once for all
// ROWS. Constants: ROWS (1, 4 or 8), QUADS (a power of two up to 8; few of them make many workgroups of a narrow
// product).
const THREADS: u32 = 256u;
const SLICES: u32 = THREADS / QUADS;
// blocks that a thread reads at a time, to have eight loads or more on their way
const AT_ONCE: u32 = select(2u, 1u, ROWS > 4u);
const SUMS: u32 = min(ROWS, 4u) * QUADS;          // results of a turn, by fours of columns
const GATHER: u32 = 8u;
const SPREAD: u32 = 16u;
const_assert(THREADS % QUADS == 0u && GATHER * SUMS <= THREADS && SLICES % GATHER == 0u);

// Eight rows take turns by four, so that this is 16 KiB at most, which every device has.
var<workgroup> partial: array<vec4f, max(min(ROWS, 4u) * THREADS, THREADS + SPREAD)>;

// The sum over all threads, of which the first `used` have something to add, in two steps.
fn workgroup_sum(value: vec4f, local: u32, used: u32) -> vec4f {
  partial[local] = value;
  workgroupBarrier();
  if (local < SPREAD) {
    var sum = vec4f();
    for (var i = local; i < used; i += SPREAD) { sum += partial[i]; }
    partial[THREADS + local] = sum;
  }
  workgroupBarrier();
  var total = vec4f();
  for (var i = 0u; i < min(SPREAD, used); i++) { total += partial[THREADS + i]; }
  return total;
}

fn four_sums(x: mat4x4f) -> vec4f { return vec4f(1.0) * x; }

fn four_rows(at: vec4u) -> mat4x4f {
  let first = a_four(at.x);
  if (ROWS == 1u) { return mat4x4f(first, vec4f(), vec4f(), vec4f()); }
  return mat4x4f(first, a_four(at.y), a_four(at.z), a_four(at.w));
}

// Of four rows. Variance in two passes, as in layernorm.wgsl.
fn norms_of(row: u32, local: u32) -> array<Norm, 4> {
  let at = a_start(row);
  let width = params.k / 4u;
  let used = min(THREADS, width);
  var sum = vec4f();
  for (var k = local; k < width; k += THREADS) { sum += four_sums(four_rows(at + 4u * k)); }
  let mean = workgroup_sum(sum, local, used) / f32(params.k);
  var squares = vec4f();
  for (var k = local; k < width; k += THREADS) {
    let x = four_rows(at + 4u * k);
    let d = mat4x4f(x[0] - mean.x, x[1] - mean.y, x[2] - mean.z, x[3] - mean.w);
    squares += vec4f(dot(d[0], d[0]), dot(d[1], d[1]), dot(d[2], d[2]), dot(d[3], d[3]));
  }
  let variance = workgroup_sum(squares, local, used) / f32(params.k);
  return array(
    Norm(mean.x, reciprocal_deviation(variance.x)), Norm(mean.y, reciprocal_deviation(variance.y)),
    Norm(mean.z, reciprocal_deviation(variance.z)), Norm(mean.w, reciprocal_deviation(variance.w)));
}

// sums (+)= four rows of A (clamped, see a_start) at k by a block of B: a column of sums is a row of the result.
fn add_rows(sums: mat4x4f, at: vec4u, k: u32, norms: array<Norm, 4>, b: mat4x4f) -> mat4x4f {
  let first = sums[0] + b * a_inside(at.x + k, k, norms[0]);
  if (ROWS == 1u) { return mat4x4f(first, sums[1], sums[2], sums[3]); }
  return mat4x4f(
    first, sums[1] + b * a_inside(at.y + k, k, norms[1]),
    sums[2] + b * a_inside(at.z + k, k, norms[2]), sums[3] + b * a_inside(at.w + k, k, norms[3]));
}

// Adds the slices' sums of four rows, and stores them an element a thread: epilogues wait for memory too.
fn store(sums: mat4x4f, row: u32, first_column: u32, quad: u32, slice: u32, local: u32) {
  let at = slice * SUMS + quad;
  partial[at] = sums[0];
  if (ROWS > 1u) {
    partial[at + QUADS] = sums[1];
    partial[at + 2u * QUADS] = sums[2];
    partial[at + 3u * QUADS] = sums[3];
  }
  workgroupBarrier();
  // Every GATHER-th slice into one of the first GATHER, which no other thread reads or writes; then those.
  if (local < GATHER * SUMS) {
    var sum = partial[local];
    for (var s = local / SUMS + GATHER; s < min(SLICES, (params.k + 3u) / 4u); s += GATHER) {
      sum += partial[s * SUMS + local % SUMS];
    }
    partial[local] = sum;
  }
  workgroupBarrier();
  let four = local / 4u;
  let out_row = row + four / QUADS;
  let column = first_column + 4u * (four % QUADS) + local % 4u;
  if (four < SUMS && out_row < params.m && column < params.n) {
    var value = 0.0;
    for (var g = 0u; g < GATHER; g++) { value += partial[g * SUMS + four][local % 4u]; }
    let to = out_row * params.out_stride + params.out_column + column;
    if (params.accumulate != 0u) { value += out[to]; }
    out[to] = epilogue(value, params.out_column + column, to);
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  // Neighbouring threads read neighbouring weights: along k where B is transposed, along the columns otherwise.
  let quad = select(local % QUADS, local / SLICES, B_TRANSPOSED);
  let slice = select(local / QUADS, local % SLICES, B_TRANSPOSED);
  let row = workgroup.x * ROWS;                   // workgroups that follow each other read the same weights
  let first_column = workgroup.y * 4u * QUADS;
  var near_norms = array<Norm, 4>();
  var far_norms = near_norms;
  if (NORM) {
    // One call in a loop that is not unrolled: two take software adapters long to compile.
    for (var r = 0u; r < min(ROWS, params.m - row); r += 4u) {
      let norms = norms_of(row + r, local);
      if (r == 0u) { near_norms = norms; } else { far_norms = norms; }
    }
    workgroupBarrier();                           // the last sum has been read from `partial`, where the slices go
  }
  let near_at = a_start(row);
  let far_at = a_start(row + 4u);
  let stride = 4u * SLICES;
  var b_at = b_start(first_column + 4u * quad) + 4u * slice * b_step();
  var near = mat4x4f();
  var far = mat4x4f();
  for (var k = 4u * slice; k < params.k; k += AT_ONCE * stride) {
    let b = clip(b_block(b_at), k);
    if (AT_ONCE > 1u) {
      let next = clip(b_block(b_at + stride * b_step()), k + stride);
      near = add_rows(near, near_at, k, near_norms, b);
      near = add_rows(near, near_at, k + stride, near_norms, next);
    } else {
      near = add_rows(near, near_at, k, near_norms, b);
      far = add_rows(far, far_at, k, far_norms, b);
    }
    b_at += AT_ONCE * stride * b_step();
  }
  store(near, row, first_column, quad, slice, local);
  if (ROWS > 4u) {
    workgroupBarrier();                           // the first four rows have been taken out
    store(far, row + 4u, first_column, quad, slice, local);
  }
}
