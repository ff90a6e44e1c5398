// Epilogue of a product: gelu_new(value + bias). Needs lib/gelu.wgsl.
@group(0) @binding(3) var<storage, read> bias: array<f32>;            // [n]

fn epilogue(value: f32, column: u32, at: u32) -> f32 { return gelu_new(value + bias[column]); }
