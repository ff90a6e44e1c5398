// Draws one token a row by its probability, after temperature, top-k, top-p and min-p. The random number is a hash of
// the row's stream and the step, and what is kept is found by searching for a threshold among the floats' integer keys:
// exact, without sorting, and the same whatever the number of lanes but for the rounding of sums. Columns count below
// 2^24. A file beside this one searches and draws: key_range(row), narrowed(kept, by_weight) and drawn(kept, number).

// What is left of a row: keys from `least` on whose weight, the probability over that of the greatest, is at least
// min_weight; `count` tokens at most.
struct Kept { row: u32, greatest: u32, least: u32, min_weight: f32, count: u32 }

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let out = params.first_row + n;
  let row = n / params.expand;
  let range = key_range(row, lane, lanes);
  if (range.greatest >= INFINITE) {
    if (lane == 0u) { next_token(out, NO_TOKEN); }
    return;
  }
  var kept = Kept(row, range.greatest, range.least, 0.0, params.columns);
  // A loop, so that what it calls is compiled once: 0 by number, 1 by weight.
  let first = select(1u, 0u, params.top_k > 0u && params.top_k < params.columns);
  for (var warper = first; warper < select(1u, 2u, params.top_p < 1.0); warper++) {
    kept = narrowed(kept, warper == 1u, lane, lanes);
  }
  kept.min_weight = params.min_p;
  // 24 bits: the greatest is below 1 and stays so as a float.
  let number = f32(pcg4d(vec4u(streams[out], params.step, 0u)).x >> 8u) / 16777216.0;
  let token = drawn(kept, number, lane, lanes);
  if (lane == 0u) { next_token(out, token); }
}

// The greatest key of a row, and one that is not above the least of a token that was not removed.
struct KeyRange { greatest: u32, least: u32 }

// All tokens below this key together, were they the whole vocabulary, weigh half at most of what top-p may remove when
// the kept weigh `total`.
fn negligible_key(kept: Kept, total: f32) -> u32 {
  let weight = 0.5 * (1.0 - params.top_p) * total / f32(params.columns);
  return key_of(bitcast<u32>(peak_of(kept) + params.temperature * log(weight)));
}

fn peak_of(kept: Kept) -> f32 { return bitcast<f32>(bits_of(kept.greatest)); }

// Weights of the kept among four tokens, 0 for the others.
fn weights_at(kept: Kept, c4: u32) -> vec4f {
  return weights_of(kept, keys_at(kept.row, c4), bitcast<vec4f>(logits[kept.row * params.stride4 + c4]));
}

fn weights_of(kept: Kept, keys: vec4u, x: vec4f) -> vec4f {
  let stays = keys >= vec4u(kept.least);
  let weight = exp(select(vec4f(), x - peak_of(kept), stays) / params.temperature);
  return select(vec4f(), weight, stays & (weight >= vec4f(kept.min_weight)));
}
