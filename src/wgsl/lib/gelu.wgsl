// gelu_new, the tanh form of GELU that GPT-2 uses (Hendrycks and Gimpel 2016, equation 2), and its derivative.
// tanh is flat far before 15, and some drivers compute it from exponentials that overflow: hence the clamp.
const GELU_SCALE = 0.7978845608028654;      // sqrt(2 / pi)
const GELU_CUBIC = 0.044715;

fn gelu_tanh(x: f32) -> f32 { return tanh(clamp(GELU_SCALE * (x + GELU_CUBIC * x * x * x), -15.0, 15.0)); }

fn gelu_new(x: f32) -> f32 { return 0.5 * x * (1.0 + gelu_tanh(x)); }

fn gelu_new_derivative(x: f32) -> f32 {
  let t = gelu_tanh(x);
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * x * x);
}
