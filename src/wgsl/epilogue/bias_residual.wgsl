// Epilogue of a product: + bias + residual.

fn epilogue(value: f32, column: u32, at: u32) -> f32 { return value + bias[column] + residual[at]; }
