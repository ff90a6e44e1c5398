// delta[n, h] = sum over the head's channels of dout * out: what softmax's backward subtracts, sum_j p_ij dp_ij, for
// every query at once (Dao et al. 2022, "FlashAttention", appendix B). One row a (token, head). Constant: HS.
struct Params { rows: u32, at: u32, delta_at: u32 }
@group(0) @binding(0) var<storage, read> dout: array<f32>;            // [B*T, NH, HS]
@group(0) @binding(1) var<storage, read> out: array<f32>;             // [B*T, NH, HS]
@group(0) @binding(2) var<storage, read_write> delta: array<f32>;     // [B*T, NH]
@group(1) @binding(0) var<uniform> params: Params;

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let row = params.at + n * HS;
  var sum = 0.0;
  for (var c = lane; c < HS; c += lanes) { sum += dout[row + c] * out[row + c]; }
  sum = row_sum(sum, lane);
  if (lane == 0u) { delta[params.delta_at + n] = sum; }
}
