// Attention's products by subgroups, without workgroup memory or barriers: a team is a subgroup, TEAM its size, with 8
// rows. Four lanes hold two rows each and broadcast them, a lane holds four columns, so one load feeds many
// multiplications: on adapters that run on the processor a load costs as much as 10 to 20.
const ROWS: u32 = 8u;
const_assert(TEAM >= 4u);
var<private> lane: u32;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, invocation: Invocation) {
  lane = invocation.lane;
  let block = linear_workgroup(workgroup, grid);
  if (block >= params.batch * params.heads * block_count()) { return; }
  var place = place_of(block);
  place.first += subgroup_of(invocation) * ROWS;
  if (place.first < params.length) { attention_rows(place, columns_met(place.b, place.first, place.first + ROWS)); }
}

// The columns an invocation holds in the tile that begins at `start`.
fn columns_of(start: u32) -> vec4u { return columns_held(start, lane); }
fn columns_held(start: u32, by_lane: u32) -> vec4u { return start + 4u * by_lane + vec4u(0u, 1u, 2u, 3u); }

// tile[r] += line first + r of `rows` . line of each column of `columns`.
fn multiply(tile: ptr<function, Tile>, rows: Matrix, first: u32, columns: Matrix, start: u32) {
  let upper = line(rows, first + lane % 4u);
  let lower = line(rows, first + 4u + lane % 4u);
  let column = columns_of(start);
  let at = vec4u(line(columns, column.x), line(columns, column.y), line(columns, column.z), line(columns, column.w));
  for (var c = 0u; c < params.chunks; c++) {
    let a = fetch(rows.source, upper + c);
    let b = fetch(rows.source, lower + c);
    let channels = transpose(mat4x4f(
      fetch(columns.source, at.x + c), fetch(columns.source, at.y + c),
      fetch(columns.source, at.z + c), fetch(columns.source, at.w + c)));
    multiply_channel(tile, a.x, b.x, channels[0]);
    multiply_channel(tile, a.y, b.y, channels[1]);
    multiply_channel(tile, a.z, b.z, channels[2]);
    multiply_channel(tile, a.w, b.w, channels[3]);
  }
}

fn multiply_channel(tile: ptr<function, Tile>, upper: f32, lower: f32, columns: vec4f) {
  (*tile)[0] += subgroupBroadcast(upper, 0u) * columns;
  (*tile)[1] += subgroupBroadcast(upper, 1u) * columns;
  (*tile)[2] += subgroupBroadcast(upper, 2u) * columns;
  (*tile)[3] += subgroupBroadcast(upper, 3u) * columns;
  (*tile)[4] += subgroupBroadcast(lower, 0u) * columns;
  (*tile)[5] += subgroupBroadcast(lower, 1u) * columns;
  (*tile)[6] += subgroupBroadcast(lower, 2u) * columns;
  (*tile)[7] += subgroupBroadcast(lower, 3u) * columns;
}

// sums[own][r] += tile[r] of every column below `end` * its line of `channels`.
fn accumulate(sums: ptr<function, Sums>, tile: ptr<function, Tile>, channels: Matrix, start: u32, end: u32) {
  let lanes = (min(COLUMNS, end - start) + 3u) / 4u;
  for (var own = 0u; own < params.own; own++) {
    let c = min(own * TEAM + lane, CHUNKS - 1u);
    var rows = (*sums)[0];
    for (var from_lane = 0u; from_lane < lanes; from_lane++) {
      let column = columns_held(start, from_lane);
      let lines = mat4x4f(
        fetch(channels.source, line(channels, column.x) + c), fetch(channels.source, line(channels, column.y) + c),
        fetch(channels.source, line(channels, column.z) + c), fetch(channels.source, line(channels, column.w) + c));
      rows[0] += lines * subgroupShuffle((*tile)[0], from_lane);
      rows[1] += lines * subgroupShuffle((*tile)[1], from_lane);
      rows[2] += lines * subgroupShuffle((*tile)[2], from_lane);
      rows[3] += lines * subgroupShuffle((*tile)[3], from_lane);
      rows[4] += lines * subgroupShuffle((*tile)[4], from_lane);
      rows[5] += lines * subgroupShuffle((*tile)[5], from_lane);
      rows[6] += lines * subgroupShuffle((*tile)[6], from_lane);
      rows[7] += lines * subgroupShuffle((*tile)[7], from_lane);
    }
    next_sums(sums, rows);
  }
}

fn next_row(rows: ptr<function, Tile>, last: vec4f) {
  *rows = Tile((*rows)[1], (*rows)[2], (*rows)[3], (*rows)[4], (*rows)[5], (*rows)[6], (*rows)[7], last);
}

// The largest, or the sum, over the team.
fn team_max(value: f32) -> f32 { return subgroupMax(value); }
fn team_sum(value: f32) -> f32 { return subgroupAdd(value); }
