// dy *= gelu_new'(u), in place.
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read_write> dy: array<f32>;        // [count]
@group(0) @binding(1) var<storage, read> u: array<f32>;               // [count] what gelu_new was applied to
@group(1) @binding(0) var<uniform> params: Params;

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) { dy[i] *= gelu_new_derivative(u[i]); }
