// y = gelu_new(u), where it cannot be a product's epilogue.

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) { y[i] = gelu_new(u[i]); }
