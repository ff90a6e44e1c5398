// y = x as f16: the copies of weights that products read in mixed precision, where the optimizer did not make them.

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) { y[i] = saved(x[i]); }
