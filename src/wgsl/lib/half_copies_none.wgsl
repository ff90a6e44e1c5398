// The optimizer keeps no f16 copy of what it updates. See lib/half_copies_kept.wgsl.
fn keep_half(i: u32, value: vec4f) {}
