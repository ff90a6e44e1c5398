// sample_multinomial where a workgroup has a row. The search reads the row a few times only: as soon as the keys among
// which the threshold can be fit a list in workgroup memory, they are collected there and the search goes on in the
// list.
const LISTED = min(2048u, 4u * WG_SIZE);        // keys that the list holds
const TEAM = 32u;                               // invocations that share a run of columns when drawing
var<workgroup> list: array<u32, LISTED>;
var<workgroup> lane_weights: array<f32, WG_SIZE>;
var<workgroup> team_weights: array<f32, WG_SIZE / TEAM>;
var<workgroup> list_length: u32;
var<workgroup> run_found: Run;

fn key_range(row: u32, lane: u32, lanes: u32) -> KeyRange {
  var best = vec2u();            // the greatest key, and ~ of the least, which is a greatest too
  for (var c4 = lane; 4u * c4 < params.columns; c4 += lanes) {
    let keys = keys_at(row, c4);
    best = max(best, vec2u(greatest_of(keys), greatest_of(select(vec4u(), ~keys, keys > vec4u(REMOVED_KEY)))));
  }
  best = row_max2(best, lane);
  return KeyRange(best.x, ~best.y);
}

// Keeps from the greatest key on from which the kept tokens number top_k, or weigh top_p of all that are kept. That key
// is in [low, high); each round halves the range twice, by value and by key in turn: by value because logits are spread
// over their range and not over their exponents, by key because that ends whatever the logits are. One token in the
// range, or one key, is an end: then `low` divides the tokens as the key does.
fn narrowed(before: Kept, by_weight: bool, lane: u32, lanes: u32) -> Kept {
  var kept = before;
  var low = kept.least;
  if (by_weight) { low = max(low, negligible_key(kept, 1.0)); }       // the greatest alone weighs 1
  var high = kept.greatest + 1u;
  var above = vec2f();           // measure and number of the kept from `high` on
  var inside = f32(kept.count);  // tokens in the range, or more
  var goal = f32(params.top_k);
  var in_list = false;
  var listed = 0u;
  for (var round = 0u; inside > 1.0 && high > low && high - low > 1u; round++) {
    let from_key = select(low, kept.least, round == 0u);     // the first round measures all that is kept
    if (!in_list && inside <= f32(LISTED)) {
      listed = collect(kept.row, from_key, high, lane, lanes);
      in_list = true;
    }
    let keys = quarters(low, high, round % 2u == 1u);
    let own = measured(kept, keys, from_key, high, by_weight, in_list, listed, lane, lanes);
    var measure = vec4f();
    var number = vec4f();
    for (var which = 0u; which < select(1u, 2u, by_weight); which++) {      // a loop, so that the sum is compiled once
      measure = number;
      number = row_sum4(select(own.measure, own.number, vec4<bool>(which == 1u)), lane);
    }
    if (!by_weight) { measure = number; }
    measure += above.x;
    if (round == 0u) {
      if (by_weight) { goal = params.top_p * measure.w; }
      else if (measure.w < goal) { return kept; }            // there are no more than top_k
    }
    inside = number.w - number.z;
    if (measure.x >= goal) { low = keys.x; inside = number.x; }
    else if (measure.y >= goal) {
      low = keys.y;
      high = keys.x;
      above += vec2f(measure.x - above.x, number.x);
      inside = number.y - number.x;
    }
    else if (measure.z >= goal) {
      low = keys.z;
      high = keys.y;
      above += vec2f(measure.y - above.x, number.y);
      inside = number.z - number.y;
    }
    else { high = keys.z; above += vec2f(measure.z - above.x, number.z); }
  }
  kept.least = low;
  kept.count = u32(above.y + inside);
  return kept;
}

// Keys within (low, high) that part it in four, in descending order: by the floats they stand for, or by themselves.
fn quarters(low: u32, high: u32, by_key: bool) -> vec3u {
  let part = (high - low) / 4u;
  var keys = low + vec3u(high - low - part, 2u * part, part);
  if (!by_key) {
    let share = vec3f(0.75, 0.5, 0.25);
    let x = bitcast<f32>(bits_of(high - 1u)) * share + bitcast<f32>(bits_of(low)) * (1.0 - share);
    keys = vec3u(key_of(bitcast<u32>(x.x)), key_of(bitcast<u32>(x.y)), key_of(bitcast<u32>(x.z)));
  }
  return clamp(keys, vec3u(low + 1u), vec3u(high - 1u));
}

// Puts the row's keys in [low, high) on the list and returns how many. Two walks, one to count: places that the lanes
// raced for would change the order in which weights are added, and with it their rounding, from run to run.
fn collect(row: u32, low: u32, high: u32, lane: u32, lanes: u32) -> u32 {
  var at = 0u;
  for (var walk = 0u; walk < 2u; walk++) {
    if (walk == 1u) { at = row_before(at, lane); }
    for (var c4 = lane; 4u * c4 < params.columns; c4 += lanes) {
      let keys = keys_at(row, c4);
      if (greatest_of(keys) < low) { continue; }
      for (var i = 0u; i < 4u; i++) {
        if (keys[i] >= low && keys[i] < high) {
          if (walk == 1u && at < LISTED) { list[at] = keys[i]; }
          at++;
        }
      }
    }
  }
  if (lane == lanes - 1u) { list_length = min(at, LISTED); }
  workgroupBarrier();
  return list_length;
}

// Four keys from the list, 0 past its end.
fn listed_at(c4: u32, length: u32) -> vec4u {
  let at = 4u * c4 + vec4u(0u, 1u, 2u, 3u);
  let last = min(at, vec4u(LISTED - 1u));
  return select(vec4u(), vec4u(list[last.x], list[last.y], list[last.z], list[last.w]), at < vec4u(length));
}

// A lane's part of the kept in [from_key, high): their measure and their number from each of three keys on, and in all.
struct Measured { measure: vec4f, number: vec4f }

fn measured(
  kept: Kept,
  keys: vec3u,
  from_key: u32,
  high: u32,
  by_weight: bool,
  in_list: bool,
  listed: u32,
  lane: u32,
  lanes: u32,
) -> Measured {
  var found = Measured();
  let end = select(params.columns, listed, in_list);
  for (var c4 = lane; 4u * c4 < end; c4 += lanes) {
    var four = vec4u();
    if (in_list) { four = listed_at(c4, listed); } else { four = keys_at(kept.row, c4); }
    if (greatest_of(four) < from_key) { continue; }
    let counts = select(vec4f(), vec4f(1.0), (four >= vec4u(from_key)) & (four < vec4u(high)));
    found.number += parted(four, keys, counts);
    if (by_weight) { found.measure += parted(four, keys, counts * weights_of(kept, four, floats_of(four))); }
  }
  if (!by_weight) { found.measure = found.number; }
  return found;
}

fn parted(four: vec4u, keys: vec3u, measure: vec4f) -> vec4f {
  return vec4f(
    dot(measure, select(vec4f(), vec4f(1.0), four >= vec4u(keys.x))),
    dot(measure, select(vec4f(), vec4f(1.0), four >= vec4u(keys.y))),
    dot(measure, select(vec4f(), vec4f(1.0), four >= vec4u(keys.z))),
    dot(measure, vec4f(1.0)),
  );
}

// A run of groups of four columns, and the weight of what is kept before it.
struct Run { first: u32, count: u32, before: f32, goal: f32 }

// The token at which the running sum of kept weights, in the order of columns, passes `number` times the whole; where
// rounding lets it pass nowhere the last kept; 0 where nothing is kept. Each team weighs a part of a run, and the part
// where the sum passes is the next run, until it is four columns.
fn drawn(kept: Kept, number: f32, lane: u32, lanes: u32) -> u32 {
  let teams = lanes / TEAM;      // below, a bound that is no constant: software adapters unroll loops
  var run = Run(0u, (params.columns + 3u) / 4u, 0.0, 3.0e38);
  for (var level = 0u; level == 0u || run.count > 1u; level++) {
    let part = (run.count + teams - 1u) / teams;
    let end = run.first + min(run.count, (lane / TEAM + 1u) * part);
    var weight = 0.0;
    for (var c4 = run.first + lane / TEAM * part + lane % TEAM; c4 < end; c4 += TEAM) {
      weight += dot(weights_at(kept, c4), vec4f(1.0));
    }
    lane_weights[lane] = weight;
    workgroupBarrier();
    if (lane < teams) {
      var sum = 0.0;
      // turned: banks apart
      for (var i = 0u; i < min(TEAM, params.rows * TEAM); i++) { sum += lane_weights[lane * TEAM + (i + lane) % TEAM]; }
      team_weights[lane] = sum;
    }
    workgroupBarrier();
    if (lane == 0u) {
      var goal = run.goal;
      var found = vec2f();
      // at first to the end for the sum, then to the number's part of it
      for (var walk = min(level, 1u); walk < 2u; walk++) {
        found = locate(run.before, goal, teams);
        if (walk == 0u) { goal = number * found.y; }
      }
      let start = min(u32(found.x) * part, run.count);
      run_found = Run(run.first + start, min(part, run.count - start), found.y, goal);
    }
    run = workgroupUniformLoad(&run_found);
  }
  var sum = run.before;
  var token = 0u;
  let weights = weights_at(kept, run.first);
  for (var i = 0u; i < 4u && sum <= run.goal; i++) {
    if (weights[i] > 0.0) { token = 4u * run.first + i; sum += weights[i]; }
  }
  return token;
}

// The team in whose part the running sum passes `goal`, and the sum before it; where it passes nowhere, the last whose
// part weighs anything. With an endless goal the sum is that of all. Compensated (Kahan 1965): many small weights must
// not be lost beside a great one.
fn locate(before: f32, goal: f32, teams: u32) -> vec2f {
  var found = vec2f(0.0, before);
  var sum = before;
  var lost = 0.0;
  for (var team = 0u; team < teams; team++) {
    let weight = team_weights[team];
    if (weight == 0.0) { continue; }
    found = vec2f(f32(team), sum);
    let term = weight - lost;
    let next = sum + term;
    if (next > goal) { break; }
    lost = (next - sum) - term;
    sum = next;
  }
  if (goal > 1.0e38) { found.y = sum; }
  return found;
}
