// Operands of a product whose rows all start at multiples of four elements: four neighbours are one load.
@group(0) @binding(0) var<storage, read> a: array<vec4f>;             // [m, k], or [k, m] when A_TRANSPOSED
@group(0) @binding(1) var<storage, read> b: array<vec4f>;             // [k, n], or [n, k] when B_TRANSPOSED

fn a_one(at: u32) -> f32 { return a[at / 4u][at % 4u]; }
fn b_one(at: u32) -> f32 { return b[at / 4u][at % 4u]; }
fn a_four(at: u32) -> vec4f { return a[at / 4u]; }
fn b_four(at: u32) -> vec4f { return b[at / 4u]; }
