// y[n] = wte[ids[n]] + wpe[positions[n]], and with types + wte[types[n]]: a row kernel. The tables may be windows of
// larger ones: a row is written by the launch whose windows hold its token, its position and its type. The kernel has
// type_at_hand(n) and with_type(sum, n, c). The tables are kept as lib/stored_*.wgsl says.

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  // Unsigned: an index before the window wraps to a huge one.
  let token = indices[params.first_row + n] - params.first_token;
  let position = indices[params.all_rows + params.first_row + n] - params.first_position;
  if (token >= params.tokens || position >= params.positions || !type_at_hand(n)) { return; }
  let C = params.channels;
  for (var c = lane; c < C; c += lanes) {
    y[n * C + c] = with_type(wte_at(token * C + c) + wpe_at(position * C + c), n, c);
  }
}

fn wte_at(i: u32) -> f32 { return stored(wte[i / PER_WORD], i); }
fn wpe_at(i: u32) -> f32 { return stored(wpe[i / PER_WORD], i); }
