// Prologue of a product of few rows: A is normalised by a layer norm as it is read. Constant: EPS. The layer norm's
// weight and bias [k] are bound by prologue/norm_at_3.wgsl, or by norm_at_4.wgsl where the epilogue has a bias.
const NORM = true;

fn norm_weight_four(k: u32) -> vec4f { return norm_weight[k / 4u]; }
fn norm_bias_four(k: u32) -> vec4f { return norm_bias[k / 4u]; }
fn reciprocal_deviation(variance: f32) -> f32 { return inverseSqrt(variance + EPS); }
