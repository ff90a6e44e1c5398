// Attention of new tokens over cached keys and values, one workgroup a (token, head), online softmax (Milakov and
// Gimelshein 2018) over LANES positions at a time. Scores: four lanes share a position, and neighbouring lanes read
// neighbouring channels. Softmax: a lane has a position. Sum of values: a lane has a chunk of channels and every
// SLICES-th position. The ancestry table says which row of the cache holds a position, so beams are reordered
// without moving keys. A query that sees nothing gives zeros. With params.append the row's one new token comes from
// qkv and joins the cache here, where nobody else reads that position; its score is added at the end, where it costs
// no barrier of its own. The form for GPUs. Constants: HS, LANES (a power of two, at least 32 and CHUNKS).
// params.chunks is CHUNKS, and loops end at what is used: see attention_decode.wgsl.
const TEAM: u32 = 4u;                                // lanes that share a position's score
const QUARTER: u32 = LANES / TEAM;
const SLICES: u32 = LANES / CHUNKS;
const GATHER: u32 = 8u;
const SPREAD: u32 = 32u;
const_assert((LANES & (LANES - 1u)) == 0u && LANES >= SPREAD && LANES >= CHUNKS);

var<workgroup> at: array<u32, LANES>;                // where a position begins in the cache
var<workgroup> weights: array<f32, LANES>;
var<workgroup> parts: array<f32, TEAM * LANES>;      // of scores, then of the result
var<workgroup> spread: array<vec2f, SPREAD>;

// Lane `member` of a team writes to a row of its own, where the lanes of a subgroup never meet in a bank.
fn part_at(member: u32, position: u32) -> u32 { return member * LANES + (position ^ (8u * member)); }

// Both end with every lane knowing the result of all, of which the first `used` have something. Two steps of many reads
// instead of many steps with a barrier each.
fn greatest(value: f32, lane: u32, used: u32) -> f32 {
  weights[lane] = value;
  workgroupBarrier();
  if (lane < SPREAD) {
    var most = LOWEST;
    for (var i = lane; i < used; i += SPREAD) { most = max(most, weights[i]); }
    spread[lane].x = most;
  }
  workgroupBarrier();
  var most = LOWEST;
  for (var i = 0u; i < min(SPREAD, used); i++) { most = max(most, spread[i].x); }
  return most;
}

fn total_of(value: vec2f, lane: u32, used: u32) -> vec2f {
  parts[lane] = value.x;
  parts[LANES + lane] = value.y;
  workgroupBarrier();
  if (lane < SPREAD) {
    var sum = vec2f();
    for (var i = lane; i < used; i += SPREAD) { sum += vec2f(parts[i], parts[LANES + i]); }
    spread[lane] = sum;
  }
  workgroupBarrier();
  var sum = vec2f();
  for (var i = 0u; i < min(SPREAD, used); i++) { sum += spread[i]; }
  return sum;
}

fn take_part(lane: u32) -> Pack {
  return pack_narrow(vec4f(parts[lane], parts[LANES + lane], parts[2u * LANES + lane], parts[3u * LANES + lane]));
}

fn put_part(lane: u32, value: Pack) {
  let wide = pack_widen(value);
  parts[lane] = wide.x;
  if (PACK > 1u) {
    parts[LANES + lane] = wide.y;
    parts[2u * LANES + lane] = wide.z;
    parts[3u * LANES + lane] = wide.w;
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = linear_workgroup(workgroup, grid);
  if (n >= params.rows) { return; }
  let append = params.append != 0u;
  let head = n % params.heads;
  let token = n / params.heads;
  let table = params.table_at + token / params.length * params.capacity;
  let end = params.past + select(token % params.length + 1u, 0u, append);
  let width = params.heads * CHUNKS;
  let q = params.qkv_at / PACK + token * 3u * width + head * CHUNKS;
  let used = min(LANES, max(end, params.chunks));
  let scale = 1.0 / sqrt(f32(HS));

  var own = 0.0;
  if (append && lane < CHUNKS) {
    let to = (((params.first + token) * params.heads + head) * params.capacity + end) * LINE;
    own = pack_dot(qkv[q + lane], as_kept(qkv[q + width + lane]));
    keep(to, q + width, q + 2u * width, lane);
  }

  let chunk = lane % CHUNKS;
  let slice = lane / CHUNKS;
  let member = lane % TEAM;
  var acc = Pack();
  var highest = LOWEST;
  var sum = 0.0;
  for (var start = 0u; start < end; start += LANES) {
    let count = min(LANES, end - start);
    let position = start + min(lane, count - 1u);
    at[lane] = ((ancestry[table + position] * params.heads + head) * params.capacity + position) * LINE;
    let seen = lane < count && mask[table + position] != 0u;
    workgroupBarrier();

    // past the end, `at` has the last position again
    let mine = lane / TEAM + QUARTER * vec4u(0u, 1u, 2u, 3u);
    let line = vec4u(at[mine.x], at[mine.y], at[mine.z], at[mine.w]);
    var dots = vec4f();
    for (var c = member; c < params.chunks; c += TEAM) {
      let query = qkv[q + c];
      dots += vec4f(
        pack_dot(query, key_at(line.x + c)), pack_dot(query, key_at(line.y + c)),
        pack_dot(query, key_at(line.z + c)), pack_dot(query, key_at(line.w + c)));
    }
    parts[part_at(member, mine.x)] = dots.x;
    parts[part_at(member, mine.y)] = dots.y;
    parts[part_at(member, mine.z)] = dots.z;
    parts[part_at(member, mine.w)] = dots.w;
    workgroupBarrier();

    let product = parts[part_at(0u, lane)] + parts[part_at(1u, lane)]
      + parts[part_at(2u, lane)] + parts[part_at(3u, lane)];
    let score = select(LOWEST, product * scale, seen);
    let next = max(highest, greatest(score, lane, used));
    let alpha = exp(highest - next);
    let p = select(0.0, exp(score - next), seen);
    highest = next;
    sum = sum * alpha + p;
    acc *= alpha;
    weights[lane] = p;
    workgroupBarrier();

    if (slice < SLICES) {
      for (var i = slice; i < count; i += 4u * SLICES) {
        let four = i + SLICES * vec4u(0u, 1u, 2u, 3u);
        let held = min(four, vec4u(count - 1u));
        let found = vec4f(weights[held.x], weights[held.y], weights[held.z], weights[held.w]);
        let weight = select(vec4f(), found, four < vec4u(count));
        acc += weight.x * value_at(at[held.x] + chunk) + weight.y * value_at(at[held.y] + chunk)
          + weight.z * value_at(at[held.z] + chunk) + weight.w * value_at(at[held.w] + chunk);
      }
    }
    workgroupBarrier();                              // `at` and `weights` have been read
  }

  let totals = total_of(vec2f(sum, own), lane, used);
  var total = totals.x;
  if (append && mask[table + end] != 0u) {
    let score = totals.y * scale;
    let next = max(highest, score);
    let alpha = exp(highest - next);
    let p = exp(score - next);
    total = total * alpha + p;
    acc *= alpha;
    if (slice == 0u) { acc += p * as_kept(qkv[q + 2u * width + chunk]); }
  }
  put_part(lane, acc);
  workgroupBarrier();
  // Every GATHER-th slice into one of the first GATHER, which no other lane reads or writes; then those.
  let slices = min(SLICES, max(end, 1u));
  if (slice < min(GATHER, slices)) {
    var value = acc;
    for (var s = slice + GATHER; s < slices; s += GATHER) { value += take_part(s * CHUNKS + chunk); }
    put_part(lane, value);
  }
  workgroupBarrier();
  if (slice == 0u) {
    var value = Pack();
    for (var g = 0u; g < min(GATHER, slices); g++) { value += take_part(g * CHUNKS + chunk); }
    out[params.out_at / PACK + token * width + head * CHUNKS + chunk] = value * select(0.0, 1.0 / total, total > 0.0);
  }
}
