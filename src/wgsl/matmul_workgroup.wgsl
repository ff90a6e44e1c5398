// A product by tiles in workgroup memory: 256 threads make TILE by TILE results, slices of TILE_K of the reduction at a time,
// each thread MICRO squared blocks of four by four in registers. Constants: TILE (64 or 128), TILE_K.
// A tile is kept by k, as vec4f along rows (A) or columns (B), so that threads read neighbours; operands that lie the other
// way are turned around in registers, and their slots are permuted by k, or all writes would meet in one memory bank.
const THREADS: u32 = 256u;
const QUADS: u32 = TILE / 4u;                     // vec4f across a tile
const MICRO: u32 = TILE / 64u;                    // blocks of a thread each way, 64 rows or columns apart
const BLOCKS: u32 = QUADS * (TILE_K / 4u);        // of one operand's tile
const_assert TILE % 64u == 0u && TILE_K % 4u == 0u;

var<workgroup> a_tile: array<vec4f, QUADS * TILE_K>;
var<workgroup> b_tile: array<vec4f, QUADS * TILE_K>;

fn slot(quad: u32, k: u32) -> u32 { return k * QUADS + (quad ^ ((k / 4u) % 8u)); }

// Which block of a tile a thread loads, as (quad, k / 4): neighbours follow the operand's own rows.
fn block_of(index: u32, along_k: bool) -> vec2u {
  return select(vec2u(index % QUADS, index / QUADS), vec2u(index / (TILE_K / 4u), index % (TILE_K / 4u)), along_k);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = workgroup.y * TILE;
  let column = workgroup.x * TILE;
  let my_row = local / 16u;
  let my_column = local % 16u;
  var sums: array<mat4x4f, MICRO * MICRO>;
  for (var k = 0u; k < params.k; k += TILE_K) {
    for (var i = local; i < 2u * BLOCKS; i += THREADS) {
      if (i < BLOCKS) {
        let block_at = block_of(i, !A_TRANSPOSED);
        let at = k + 4u * block_at.y;
        let block = clip(a_block(a_start(row + 4u * block_at.x) + at * a_step()), at);
        a_tile[slot(block_at.x, 4u * block_at.y)] = block[0];
        a_tile[slot(block_at.x, 4u * block_at.y + 1u)] = block[1];
        a_tile[slot(block_at.x, 4u * block_at.y + 2u)] = block[2];
        a_tile[slot(block_at.x, 4u * block_at.y + 3u)] = block[3];
      } else {
        let block_at = block_of(i - BLOCKS, B_TRANSPOSED);
        let at = k + 4u * block_at.y;
        let block = clip(b_block(b_start(column + 4u * block_at.x) + at * b_step()), at);
        b_tile[slot(block_at.x, 4u * block_at.y)] = block[0];
        b_tile[slot(block_at.x, 4u * block_at.y + 1u)] = block[1];
        b_tile[slot(block_at.x, 4u * block_at.y + 2u)] = block[2];
        b_tile[slot(block_at.x, 4u * block_at.y + 3u)] = block[3];
      }
    }
    workgroupBarrier();
    for (var q = 0u; q < min(TILE_K, params.k - k); q += 4u) {
      for (var j = q; j < q + 4u; j++) {
        for (var r = 0u; r < MICRO; r++) {
          let a = a_tile[slot(my_row + 16u * r, j)];
          for (var c = 0u; c < MICRO; c++) {
            let b = b_tile[slot(my_column + 16u * c, j)];
            let s = sums[r * MICRO + c];
            sums[r * MICRO + c] = mat4x4f(s[0] + a.x * b, s[1] + a.y * b, s[2] + a.z * b, s[3] + a.w * b);
          }
        }
      }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < MICRO; r++) {
    for (var c = 0u; c < MICRO; c++) {
      store_block(row + 4u * my_row + 64u * r, column + 4u * my_column + 64u * c, sums[r * MICRO + c]);
    }
  }
}
