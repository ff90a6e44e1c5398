// A product by tiles of 128 by 128 in workgroup memory: 256 threads, each with two by two blocks of four by four
// results, half a tile apart, so that what it reads from a tile serves twice: four loads for 64 multiply-adds a step.
// Slices of 16 of the reduction lie in two sides in turn: while one is multiplied the next comes from memory to
// registers and into the other side, and one barrier a slice is enough. 32 KiB of workgroup memory.
// Every index into the tiles is made of constants, +, *, /, % and counters of loops, from which Tint sees that it is in
// range: anything else it clamps, in the innermost loop, at each load. So neighbours that would meet in one memory bank
// are set apart by a rotation (% QUADS) and not by a permutation (^). Sums are named vectors: an array, or a pointer to
// one, could be put in memory instead of registers.
// Constant SPLIT: as in matmul_workgroup.wgsl.
const THREADS: u32 = 256u;
const TILE: u32 = 128u;
const TILE_K: u32 = 16u;
const QUADS: u32 = TILE / 4u;                     // vec4f across a tile
const BLOCKS: u32 = QUADS * (TILE_K / 4u);        // of one operand's slice
const SIDE: u32 = QUADS * TILE_K;
const_assert(2u * BLOCKS == THREADS);

var<workgroup> a_tile: array<vec4f, 2u * SIDE>;
var<workgroup> b_tile: array<vec4f, 2u * SIDE>;

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
  // 32 neighbours make 4 by 8 blocks: they read 64 and 128 bytes of the tiles at once.
  let my_row = local / 64u * 4u + local % 32u / 8u;
  let my_column = local / 32u % 2u * 8u + local % 8u;

  let of_a = local < BLOCKS;
  let mine = select(block_of(local % BLOCKS, B_TRANSPOSED), block_of(local % BLOCKS, !A_TRANSPOSED), of_a);
  let offset = 4u * mine.y;                      // of the block in the slice
  let start_a = a_start(row + 4u * mine.x) + offset * a_step();
  let start_b = b_start(column + 4u * mine.x) + offset * b_step();
  let start = select(start_b, start_a, of_a);
  let keep_at = offset % TILE_K * QUADS + (mine.x + 2u * mine.y) % QUADS;

  var s00 = vec4f(); var s01 = vec4f(); var s10 = vec4f(); var s11 = vec4f();
  var s20 = vec4f(); var s21 = vec4f(); var s30 = vec4f(); var s31 = vec4f();
  var s40 = vec4f(); var s41 = vec4f(); var s50 = vec4f(); var s51 = vec4f();
  var s60 = vec4f(); var s61 = vec4f(); var s70 = vec4f(); var s71 = vec4f();

  var next = fetch(of_a, start, first, offset);
  for (var k = first; k < end; k += TILE_K) {
    let side = k / TILE_K % 2u * SIDE;
    if (of_a) {
      a_tile[side + keep_at % SIDE] = next[0];
      a_tile[side + (keep_at + QUADS) % SIDE] = next[1];
      a_tile[side + (keep_at + 2u * QUADS) % SIDE] = next[2];
      a_tile[side + (keep_at + 3u * QUADS) % SIDE] = next[3];
    } else {
      b_tile[side + keep_at % SIDE] = next[0];
      b_tile[side + (keep_at + QUADS) % SIDE] = next[1];
      b_tile[side + (keep_at + 2u * QUADS) % SIDE] = next[2];
      b_tile[side + (keep_at + 3u * QUADS) % SIDE] = next[3];
    }
    workgroupBarrier();
    if (k + TILE_K < end) { next = fetch(of_a, start, k + TILE_K, offset); }
    for (var q = 0u; q < TILE_K / 4u; q++) {
      let a_at = side + q * 4u * QUADS + (my_row + 2u * q) % QUADS;
      let a_far = side + q * 4u * QUADS + (my_row + QUADS / 2u + 2u * q) % QUADS;
      let b_at = side + q * 4u * QUADS + (my_column + 2u * q) % QUADS;
      let b_far = side + q * 4u * QUADS + (my_column + QUADS / 2u + 2u * q) % QUADS;
      for (var j = 0u; j < 4u; j++) {
        let a = a_tile[a_at + j * QUADS];
        let far = a_tile[a_far + j * QUADS];
        let b0 = b_tile[b_at + j * QUADS];
        let b1 = b_tile[b_far + j * QUADS];
        s00 += a.x * b0; s01 += a.x * b1; s10 += a.y * b0; s11 += a.y * b1;
        s20 += a.z * b0; s21 += a.z * b1; s30 += a.w * b0; s31 += a.w * b1;
        s40 += far.x * b0; s41 += far.x * b1; s50 += far.y * b0; s51 += far.y * b1;
        s60 += far.z * b0; s61 += far.z * b1; s70 += far.w * b0; s71 += far.w * b1;
      }
    }
  }
  let at = vec2u(row + 4u * my_row, column + 4u * my_column);
  store(workgroup.z, at, mat4x4f(s00, s10, s20, s30));
  store(workgroup.z, at + vec2u(0u, TILE / 2u), mat4x4f(s01, s11, s21, s31));
  store(workgroup.z, at + vec2u(TILE / 2u, 0u), mat4x4f(s40, s50, s60, s70));
  store(workgroup.z, at + TILE / 2u, mat4x4f(s41, s51, s61, s71));
}

fn store(part: u32, at: vec2u, values: mat4x4f) {
  if (SPLIT) { store_part(part, at, values); } else { store_block(at.x, at.y, values); }
}
