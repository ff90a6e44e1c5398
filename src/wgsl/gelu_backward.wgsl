// dy *= gelu_new'(u), in place.

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) { dy[i] = saved(f32(dy[i]) * gelu_new_derivative(f32(u[i]))); }
