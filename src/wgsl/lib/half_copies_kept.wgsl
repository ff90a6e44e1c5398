// The optimizer keeps an f16 copy of what it updates, for products in mixed precision. Needs lib/saved_f16.wgsl.
fn keep_half(i: u32, value: vec4f) { halves[i] = saved_four(value); }
