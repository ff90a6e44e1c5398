// y[n] = wte[ids[n]] + wpe[positions[n]]. The tables may be windows of larger ones: a row is written by the launch whose
// windows hold both its token and its position. Constants: C, WG_SIZE.
struct Params { rows: u32, first_row: u32, all_rows: u32, first_token: u32, tokens: u32, first_position: u32, positions: u32 }
@group(0) @binding(0) var<storage, read> indices: array<u32>;         // [2, all_rows] ids, then positions
@group(0) @binding(1) var<storage, read> wte: array<f32>;             // [tokens, C]
@group(0) @binding(2) var<storage, read> wpe: array<f32>;             // [positions, C]
@group(0) @binding(3) var<storage, read_write> y: array<f32>;         // [rows, C]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  let n = id / C;
  let c = id % C;
  if (n >= params.rows) { return; }
  // Unsigned: an index before the window wraps to a huge one.
  let token = indices[params.first_row + n] - params.first_token;
  let position = indices[params.all_rows + params.first_row + n] - params.first_position;
  if (token >= params.tokens || position >= params.positions) { return; }
  y[id] = wte[token * C + c] + wpe[position * C + c];
}
