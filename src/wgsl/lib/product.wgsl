// out (+)= A B for any m, n, k >= 1, row-major with strides: what both variants share. Constants: A_TRANSPOSED,
// B_TRANSPOSED. Operands are read in blocks of four rows (columns) by four k, each four loads of four neighbours; a
// block is a mat4x4f whose column j is k + j. Rows and columns past the matrix are clamped, or read from the
// neighbouring row (at the very end robust access gives something): they only reach results that are not stored.
// Nothing past k reaches a sum. Results are kept as lib/saved_*.wgsl says.

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

// Zeros for what a block that starts at k has past the reduction, whatever was loaded there.
fn clip(block: mat4x4f, k: u32) -> mat4x4f {
  let zero = vec4f();
  return mat4x4f(
    select(zero, block[0], k < params.k), select(zero, block[1], k + 1u < params.k),
    select(zero, block[2], k + 2u < params.k), select(zero, block[3], k + 3u < params.k));
}

// Loops that no compiler unrolls, over rotating vectors: the epilogue is compiled once, not for each of a thread's
// results. On software adapters that is two thirds of the time it takes to compile a product.
fn store_row(row: u32, column: u32, values: vec4f) {
  var rest = values;
  for (var j = column; j < min(column + 4u, params.n); j++) {
    let at = row * params.out_stride + params.out_column + j;
    var value = rest.x;
    if (params.accumulate != 0u) { value += f32(out[at]); }
    out[at] = saved(epilogue(value, params.out_column + j, at));
    rest = rest.yzwx;
  }
}

fn store_block(row: u32, column: u32, values: mat4x4f) {
  var rest = values;
  for (var r = row; r < min(row + 4u, params.m); r++) {
    store_row(r, column, rest[0]);
    rest = mat4x4f(rest[1], rest[2], rest[3], rest[0]);
  }
}
