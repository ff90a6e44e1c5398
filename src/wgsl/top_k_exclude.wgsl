// Excludes tokens of each row: their logits are copied out and count as removed from then on. Who changes the scores
// of a few tokens gets those tokens and the best of all others, and needs no more of the row. A row names a token once.

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let row = params.first_row + n;
  for (var i = tokens[row] + lane; i < tokens[row + 1u]; i += lanes) {
    let at = n * params.stride + tokens[i];
    excluded[i] = logits[at];
    logits[at] = REMOVED;
  }
}
