// delta[n, h] = sum over the head's channels of dout * out: what softmax's backward subtracts, sum_j p_ij dp_ij, for
// every query at once (Dao et al. 2022, "FlashAttention", appendix B). One row a (token, head). Constant: HS.

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let row = params.at + n * HS;
  var sum = 0.0;
  for (var c = lane; c < HS; c += lanes) { sum += f32(dout[row + c]) * f32(out[row + c]); }
  sum = row_sum(sum, lane);
  if (lane == 0u) { delta[params.delta_at + n] = sum; }
}
