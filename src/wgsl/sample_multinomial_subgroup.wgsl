// sample_multinomial where a subgroup has a row: no workgroup memory, and the row is read for every round of the
// search.
fn key_range(row: u32, lane: u32, lanes: u32) -> KeyRange {
  var best = 0u;
  for (var c4 = lane; 4u * c4 < params.columns; c4 += lanes) { best = max(best, greatest_of(keys_at(row, c4))); }
  return KeyRange(row_max_u32(best, lane), REMOVED_KEY + 1u);
}

// Keeps from the greatest key on from which the kept tokens number top_k, or weigh top_p of all that are kept; two bits
// of it a round over the row.
fn narrowed(before: Kept, by_weight: bool, lane: u32, lanes: u32) -> Kept {
  var kept = before;
  var key = 0u;
  var goal = f32(params.top_k);
  var lowest = kept.least;       // the answer is not below
  for (var round = 0u; round < 16u; round++) {
    let unit = 1u << (30u - 2u * round);
    var reached = vec4f();       // from key + 3, 2, 1 units on; in all
    for (var c4 = lane; 4u * c4 < params.columns; c4 += lanes) {
      let keys = keys_at(kept.row, c4);
      if (greatest_of(keys) < max(select(key + unit, 0u, round == 0u), lowest)) { continue; }
      var measure = select(vec4f(), vec4f(1.0), keys >= vec4u(kept.least));
      if (by_weight) { measure = weights_at(kept, c4); }
      reached += vec4f(
        dot(measure, select(vec4f(), vec4f(1.0), keys >= vec4u(key + 3u * unit))),
        dot(measure, select(vec4f(), vec4f(1.0), keys >= vec4u(key + 2u * unit))),
        dot(measure, select(vec4f(), vec4f(1.0), keys >= vec4u(key + unit))),
        dot(measure, vec4f(1.0)),
      );
    }
    for (var i = 0u; i < 4u; i++) { reached[i] = row_sum(reached[i], lane); }
    if (round == 0u && by_weight) {
      goal = params.top_p * reached.w;
      lowest = max(lowest, negligible_key(kept, reached.w));
    }
    key += unit * select(select(select(0u, 1u, reached.z >= goal), 2u, reached.y >= goal), 3u, reached.x >= goal);
  }
  kept.least = max(key, kept.least);
  return kept;
}

fn drawn(kept: Kept, number: f32, lane: u32, lanes: u32) -> u32 {
  var goal = 0.0;
  var block = Block(0u, 3.0e38);
  for (var walk = 0u; walk < 2u; walk++) {       // to the end for the sum, then to the number's part of it
    goal = select(number * block.before, 3.0e38, walk == 0u);
    block = locate(kept, goal, lane, lanes);
  }
  return token_in(kept, block, goal, lanes);
}

// A run of 4 * lanes columns, and the weight of what is kept before it. Past the end: 0xffffffff columns.
struct Block { first: u32, before: f32 }

// The block in which the running sum of kept weights passes `goal`; where none does, the last that holds a kept token,
// with the whole sum. The sum is compensated (Kahan 1965): many small weights must not be lost beside a great one.
fn locate(kept: Kept, goal: f32, lane: u32, lanes: u32) -> Block {
  var found = Block(0xffffffffu, 0.0);
  var lost = 0.0;
  for (var first = 0u; 4u * first < params.columns; first += lanes) {
    var own = vec4f();
    if (4u * (first + lane) < params.columns) { own = weights_at(kept, first + lane); }
    let sum = row_sum(dot(own, vec4f(1.0)), lane);
    if (sum == 0.0) { continue; }
    found.first = first;
    let term = sum - lost;
    let next = found.before + term;
    if (next > goal) { break; }
    lost = (next - found.before) - term;
    found.before = next;
  }
  return found;
}

// The token in the block at which the sum passes `goal`, or its last kept one; 0 where nothing is kept. All lanes find
// the same.
fn token_in(kept: Kept, block: Block, goal: f32, lanes: u32) -> u32 {
  if (block.first == 0xffffffffu) { return 0u; }
  var sum = block.before;
  var token = 0u;
  for (var c4 = block.first; c4 < block.first + lanes && 4u * c4 < params.columns && sum <= goal; c4++) {
    let weights = weights_at(kept, c4);
    for (var i = 0u; i < 4u && sum <= goal; i++) {
      if (weights[i] > 0.0) { token = 4u * c4 + i; sum += weights[i]; }
    }
  }
  return token;
}
