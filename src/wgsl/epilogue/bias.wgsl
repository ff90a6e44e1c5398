// Epilogue of a product: + bias.
@group(0) @binding(3) var<storage, read> bias: array<f32>;            // [n]

fn epilogue(value: f32, column: u32, at: u32) -> f32 { return value + bias[column]; }
