// Prologue of a product of few rows: none, A is taken as it is. The functions of prologue/norm.wgsl, none of them
// called.
const NORM = false;

fn norm_weight_four(k: u32) -> vec4f { return vec4f(); }
fn norm_bias_four(k: u32) -> vec4f { return vec4f(); }
fn reciprocal_deviation(variance: f32) -> f32 { return variance; }
