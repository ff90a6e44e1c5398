// The token with the greatest logit of each row, the lowest among equals.

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  var best = 0u;
  var best_c4 = 0u;
  for (var c4 = lane; 4u * c4 < params.columns; c4 += lanes) {
    let key = greatest_of(keys_at(n, c4));
    if (key > best) { best = key; best_c4 = c4; }
  }
  let greatest = row_max_u32(best, lane);
  let keys = keys_at(n, best_c4);
  let column = 4u * best_c4 + select(select(select(3u, 2u, keys.z == best), 1u, keys.y == best), 0u, keys.x == best);
  // The lowest column with that key, as a maximum.
  let token = ~row_max_u32(select(0u, ~column, best == greatest), lane);
  if (lane == 0u) { next_token(params.first_row + n, select(token, NO_TOKEN, greatest >= INFINITE)); }
}
