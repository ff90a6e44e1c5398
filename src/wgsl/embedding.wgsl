// y[n] = wte[ids[n]] + wpe[positions[n]]: a row kernel. The tables may be windows of larger ones: a row is written by
// the launch whose windows hold both its token and its position.
struct Params { rows: u32, first_row: u32, all_rows: u32, channels: u32, first_token: u32, tokens: u32, first_position: u32, positions: u32 }
@group(0) @binding(0) var<storage, read> indices: array<u32>;         // [2, all_rows] ids, then positions
@group(0) @binding(1) var<storage, read> wte: array<f32>;             // [tokens, channels]
@group(0) @binding(2) var<storage, read> wpe: array<f32>;             // [positions, channels]
@group(0) @binding(3) var<storage, read_write> y: array<f32>;         // [rows, channels]
@group(1) @binding(0) var<uniform> params: Params;

fn row_count() -> u32 { return params.rows; }

fn row_main(n: u32, lane: u32, lanes: u32) {
  // Unsigned: an index before the window wraps to a huge one.
  let token = indices[params.first_row + n] - params.first_token;
  let position = indices[params.all_rows + params.first_row + n] - params.first_position;
  if (token >= params.tokens || position >= params.positions) { return; }
  let C = params.channels;
  for (var c = lane; c < C; c += lanes) { y[n * C + c] = wte[token * C + c] + wpe[position * C + c]; }
}
