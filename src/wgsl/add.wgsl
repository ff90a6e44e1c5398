// y = a + b, element by element.

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) { y[i] = a[i] + b[i]; }
