// Prologue of a product of few rows: A is normalised by a layer norm as it is read. Constant: EPS.
const NORM = true;

fn norm_weight_four(k: u32) -> vec4f { return norm_weight[k / 4u]; }
fn norm_bias_four(k: u32) -> vec4f { return norm_bias[k / 4u]; }
fn reciprocal_deviation(variance: f32) -> f32 { return inverseSqrt(variance + EPS); }
