// A product by tiles in workgroup memory: 256 threads make TILE by TILE results, slices of TILE_K of the reduction at a time,
// each thread (TILE / 16) squared of them in registers. Constants: TILE (64 or 128), TILE_K.
// A tile is kept by k, as vec4f along rows (A) or columns (B), so that threads read neighbours; operands that lie the other
// way are turned around in registers, and their slots are permuted by the block's k, or all writes would meet in one bank.
const THREADS: u32 = 256u;
const QUADS: u32 = TILE / 4u;                     // vec4f across a tile
const MICRO: u32 = TILE / 64u;                    // vec4f across a thread's results, each way
const BLOCKS: u32 = QUADS * (TILE_K / 4u);        // 4 x 4 blocks of one operand's tile
const_assert TILE % 64u == 0u && TILE_K % 4u == 0u && THREADS % QUADS == 0u;

var<workgroup> a_tile: array<vec4f, QUADS * TILE_K>;
var<workgroup> b_tile: array<vec4f, QUADS * TILE_K>;

fn slot(quad: u32, k: u32) -> u32 { return k * QUADS + (quad ^ ((k / 4u) % 8u)); }

// Which block of a tile a thread loads: neighbours follow the operand's own rows.
fn block_quad(index: u32, along_k: bool) -> u32 { return select(index % QUADS, index / (TILE_K / 4u), along_k); }
fn block_k(index: u32, along_k: bool) -> u32 { return 4u * select(index / QUADS, index % (TILE_K / 4u), along_k); }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = workgroup.y * TILE;
  let column = workgroup.x * TILE;
  let my_row = local / 16u;                       // in units of four rows, MICRO of them 16 apart
  let my_column = local % 16u;
  var sums: array<array<vec4f, MICRO>, 4u * MICRO>;
  for (var k = 0u; k < params.k; k += TILE_K) {
    for (var i = local; i < 2u * BLOCKS; i += THREADS) {
      if (i < BLOCKS) {
        let quad = block_quad(i, !A_TRANSPOSED);
        let at = block_k(i, !A_TRANSPOSED);
        let block = clip(a_block(a_start(row + 4u * quad) + (k + at) * a_step()), params.k - min(params.k, k + at));
        for (var j = 0u; j < 4u; j++) { a_tile[slot(quad, at + j)] = block[j]; }
      } else {
        let quad = block_quad(i - BLOCKS, B_TRANSPOSED);
        let at = block_k(i - BLOCKS, B_TRANSPOSED);
        let block = clip(b_block(b_start(column + 4u * quad) + (k + at) * b_step()), params.k - min(params.k, k + at));
        for (var j = 0u; j < 4u; j++) { b_tile[slot(quad, at + j)] = block[j]; }
      }
    }
    workgroupBarrier();
    for (var j = 0u; j < TILE_K; j++) {
      var b: array<vec4f, MICRO>;
      for (var c = 0u; c < MICRO; c++) { b[c] = b_tile[slot(my_column + 16u * c, j)]; }
      for (var r = 0u; r < MICRO; r++) {
        let a = a_tile[slot(my_row + 16u * r, j)];
        for (var c = 0u; c < MICRO; c++) {
          sums[4u * r][c] += a.x * b[c];
          sums[4u * r + 1u][c] += a.y * b[c];
          sums[4u * r + 2u][c] += a.z * b[c];
          sums[4u * r + 3u][c] += a.w * b[c];
        }
      }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u * MICRO; r++) {
    for (var c = 0u; c < MICRO; c++) {
      store(row + 4u * (my_row + 16u * (r / 4u)) + r % 4u, column + 4u * (my_column + 16u * c), sums[r][c]);
    }
  }
}
