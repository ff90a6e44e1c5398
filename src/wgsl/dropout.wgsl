// y (+)= x * keep(i) / (1 - p): forward, and backward with the same counters. first numbers a window's first element in
// the whole tensor. Constant: ACCUMULATE.

fn element_count() -> u32 { return params.count; }

fn element_main(i: u32) {
  var value = 0.0;
  if (keep(params.seed, params.step, params.site, params.first + i, params.drop_below)) {
    value = x[i] * params.keep_scale;
  }
  if (ACCUMULATE) { value += y[i]; }
  y[i] = value;
}
