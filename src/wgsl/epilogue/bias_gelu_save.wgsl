// Epilogue of a product: gelu_new(value + bias), keeping the argument for backward. Needs lib/gelu.wgsl.

fn epilogue(value: f32, column: u32, at: u32) -> f32 {
  let u = value + bias[column];
  preactivation[at] = saved(u);
  return gelu_new(u);
}
