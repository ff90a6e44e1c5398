// Attention's products through workgroup memory: a workgroup makes 32 rows by 32 columns at a time, a team is 8
// invocations with 4 rows. Lines are staged 8 chunks at a time, so that 12 KiB serve any head size: every device has 16
// KiB.
const ROWS: u32 = 4u;
const TEAMS: u32 = WG_SIZE / TEAM;
const_assert(TEAM == 8u && BLOCK == COLUMNS);
var<private> lane: u32;
var<private> team: u32;

var<workgroup> row_stage: array<vec4f, TEAM * BLOCK>;            // [chunk, row]
// [chunk, column] in multiply, [column, chunk] in accumulate
var<workgroup> column_stage: array<vec4f, TEAM * COLUMNS>;
var<workgroup> weight_stage: array<vec4f, COLUMNS * TEAMS>;      // [column, team] of the team's four rows
var<workgroup> team_stage: array<mat2x4f, TEAMS>;                // [team] its invocations' values

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  lane = local % TEAM;
  team = local / TEAM;
  let block = linear_workgroup(workgroup, grid);
  if (block >= params.batch * params.heads * block_count()) { return; }
  var place = place_of(block);
  let columns = columns_met(place.b, place.first, place.first + BLOCK);
  place.first += team * ROWS;
  attention_rows(place, columns);                               // teams walk over the columns together
}

// The columns an invocation holds in the tile that begins at `start`: neighbours read neighbours of the stage.
fn columns_of(start: u32) -> vec4u { return start + lane + vec4u(0u, TEAM, 2u * TEAM, 3u * TEAM); }

// tile[r] += line first + r of `rows` . line of each column of `columns`.
fn multiply(tile: ptr<function, Tile>, rows: Matrix, first: u32, columns: Matrix, start: u32) {
  let block_first = first - team * ROWS;
  for (var c = 0u; c < CHUNKS; c += TEAM) {
    workgroupBarrier();
    for (var i = team; i < BLOCK; i += TEAMS) {
      let chunk = min(c + lane, CHUNKS - 1u);
      row_stage[lane * BLOCK + i] = fetch(rows.source, line(rows, block_first + i) + chunk);
      column_stage[lane * COLUMNS + i] = fetch(columns.source, line(columns, start + i) + chunk);
    }
    workgroupBarrier();
    for (var k = 0u; k < min(TEAM, CHUNKS - c); k++) {
      let at = k * COLUMNS + lane;
      let lines = mat4x4f(
        column_stage[at], column_stage[at + TEAM],
        column_stage[at + 2u * TEAM], column_stage[at + 3u * TEAM]);
      for (var r = 0u; r < ROWS; r++) { (*tile)[r] += row_stage[k * BLOCK + team * ROWS + r] * lines; }
    }
  }
}

// sums[own][r] += tile[r] of every column below `end` * its line of `channels`.
fn accumulate(sums: ptr<function, Sums>, tile: ptr<function, Tile>, channels: Matrix, start: u32, end: u32) {
  for (var own = 0u; own < params.own; own++) {
    workgroupBarrier();
    if (own == 0u) {
      let by_column = transpose(mat4x4f((*tile)[0], (*tile)[1], (*tile)[2], (*tile)[3]));
      for (var e = 0u; e < 4u; e++) { weight_stage[(lane + e * TEAM) * TEAMS + team] = by_column[e]; }
    }
    for (var j = team; j < COLUMNS; j += TEAMS) {
      let c = min(own * TEAM + lane, CHUNKS - 1u);
      column_stage[j * TEAM + lane] = fetch(channels.source, line(channels, start + j) + c);
    }
    workgroupBarrier();
    var rows = (*sums)[0];
    for (var j = 0u; j < min(COLUMNS, end - start); j++) {
      let weights = weight_stage[j * TEAMS + team];
      let chunk = column_stage[j * TEAM + lane];
      for (var r = 0u; r < ROWS; r++) { rows[r] += weights[r] * chunk; }
    }
    next_sums(sums, rows);
  }
}

fn next_row(rows: ptr<function, Tile>, last: vec4f) { *rows = Tile((*rows)[1], (*rows)[2], (*rows)[3], last); }

// The largest, or the sum, over the team.
fn team_max(value: f32) -> f32 {
  let all = team_values(value);
  let pairs = max(all[0], all[1]);
  return max(max(pairs.x, pairs.y), max(pairs.z, pairs.w));
}

fn team_sum(value: f32) -> f32 {
  let all = team_values(value);
  return dot(all[0] + all[1], vec4f(1.0));
}

fn team_values(value: f32) -> mat2x4f {
  workgroupBarrier();
  team_stage[team][lane / 4u][lane % 4u] = value;
  workgroupBarrier();
  return team_stage[team];
}
