// What the two forms of attention over a cache share: parameters, bindings, and what stands for no score.
struct Params { rows: u32, length: u32, past: u32, capacity: u32, heads: u32, chunks: u32, qkv_at: u32, out_at: u32, table_at: u32, first: u32, append: u32 }
@group(0) @binding(0) var<storage, read> qkv: array<Pack>;            // [B*T, 3C]
@group(0) @binding(1) var<storage, read_write> keys: array<Pack>;     // [R, NH, capacity, HS]
@group(0) @binding(2) var<storage, read_write> values: array<Pack>;   // [R, NH, capacity, HS]
@group(0) @binding(3) var<storage, read> ancestry: array<u32>;        // [B, capacity]
@group(0) @binding(4) var<storage, read> mask: array<u32>;            // [B, capacity]
@group(0) @binding(5) var<storage, read_write> out: array<Pack>;      // [B*T, C]
@group(1) @binding(0) var<uniform> params: Params;

const CHUNKS: u32 = HS / PACK;
const LOWEST: f32 = -3.0e38;
