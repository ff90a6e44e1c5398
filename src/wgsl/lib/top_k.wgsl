// The k largest of each part of each row, in descending order, the lower column first among equals. Exact: values are
// compared as integers of the same order (NaN above all, as in torch). A lane keeps the 4 best of its columns; each
// round takes the best of all lanes, and when a lane has given its 4, all read their columns once more for the next
// ones: reading takes them as long as reading alone takes one.
// A file beside this one says which id a column stands for.

const EMPTY = 0u;          // below the key of every number

struct Held { keys: vec4u, columns: vec4u }

fn row_count() -> u32 { return params.rows * params.parts; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  let row = n / params.parts;
  let part = n % params.parts;
  let first = part * params.columns / params.parts + lane;
  let end = (part + 1u) * params.columns / params.parts;
  let out = (params.first_row * params.parts + n) * params.k;
  var held = best_four(row, first, end, lanes, 0xffffffffu, 0u);
  for (var rank = 0u; rank < params.k; rank++) {
    let key = held.keys.x;
    let column = held.columns.x;
    let best = row_max_u32(key, lane);
    // The lowest column with that key, as a maximum.
    let column_of_best = ~row_max_u32(select(0u, ~column, key == best), lane);
    let gives = key == best && column == column_of_best;
    if (gives) {
      values[out + rank] = bits_of(key);
      ids[out + rank] = id_of(row, column);
      held = Held(vec4u(held.keys.yzw, EMPTY), vec4u(held.columns.yzw, 0u));
    }
    if (row_max_u32(select(0u, 1u, gives && held.keys.x == EMPTY), lane) > 0u) {
      held = best_four(row, first, end, lanes, best, column_of_best + 1u);
    }
  }
}

// The best 4 of a lane's columns among those that come after (last_key, next_column - 1).
fn best_four(row: u32, first: u32, end: u32, lanes: u32, last_key: u32, next_column: u32) -> Held {
  var held = Held();
  for (var start = first; start < end; start += 4u * lanes) {
    // Four loads under way at once.
    let columns = start + lanes * vec4u(0u, 1u, 2u, 3u);
    let at = row * params.stride + min(columns, vec4u(end - 1u));
    let bits = vec4u(logits[at.x], logits[at.y], logits[at.z], logits[at.w]);
    let keys = select(vec4u(), keys_of(bits), columns < vec4u(end));
    if (all(keys <= vec4u(held.keys.w))) { continue; }
    for (var i = 0u; i < 4u; i++) { held = with_column(held, keys[i], columns[i], last_key, next_column); }
  }
  return held;
}

// `held` and a later column of the lane, if that is among the best 4.
fn with_column(before: Held, key: u32, column: u32, last_key: u32, next_column: u32) -> Held {
  var held = before;
  if (key > held.keys.w && (key < last_key || (key == last_key && column >= next_column))) {
    if (key > held.keys.x) { held = Held(vec4u(key, held.keys.xyz), vec4u(column, held.columns.xyz)); }
    else if (key > held.keys.y) {
      held = Held(vec4u(held.keys.x, key, held.keys.yz), vec4u(held.columns.x, column, held.columns.yz));
    }
    else if (key > held.keys.z) {
      held = Held(vec4u(held.keys.xy, key, held.keys.z), vec4u(held.columns.xy, column, held.columns.z));
    }
    else { held = Held(vec4u(held.keys.xyz, key), vec4u(held.columns.xyz, column)); }
  }
  return held;
}
