// Products of 8 rows (queries, or keys in the gradient of keys) with tiles of 4 SG columns, by one subgroup, without workgroup
// memory or barriers: four lanes hold two rows each and broadcast them, a lane holds four columns, so that one load feeds
// many multiplications; on adapters that run on the processor a load costs as much as 10 to 20. Constants: HS, SG, WG_SIZE.
enable subgroups;
diagnostic(off, subgroup_uniformity);

const_assert HS % 4u == 0u && SG >= 4u && WG_SIZE % SG == 0u;

const ROWS: u32 = 8u;
const COLUMNS: u32 = 4u * SG;
const CHUNKS: u32 = HS / 4u;                     // of four channels
const OWN: u32 = (CHUNKS + SG - 1u) / SG;        // chunks whose sums a lane holds
alias Tile = array<vec4f, ROWS>;                 // [row] of four columns, those of this lane
alias Sums = array<vec4f, ROWS * OWN>;           // [chunk of this lane, row] of four channels

// tile[r] += a[r] * b, where lane r % 4 holds rows r % 4 and 4 + r % 4 of a.
fn add_channel(tile: ptr<function, Tile>, upper: f32, lower: f32, b: vec4f) {
  (*tile)[0] += subgroupBroadcast(upper, 0u) * b;
  (*tile)[1] += subgroupBroadcast(upper, 1u) * b;
  (*tile)[2] += subgroupBroadcast(upper, 2u) * b;
  (*tile)[3] += subgroupBroadcast(upper, 3u) * b;
  (*tile)[4] += subgroupBroadcast(lower, 0u) * b;
  (*tile)[5] += subgroupBroadcast(lower, 1u) * b;
  (*tile)[6] += subgroupBroadcast(lower, 2u) * b;
  (*tile)[7] += subgroupBroadcast(lower, 3u) * b;
}

// tile[r] += a[r] . columns over four channels.
fn add_products(tile: ptr<function, Tile>, upper: vec4f, lower: vec4f, columns: mat4x4f) {
  let by_channel = transpose(columns);
  add_channel(tile, upper.x, lower.x, by_channel[0]);
  add_channel(tile, upper.y, lower.y, by_channel[1]);
  add_channel(tile, upper.z, lower.z, by_channel[2]);
  add_channel(tile, upper.w, lower.w, by_channel[3]);
}

// What lane `from_lane` holds.
fn columns_of(tile: ptr<function, Tile>, from_lane: u32) -> Tile {
  var taken: Tile;
  for (var r = 0u; r < ROWS; r++) { taken[r] = subgroupShuffle((*tile)[r], from_lane); }
  return taken;
}

// sums[own, r] += four columns of the tile times their rows of channels.
fn add_weighted(sums: ptr<function, Sums>, own: u32, weights: ptr<function, Tile>, channels: mat4x4f) {
  for (var r = 0u; r < ROWS; r++) { (*sums)[own * ROWS + r] += channels * (*weights)[r]; }
}
