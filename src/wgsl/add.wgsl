// y = a + b, element by element.
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;               // [count]
@group(0) @binding(1) var<storage, read> b: array<f32>;               // [count]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;         // [count]
@group(1) @binding(0) var<uniform> params: Params;

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) { y[i] = a[i] + b[i]; }
