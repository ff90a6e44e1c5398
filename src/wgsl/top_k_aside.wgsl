// Sets tokens of each row aside: their logits are copied out and count as removed from then on. Who changes the scores
// of a few tokens gets those tokens and the best of all others, and needs no more of the row. A row names a token once.
struct Params { rows: u32, first_row: u32, stride: u32 }
@group(0) @binding(0) var<storage, read> tokens: array<u32>;          // [all rows + 1] first word of each row's tokens; then the tokens
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;    // [rows, stride]: a window from first_row on
@group(0) @binding(2) var<storage, read_write> aside: array<f32>;     // as tokens: a token's logit where the token stands
@group(1) @binding(0) var<uniform> params: Params;

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let row = params.first_row + n;
  for (var i = tokens[row] + lane; i < tokens[row + 1u]; i += lanes) {
    let at = n * params.stride + tokens[i];
    aside[i] = logits[at];
    logits[at] = REMOVED;
  }
}
