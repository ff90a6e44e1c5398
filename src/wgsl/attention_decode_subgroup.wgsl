// Attention of new tokens over cached keys and values, one subgroup a (token, head), online softmax (Milakov and
// Gimelshein 2018). Scores: a lane takes four positions at a time. Sum of values: a lane takes some of the channels,
// and where there are more lanes than channels, a slice of the positions. The ancestry table says which row of the
// cache holds a position, so beams are reordered without moving keys. A query that sees nothing gives zeros. With
// params.append the row's one new token comes from qkv and joins the cache here, where nobody else reads that
// position. The form for software adapters: without workgroup memory. Constants: HS, LANES (of a subgroup), WG_SIZE.
// params.chunks is CHUNKS: a loop up to a constant is unrolled, and then takes software adapters ten times as long
// to compile.
const SLICES: u32 = max(1u, LANES / CHUNKS);
const OWN: u32 = (CHUNKS + LANES - 1u) / LANES;      // chunks of channels a lane sums

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let append = params.append != 0u;
  let head = n % params.heads;
  let token = n / params.heads;
  let table = params.table_at + token / params.length * params.capacity;
  let end = params.past + select(token % params.length + 1u, 0u, append);
  let width = params.heads * CHUNKS;
  let q = params.qkv_at / PACK + token * 3u * width + head * CHUNKS;
  let own_slice = select(lane / CHUNKS, 0u, LANES < CHUNKS);
  let own_chunk = select(lane % CHUNKS, lane, LANES < CHUNKS);
  var acc = array<Pack, OWN>();
  var highest = LOWEST;
  var sum = 0.0;
  if (append) {
    let to = (((params.first + token) * params.heads + head) * params.capacity + end) * LINE;
    var score = 0.0;
    for (var c = lane; c < params.chunks; c += LANES) {
      score += pack_dot(qkv[q + c], as_kept(qkv[q + width + c]));
      keep(to, q + width, q + 2u * width, c);
    }
    score = row_sum(score, lane) / sqrt(f32(HS));
    if (mask[table + end] != 0u) {
      highest = score;
      sum = select(0.0, 1.0, lane == 0u);
      if (own_slice == 0u) {
        for (var k = 0u; k < OWN; k++) {
          acc[k] = as_kept(qkv[q + 2u * width + min(own_chunk + k * LANES, CHUNKS - 1u)]);
        }
      }
    }
  }
  for (var start = 0u; start < end; start += 4u * LANES) {
    let first = start + 4u * lane;
    let at = cache_at(table, first, end, head);
    var score = vec4f();
    for (var c = 0u; c < params.chunks; c++) {
      let query = qkv[q + c];
      score += vec4f(
        pack_dot(query, key_at(at.x + c)), pack_dot(query, key_at(at.y + c)),
        pack_dot(query, key_at(at.z + c)), pack_dot(query, key_at(at.w + c)));
    }
    let seen = vec4<bool>(
      sees(table, first, end), sees(table, first + 1u, end),
      sees(table, first + 2u, end), sees(table, first + 3u, end));
    score = select(vec4f(LOWEST), score / sqrt(f32(HS)), seen);
    let next = max(highest, row_max(max(max(score.x, score.y), max(score.z, score.w)), lane));
    let alpha = exp(highest - next);
    let p = select(vec4f(), exp(score - next), seen);
    highest = next;
    sum = sum * alpha + p.x + p.y + p.z + p.w;
    row_share(p, lane);
    for (var k = 0u; k < OWN; k++) { acc[k] *= alpha; }
    let quads = (min(4u * LANES, end - start) + 3u) / 4u;
    for (var quad = 0u; quad < quads; quad += SLICES) {
      let own_quad = quad + own_slice;
      let weight = row_take(min(own_quad, LANES - 1u));
      let line = cache_at(table, start + 4u * own_quad, end, head);
      if (own_quad < quads && own_slice < SLICES) {
        for (var k = 0u; k < OWN; k++) {
          let c = min(own_chunk + k * LANES, CHUNKS - 1u);
          acc[k] += weight.x * value_at(line.x + c) + weight.y * value_at(line.y + c)
            + weight.z * value_at(line.z + c) + weight.w * value_at(line.w + c);
        }
      }
    }
  }
  let total = row_sum(sum, lane);
  let scale = select(0.0, 1.0 / total, total > 0.0);
  let o = params.out_at / PACK + token * width + head * CHUNKS;
  for (var k = 0u; k < OWN; k++) {
    let c = own_chunk + k * LANES;
    var value = acc[k];
    if (SLICES > 1u) {
      row_share(pack_widen(value), lane);
      for (var slice = 1u; slice < SLICES; slice++) { value += pack_narrow(row_take((lane + slice * CHUNKS) % LANES)); }
    }
    if (own_slice == 0u && c < CHUNKS) { out[o + c] = value * scale; }
  }
}

// Where four positions of this head begin in the cache; past the end, the last one again.
fn cache_at(table: u32, first: u32, end: u32, head: u32) -> vec4u {
  let position = min(vec4u(first, first + 1u, first + 2u, first + 3u), vec4u(end - 1u));
  let row = vec4u(
    ancestry[table + position.x], ancestry[table + position.y],
    ancestry[table + position.z], ancestry[table + position.w]);
  return ((row * params.heads + head) * params.capacity + position) * LINE;
}

fn sees(table: u32, position: u32, end: u32) -> bool {
  return position < end && mask[table + min(position, end - 1u)] != 0u;
}
