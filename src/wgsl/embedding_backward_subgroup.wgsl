// out[target of group] += sum of the x rows that the group lists: the gradient of an embedding table, rows grouped by
// index. A row belongs to one group and a lane walks a group in order, so no atomics and the same bits every time. x
// and out may be windows: rows and targets outside are another launch's. A row kernel whose rows are blocks of a
// group's channels, so that a long group still occupies many lanes. Constant: BLOCK (channels).

fn row_count() -> u32 { return params.groups * params.blocks; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let entry = params.groups_at + 3u * (n / params.blocks);
  let target_row = plan[entry + 2u] - params.first_target;
  if (target_row >= params.targets) { return; }
  let start = plan[entry];
  let end = plan[entry + 1u];
  let first = (n % params.blocks) * BLOCK;
  for (var c = first + lane; c < min(first + BLOCK, params.channels); c += lanes) {
    var sum = 0.0;
    for (var i = start; i < end; i++) {
      let row = plan[i] - params.first_row;
      if (row < params.rows) { sum += x[row * params.channels + c]; }
    }
    out[target_row * params.channels + c] += sum;
  }
}
