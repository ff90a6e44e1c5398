// y += x, element by element: a second gradient that arrives at a tensor.

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) { y[i] += x[i]; }
