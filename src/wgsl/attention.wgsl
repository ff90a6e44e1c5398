// out = softmax(q k^T * scale) v with the causal and the padding mask, keys tile by tile, the softmax online (Milakov
// and Gimelshein 2018): sums are rescaled when a larger score appears. A query whose keys are all hidden gives zeros.

const LOWEST: f32 = -3.0e38;

fn fetch(source: u32, at: u32) -> vec4f { return vec4f(qkv[at]); }

fn columns_met(b: u32, first: u32, end: u32) -> Span { return keys_seen(b, first, end); }

fn attention_rows(place: Place, columns: Span) {
  let queries = qkv_matrix(place, 0u);
  let keys = qkv_matrix(place, 1u);
  let values = qkv_matrix(place, 2u);
  var sums: Sums;
  // of a row: the highest score so far, this invocation's sum of weights, what the last tile shrank sums by
  var states: Tile;
  for (var r = 0u; r < ROWS; r++) { states[r] = vec4f(LOWEST, 0.0, 1.0, 0.0); }

  for (var start = columns.first; start < columns.end; start += COLUMNS) {
    var tile = Tile();
    multiply(&tile, queries, place.first, keys, start);
    let key = columns_of(start);
    let hidden = hidden_keys(place.b, key);
    let segments = segments_of(place.b, key);
    for (var turn = 0u; turn < params.rows; turn++) {
      let query = vec4u(place.first + turn);
      let unseen = hidden | (key > query) | (segments != vec4u(segment_of(place.b, query.x)));
      let scores = select(tile[0] * params.scale, vec4f(LOWEST), unseen);
      let highest = max(states[0].x, team_max(max(max(scores.x, scores.y), max(scores.z, scores.w))));
      let weights = select(exp(scores - highest), vec4f(), unseen);
      let shrink = exp(states[0].x - highest);
      next_row(&states, vec4f(highest, states[0].y * shrink + dot(weights, vec4f(1.0)), shrink, 0.0));
      next_row(&tile, weights * dropout_factors(place, query, key));
    }
    for (var own = 0u; own < OWN; own++) {
      var rows = sums[own];
      for (var r = 0u; r < ROWS; r++) { rows[r] *= states[r].z; }
      sums[own] = rows;
    }
    accumulate(&sums, &tile, values, start, columns.end);
  }

  let target_lines = out_matrix(place);
  for (var turn = 0u; turn < params.rows; turn++) {
    let total = team_sum(states[0].y);
    let seen = total > 0.0;
    let query = place.first + turn;
    if (query < params.length && lane == 0u) {
      let at = params.lse_at + (place.b * params.heads + place.head) * params.length + query;
      lse[at] = select(0.0, states[0].x + log(total), seen);
    }
    next_row(&states, vec4f(select(0.0, 1.0 / total, seen)));
  }
  for (var own = 0u; own < params.own; own++) {
    let c = own * TEAM + lane;
    var rows = sums[0];
    next_sums(&sums, rows);
    for (var turn = 0u; turn < params.rows; turn++) {
      let query = place.first + turn;
      if (query < params.length && c < CHUNKS) {
        out[line(target_lines, query) + c] = saved_four(rows[0] * states[0].x);
      }
      next_row(&rows, vec4f());
      next_row(&states, states[0]);
    }
  }
}
