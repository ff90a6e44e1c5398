// Draws one token a row by its probability, after temperature, top-k, top-p and min-p. The random number is a hash of the
// row's stream and the step, and what is kept is found by searching for a threshold among the floats' integer keys: exact,
// without sorting, and the same whatever the number of lanes but for the rounding of sums. Columns count below 2^24.
struct Params {
  rows: u32, first_row: u32, all_rows: u32, expand: u32, columns: u32, stride4: u32, last_position: u32,
  step: u32, top_k: u32, temperature: f32, top_p: f32, min_p: f32,
}
@group(0) @binding(0) var<storage, read> logits: array<vec4u>;        // [rows / expand, stride4] of vec4 bits of f32: a window
@group(0) @binding(2) var<storage, read> streams: array<vec2u>;       // [all_rows] names of the rows' random numbers
@group(1) @binding(0) var<uniform> params: Params;

// What is left of a row: keys from `least` on whose weight, the probability over that of the greatest, is at least min_weight.
struct Kept { row: u32, peak: f32, least: u32, min_weight: f32 }

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let out = params.first_row + n;
  let row = n / params.expand;
  var best = 0u;
  for (var c4 = lane; 4u * c4 < params.columns; c4 += lanes) { best = max(best, greatest_of(keys_at(row, c4))); }
  let greatest = row_max_u32(best, lane);
  if (greatest >= INFINITE) {
    if (lane == 0u) { next_token(out, NO_TOKEN); }
    return;
  }
  var kept = Kept(row, bitcast<f32>(bits_of(greatest)), REMOVED_KEY + 1u, 0.0);
  // Loops, so that what they call is compiled once.
  for (var warper = 0u; warper < 2u; warper++) {
    let by_weight = warper == 1u;
    let wanted = select(params.top_k > 0u && params.top_k < params.columns, params.top_p < 1.0, by_weight);
    if (wanted) { kept.least = threshold(kept, by_weight, lane, lanes); }
  }
  kept.min_weight = params.min_p;
  // 24 bits: the greatest is below 1 and stays so as a float.
  let uniform_number = f32(pcg4d(vec4u(streams[out], params.step, 0u)).x >> 8u) / 16777216.0;
  var goal = 0.0;
  var block = Block(0u, 3.0e38);
  for (var walk = 0u; walk < 2u; walk++) {       // to the end for the sum, then to the number's part of it
    goal = select(uniform_number * block.before, 3.0e38, walk == 0u);
    block = locate(kept, goal, lane, lanes);
  }
  let token = token_in(kept, block, goal, lanes);
  if (lane == 0u) { next_token(out, token); }
}

// The greatest key from which on the kept tokens number top_k, or weigh top_p of all that are kept; two bits of it a round over
// the row.
fn threshold(kept: Kept, by_weight: bool, lane: u32, lanes: u32) -> u32 {
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
      // All tokens below this weight together, were they the whole vocabulary, weigh half of what may go at most.
      let negligible = 0.5 * (1.0 - params.top_p) * reached.w / f32(params.columns);
      lowest = max(lowest, key_of(bitcast<u32>(kept.peak + params.temperature * log(negligible))));
    }
    key += unit * select(select(select(0u, 1u, reached.z >= goal), 2u, reached.y >= goal), 3u, reached.x >= goal);
  }
  return max(key, kept.least);
}

// Weights of the kept among four tokens, 0 for the others.
fn weights_at(kept: Kept, c4: u32) -> vec4f {
  let keys = keys_at(kept.row, c4);
  let x = bitcast<vec4f>(logits[kept.row * params.stride4 + c4]);
  let stays = keys >= vec4u(kept.least);
  let weight = exp(select(vec4f(), x - kept.peak, stays) / params.temperature);
  return select(vec4f(), weight, stays & (weight >= vec4f(kept.min_weight)));
}

// A run of 4 * lanes columns, and the weight of what is kept before it. Past the end: 0xffffffff columns.
struct Block { first: u32, before: f32 }

// The block in which the running sum of kept weights passes `goal`; where none does, the last that holds a kept token, with the
// whole sum. The sum is compensated (Kahan 1965): many small weights must not be lost beside a great one.
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

// The token in the block at which the sum passes `goal`, or its last kept one; 0 where nothing is kept. All lanes find the same.
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
