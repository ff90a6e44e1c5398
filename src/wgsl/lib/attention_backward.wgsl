// What the gradients of attention share: how they read what they need, and how they are stored.

fn fetch(source: u32, at: u32) -> vec4f {
  if (source == DOUT) { return vec4f(dout[at]); }
  return vec4f(qkv[at]);
}

fn lse_of(place: Place, query: u32) -> f32 {
  return lse[params.lse_at + (place.b * params.heads + place.head) * params.length + min(query, params.length - 1u)];
}

fn delta_of(place: Place, query: u32) -> f32 {
  let token = place.b * params.length + min(query, params.length - 1u);
  return delta[params.delta_at + token * params.heads + place.head];
}

fn store(sums: ptr<function, Sums>, part: Matrix, first: u32) {
  for (var own = 0u; own < params.own; own++) {
    let c = own * TEAM + lane;
    var rows = (*sums)[0];
    next_sums(sums, rows);
    for (var row = first; row < min(first + ROWS, params.length) && c < CHUNKS; row++) {
      let at = line(part, row) + c;
      var total = rows[0];
      if (params.accumulate != 0u) { total += vec4f(dqkv[at]); }
      dqkv[at] = saved_four(total);
      next_row(&rows, total);
    }
  }
}
