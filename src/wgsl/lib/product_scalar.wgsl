// Operands of a product whose rows do not all start at multiples of four elements: four neighbours are four loads.
fn a_one(at: u32) -> f32 { return a[at]; }
fn b_one(at: u32) -> f32 { return b[at]; }
fn a_four(at: u32) -> vec4f { return vec4f(a[at], a[at + 1u], a[at + 2u], a[at + 3u]); }
fn b_four(at: u32) -> vec4f { return vec4f(b[at], b[at + 1u], b[at + 2u], b[at + 3u]); }
