// A head's channels four at a time: the usual case, a head size that is a multiple of 4. See lib/pack_scalar.wgsl
// for the others.
alias Pack = vec4f;
const PACK: u32 = 4u;
fn pack_dot(a: Pack, b: Pack) -> f32 { return dot(a, b); }
fn pack_widen(a: Pack) -> vec4f { return a; }
fn pack_narrow(a: vec4f) -> Pack { return a; }
