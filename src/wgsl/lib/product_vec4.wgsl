// Operands of a product whose rows all start at multiples of four elements: four neighbours are one load. b is kept as
// lib/stored_*.wgsl says.

fn a_one(at: u32) -> f32 { return f32(a[at / 4u][at % 4u]); }
fn b_one(at: u32) -> f32 { return stored(b[at / 4u][at % 4u / PER_WORD], at); }
fn a_four(at: u32) -> vec4f { return vec4f(a[at / 4u]); }
fn b_four(at: u32) -> vec4f { return stored_four(b[at / 4u]); }
