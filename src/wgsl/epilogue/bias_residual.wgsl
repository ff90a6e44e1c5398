// Epilogue of a product: + bias + residual.
@group(0) @binding(3) var<storage, read> bias: array<f32>;            // [n]
@group(0) @binding(4) var<storage, read> residual: array<f32>;        // as out

fn epilogue(value: f32, column: u32, at: u32) -> f32 { return value + bias[column] + residual[at]; }
