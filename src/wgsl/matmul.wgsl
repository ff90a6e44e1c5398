// out (+)= A B for any m, n, k >= 1, row-major with strides: what both variants share. Constants: A_TRANSPOSED, B_TRANSPOSED.
// Blocks are four by four, as mat4x4f whose column j is index k + j of the reduction. Rows and columns past the matrix are
// clamped or read from the neighbouring row (robust access at the very end): they only reach results that are not stored.
// The reduction is never read past k, where a padded row may hold anything.
struct Params {
  m: u32, n: u32, k: u32,
  a_stride: u32, b_stride: u32, out_stride: u32,
  a_column: u32, out_column: u32,                 // where the windows of a and out start within their rows
  accumulate: u32,
}
@group(0) @binding(2) var<storage, read_write> out: array<f32>;       // [m, n]
@group(1) @binding(0) var<uniform> params: Params;

// Rows row..row + 3 of A (clamped) at k..k + 3.
fn a_block(row: u32, k: u32) -> mat4x4f {
  if (A_TRANSPOSED) {
    let at = params.a_column + k * params.a_stride + row;
    return mat4x4f(a_four(at), a_four(at + params.a_stride), a_four(at + 2u * params.a_stride), a_four(at + 3u * params.a_stride));
  }
  return transpose(mat4x4f(a_row(row, k), a_row(row + 1u, k), a_row(row + 2u, k), a_row(row + 3u, k)));
}

fn a_row(row: u32, k: u32) -> vec4f { return a_four(params.a_column + min(row, params.m - 1u) * params.a_stride + k); }

// Columns column..column + 3 of B (clamped) at k..k + 3.
fn b_block(column: u32, k: u32) -> mat4x4f {
  if (B_TRANSPOSED) {
    return transpose(mat4x4f(b_column(column, k), b_column(column + 1u, k), b_column(column + 2u, k), b_column(column + 3u, k)));
  }
  let at = k * params.b_stride + column;
  return mat4x4f(b_four(at), b_four(at + params.b_stride), b_four(at + 2u * params.b_stride), b_four(at + 3u * params.b_stride));
}

fn b_column(column: u32, k: u32) -> vec4f { return b_four(min(column, params.n - 1u) * params.b_stride + k); }

// The same at a single k.
fn a_rows(row: u32, k: u32) -> vec4f {
  if (A_TRANSPOSED) { return a_four(params.a_column + k * params.a_stride + row); }
  return vec4f(a_at(row, k), a_at(row + 1u, k), a_at(row + 2u, k), a_at(row + 3u, k));
}

fn b_columns(column: u32, k: u32) -> vec4f {
  if (!B_TRANSPOSED) { return b_four(k * params.b_stride + column); }
  return vec4f(b_at(column, k), b_at(column + 1u, k), b_at(column + 2u, k), b_at(column + 3u, k));
}

fn a_at(row: u32, k: u32) -> f32 {
  let r = min(row, params.m - 1u);
  return a_one(params.a_column + select(r * params.a_stride + k, k * params.a_stride + r, A_TRANSPOSED));
}

fn b_at(column: u32, k: u32) -> f32 { return b_one(min(column, params.n - 1u) * params.b_stride + k); }

fn store(row: u32, column: u32, value: vec4f) {
  if (row >= params.m) { return; }
  let at = row * params.out_stride + params.out_column + column;
  for (var j = 0u; j < min(4u, params.n - min(column, params.n)); j++) {
    var sum = value[j];
    if (params.accumulate != 0u) { sum += out[at + j]; }
    out[at + j] = epilogue(sum, params.out_column + column + j, at + j);
  }
}
