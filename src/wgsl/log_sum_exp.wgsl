// lse[n] = log of the sum of exp(logits[n]): what turns a logit into a log-probability.

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let softmax = softmax_row(n, lane, lanes);
  if (lane == 0u) { lse[params.first_row + n] = softmax.x + log(softmax.y); }
}
