// What both variants of a product of few rows share: reading A through the prologue. Constant: ROWS that are made at
// once.
const_assert(!A_TRANSPOSED);

// Of one row, where there is a layer norm: mean and 1 / standard deviation.
struct Norm { mean: f32, rstd: f32 }

// Four k of one row of A, from element `at`, normalised.
fn a_line(at: u32, k: u32, norm: Norm) -> vec4f {
  let x = a_four(at);
  if (NORM) { return (x - norm.mean) * norm.rstd * norm_weight_four(k) + norm_bias_four(k); }
  return x;
}

// As a_line, zeros past the end.
fn a_inside(at: u32, k: u32, norm: Norm) -> vec4f {
  return select(vec4f(), a_line(at, k, norm), k + FOUR < vec4u(params.k));
}
