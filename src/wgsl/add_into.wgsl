// y += x, element by element: a second gradient that arrives at a tensor.
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;               // [count]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;         // [count]
@group(1) @binding(0) var<uniform> params: Params;

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) { y[i] += x[i]; }
