// Changes a few logits of each row, in order: what processors that look at a sequence's tokens ask for. Scores are
// logits less the row's base (the log-sum-exp, where scores are log-probabilities; else 0). A column belongs to one
// lane, so edits of one token happen one after the other without a barrier. A score that was removed stays so unless it
// is set.

// In the order of EDIT_KINDS in kernels/edit-logits.ts.
const SET = 0u;
const ADD = 1u;
const PENALIZE = 2u;
const RAISE = 3u;
const CLEAR = 4u;

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let row = params.first_row + n;
  for (var edit = edits[row]; edit < edits[row + 1u]; edit += 3u) {
    let kind = edits[edit];
    let token = edits[edit + 1u];
    if (kind == CLEAR) {
      for (var column = lane; column < params.columns; column += lanes) {
        logits[n * params.stride + column] = REMOVED;
      }
    } else if (token % lanes == lane) {
      let at = n * params.stride + token;
      logits[at] = edited(logits[at], kind, bitcast<f32>(edits[edit + 2u]), base[row]);
    }
  }
}

fn edited(logit: f32, kind: u32, value: f32, row_base: f32) -> f32 {
  if (kind == SET) { return select(value + row_base, REMOVED, value <= REMOVED); }
  if (logit <= REMOVED) { return REMOVED; }
  let score = logit - row_base;
  if (kind == ADD) { return logit + value; }
  if (kind == PENALIZE) { return select(score / value, score * value, score < 0.0) + row_base; }
  return logit + abs(score) * value;      // RAISE
}
