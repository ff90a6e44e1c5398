// Epilogue of a product: gelu_new(value + bias), keeping the argument for backward. Needs lib/gelu.wgsl.
@group(0) @binding(3) var<storage, read> bias: array<f32>;                        // [n]
@group(0) @binding(4) var<storage, read_write> preactivation: array<f32>;         // as out

fn epilogue(value: f32, column: u32, at: u32) -> f32 {
  let u = value + bias[column];
  preactivation[at] = u;
  return gelu_new(u);
}
