// y[n] = wte[ids[n]] + wpe[positions[n]]: a row kernel. The tables may be windows of larger ones: a row is written by
// the launch whose windows hold both its token and its position.

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  // Unsigned: an index before the window wraps to a huge one.
  let token = indices[params.first_row + n] - params.first_token;
  let position = indices[params.all_rows + params.first_row + n] - params.first_position;
  if (token >= params.tokens || position >= params.positions) { return; }
  let C = params.channels;
  for (var c = lane; c < C; c += lanes) { y[n * C + c] = wte[token * C + c] + wpe[position * C + c]; }
}
