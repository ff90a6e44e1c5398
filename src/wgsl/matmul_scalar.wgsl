// Operands of a product whose rows do not all start at multiples of four elements: four neighbours are four loads.
@group(0) @binding(0) var<storage, read> a: array<f32>;               // [m, k], or [k, m] when A_TRANSPOSED
@group(0) @binding(1) var<storage, read> b: array<f32>;               // [k, n], or [n, k] when B_TRANSPOSED

fn a_one(at: u32) -> f32 { return a[at]; }
fn b_one(at: u32) -> f32 { return b[at]; }
fn a_four(at: u32) -> vec4f { return vec4f(a[at], a[at + 1u], a[at + 2u], a[at + 3u]); }
fn b_four(at: u32) -> vec4f { return vec4f(b[at], b[at + 1u], b[at + 2u], b[at + 3u]); }
