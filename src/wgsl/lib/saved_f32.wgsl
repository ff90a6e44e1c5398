// What training keeps for backward, and gradients on their way, as f32. See lib/saved_f16.wgsl for the other way.
fn saved(x: f32) -> f32 { return x; }
fn saved_four(x: vec4f) -> vec4f { return x; }
