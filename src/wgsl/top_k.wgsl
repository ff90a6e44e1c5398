// The k largest of each part of each row, in descending order, the lower column first among equals. Exact: values are compared
// as integers of the same order (NaN above all, as in torch). A lane keeps the 4 best of its columns; each round takes the best
// of all lanes, and a lane that has given its 4 reads its columns once more for the next ones.
// Columns count below 2^24. A file beside this one says which id a column stands for.
struct Params { rows: u32, first_row: u32, parts: u32, columns: u32, stride: u32, k: u32 }
@group(0) @binding(0) var<storage, read> logits: array<u32>;          // [rows, stride] the bits of f32: a window from first_row on
@group(0) @binding(1) var<storage, read_write> values: array<u32>;    // [all rows, parts, k] bits of f32
@group(0) @binding(2) var<storage, read_write> ids: array<u32>;       // [all rows, parts, k]
@group(1) @binding(0) var<uniform> params: Params;

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
    let column_of_best = 0xffffffu - u32(row_max(select(0.0, f32(0xffffffu - column), key == best), lane));
    if (key == best && column == column_of_best) {
      values[out + rank] = bits_of(key);
      ids[out + rank] = id_of(row, column);
      held = Held(vec4u(held.keys.yzw, EMPTY), vec4u(held.columns.yzw, 0u));
      if (held.keys.x == EMPTY) { held = best_four(row, first, end, lanes, key, column + 1u); }
    }
  }
}

// The best 4 of a lane's columns among those that come after (last_key, next_column - 1).
fn best_four(row: u32, first: u32, end: u32, lanes: u32, last_key: u32, next_column: u32) -> Held {
  var held = Held();
  for (var column = first; column < end; column += lanes) {
    let key = key_of(logits[row * params.stride + column]);
    if (key <= held.keys.w || key > last_key || (key == last_key && column < next_column)) { continue; }
    if (key > held.keys.x) { held = Held(vec4u(key, held.keys.xyz), vec4u(column, held.columns.xyz)); }
    else if (key > held.keys.y) { held = Held(vec4u(held.keys.x, key, held.keys.yz), vec4u(held.columns.x, column, held.columns.yz)); }
    else if (key > held.keys.z) { held = Held(vec4u(held.keys.xy, key, held.keys.z), vec4u(held.columns.xy, column, held.columns.z)); }
    else { held = Held(vec4u(held.keys.xyz, key), vec4u(held.columns.xyz, column)); }
  }
  return held;
}
