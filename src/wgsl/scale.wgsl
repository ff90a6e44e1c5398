// x *= factor, in place.

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) { x[i] *= params.factor; }
