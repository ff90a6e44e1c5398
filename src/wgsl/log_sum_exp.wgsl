// lse[n] = log of the sum of exp(logits[n]): what turns a logit into a log-probability.
struct Params { rows: u32, first_row: u32, columns: u32, stride4: u32 }
// [rows, stride4] of vec4f: a window from first_row on
@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> lse: array<f32>;       // [all rows]
@group(1) @binding(0) var<uniform> params: Params;

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let softmax = softmax_row(n, lane, lanes);
  if (lane == 0u) { lse[params.first_row + n] = softmax.x + log(softmax.y); }
}
