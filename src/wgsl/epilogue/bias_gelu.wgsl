// Epilogue of a product: gelu_new(value + bias). Needs lib/gelu.wgsl.

fn epilogue(value: f32, column: u32, at: u32) -> f32 { return gelu_new(value + bias[column]); }
