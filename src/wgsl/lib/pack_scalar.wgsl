// A head's channels one at a time, for head sizes that are no multiple of 4: slower, with the same code around it.
alias Pack = f32;
const PACK: u32 = 1u;
fn pack_dot(a: Pack, b: Pack) -> f32 { return a * b; }
fn pack_widen(a: Pack) -> vec4f { return vec4f(a, 0.0, 0.0, 0.0); }
fn pack_narrow(a: vec4f) -> Pack { return a.x; }
