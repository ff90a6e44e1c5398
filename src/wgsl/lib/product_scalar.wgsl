// Operands of a product whose rows do not all start at multiples of four elements: four neighbours are four loads.
// b is kept as lib/stored_*.wgsl says.
fn a_one(at: u32) -> f32 { return f32(a[at]); }
fn b_one(at: u32) -> f32 { return stored(b[at / PER_WORD], at); }
fn a_four(at: u32) -> vec4f { return vec4f(a_one(at), a_one(at + 1u), a_one(at + 2u), a_one(at + 3u)); }
fn b_four(at: u32) -> vec4f { return vec4f(b_one(at), b_one(at + 1u), b_one(at + 2u), b_one(at + 3u)); }
