// out (+)= A B for any m, n, k >= 1, row-major with strides: what both variants share. Constants: A_TRANSPOSED, B_TRANSPOSED.
// Operands are read in blocks of four rows (columns) by four k, each four loads of four neighbours; a block is a mat4x4f
// whose column j is k + j. Rows and columns past the matrix are clamped, or read from the neighbouring row (at the very end
// robust access gives something): they only reach results that are not stored. What is read past k is replaced by zeros.
struct Params {
  m: u32, n: u32, k: u32,
  a_stride: u32, b_stride: u32, out_stride: u32,
  a_column: u32, out_column: u32,                 // where the windows of a and out start within their rows
  accumulate: u32,
}
@group(0) @binding(2) var<storage, read_write> out: array<f32>;       // [m, n]
@group(1) @binding(0) var<uniform> params: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);

// Where the four loads of a block begin at k = 0, and how far from one k to the next.
fn a_start(row: u32) -> vec4u {
  if (A_TRANSPOSED) { return params.a_column + row + FOUR * params.a_stride; }
  return params.a_column + min(row + FOUR, vec4u(params.m - 1u)) * params.a_stride;
}

fn b_start(column: u32) -> vec4u {
  if (B_TRANSPOSED) { return min(column + FOUR, vec4u(params.n - 1u)) * params.b_stride; }
  return column + FOUR * params.b_stride;
}

fn a_step() -> u32 { return select(1u, params.a_stride, A_TRANSPOSED); }
fn b_step() -> u32 { return select(params.b_stride, 1u, B_TRANSPOSED); }

fn a_block(at: vec4u) -> mat4x4f {
  let loads = mat4x4f(a_four(at.x), a_four(at.y), a_four(at.z), a_four(at.w));
  if (A_TRANSPOSED) { return loads; }
  return transpose(loads);
}

fn b_block(at: vec4u) -> mat4x4f {
  let loads = mat4x4f(b_four(at.x), b_four(at.y), b_four(at.z), b_four(at.w));
  if (B_TRANSPOSED) { return transpose(loads); }
  return loads;
}

// A block of which only the first `left` k exist: zero from there on, whatever was loaded.
fn clip(block: mat4x4f, left: u32) -> mat4x4f {
  let zero = vec4f();
  return mat4x4f(select(zero, block[0], left > 0u), select(zero, block[1], left > 1u), select(zero, block[2], left > 2u), select(zero, block[3], left > 3u));
}

fn store(row: u32, column: u32, values: vec4f) {
  if (row >= params.m || column >= params.n) { return; }
  let at = row * params.out_stride + params.out_column + column;
  for (var j = 0u; j < min(4u, params.n - column); j++) {
    var value = values[j];
    if (params.accumulate != 0u) { value += out[at + j]; }
    out[at + j] = epilogue(value, params.out_column + column + j, at + j);
  }
}
