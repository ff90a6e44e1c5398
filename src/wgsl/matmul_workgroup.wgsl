// A product by tiles in workgroup memory: 256 threads make 64 by 64 results, each a block of four by four, slices of
// TILE_K of the reduction at a time, of which each brings one block. While a slice is multiplied, the next one is on
// its way from memory to registers, so that its latency is hidden even where a multiprocessor has a single workgroup.
// Tiles of 128 made in the same way were no faster below 4096 by 4096 results (NVIDIA H200), and 8% at that.
// A tile is kept by k, as vec4f along rows (A) or columns (B), so that threads read neighbours; operands that lie the
// other way are turned around in registers, and their slots are permuted by k, or all writes would meet in one memory
// bank. Constant SPLIT: workgroup.z takes params.depth of the reduction, a multiple of TILE_K, and leaves its part in
// out [parts, m, n] for matmul_sum.
const THREADS: u32 = 256u;
const TILE: u32 = 64u;
const TILE_K: u32 = 32u;
const QUADS: u32 = TILE / 4u;                     // vec4f across a tile
const BLOCKS: u32 = QUADS * (TILE_K / 4u);        // of one operand's slice
const_assert(2u * BLOCKS == THREADS);

var<workgroup> a_tile: array<vec4f, QUADS * TILE_K>;
var<workgroup> b_tile: array<vec4f, QUADS * TILE_K>;

// Which block of a slice a thread brings, as (quad, k / 4): neighbours follow the operand's own rows.
fn block_of(index: u32, along_k: bool) -> vec2u {
  return select(vec2u(index % QUADS, index / QUADS), vec2u(index / (TILE_K / 4u), index % (TILE_K / 4u)), along_k);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {
  let row = workgroup.y * TILE;
  let column = workgroup.x * TILE;
  let first = select(0u, workgroup.z * params.depth, SPLIT);
  let end = select(params.k, min(first + params.depth, params.k), SPLIT);
  // 32 neighbours make 4 by 8 blocks: they read 64 and 128 bytes of the tiles, the fewest that memory banks can serve
  // at once.
  let my_row = local / 64u * 4u + local % 32u / 8u;
  let my_column = local / 32u % 2u * 8u + local % 8u;

  let of_a = local < BLOCKS;
  let mine = select(block_of(local - BLOCKS, B_TRANSPOSED), block_of(local, !A_TRANSPOSED), of_a);
  let offset = 4u * mine.y;                      // of the block in the slice
  let start_a = a_start(row + 4u * mine.x) + offset * a_step();
  let start_b = b_start(column + 4u * mine.x) + offset * b_step();
  let start = select(start_b, start_a, of_a);
  let keep_at = offset * QUADS + (mine.x ^ (mine.y % 8u));
  var next = fetch(of_a, start, first, offset);
  var sums = mat4x4f();
  for (var k = first; k < end; k += TILE_K) {
    keep(of_a, keep_at, next);
    workgroupBarrier();
    if (k + TILE_K < end) { next = fetch(of_a, start, k + TILE_K, offset); }
    for (var q = 0u; q < min(TILE_K, end - k); q += 4u) {
      let swizzle = (q / 4u) % 8u;
      var a_at = q * QUADS + (my_row ^ swizzle);
      var b_at = q * QUADS + (my_column ^ swizzle);
      for (var j = 0u; j < 4u; j++) {
        sums = add_outer(sums, a_tile[a_at], b_tile[b_at]);
        a_at += QUADS;
        b_at += QUADS;
      }
    }
    workgroupBarrier();
  }
  let at = vec2u(row + 4u * my_row, column + 4u * my_column);
  if (SPLIT) { store_part(workgroup.z, at, sums); } else { store_block(at.x, at.y, sums); }
}

// sums + a b^T: row r of the block is column r of the matrix.
fn add_outer(sums: mat4x4f, a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(sums[0] + a.x * b, sums[1] + a.y * b, sums[2] + a.z * b, sums[3] + a.w * b);
}

fn keep(of_a: bool, at: u32, block: mat4x4f) {
  if (of_a) {
    a_tile[at] = block[0];
    a_tile[at + QUADS] = block[1];
    a_tile[at + 2u * QUADS] = block[2];
    a_tile[at + 3u * QUADS] = block[3];
  } else {
    b_tile[at] = block[0];
    b_tile[at + QUADS] = block[1];
    b_tile[at + 2u * QUADS] = block[2];
    b_tile[at + 3u * QUADS] = block[3];
  }
}
