// Causal attention, one invocation a query, online softmax (Milakov and Gimelshein 2018).
struct Params { batch: u32, length: u32, heads: u32, qkv_at: u32, out_at: u32, lse_at: u32, mask_at: u32, first: u32, seed: u32, step: u32, site: u32, drop_below: u32, keep_scale: f32 }
@group(0) @binding(0) var<storage, read> qkv: array<Pack>;            // [B*T, 3C]
@group(0) @binding(1) var<storage, read> mask: array<u32>;            // [B, T]
@group(0) @binding(2) var<storage, read_write> out: array<Pack>;      // [B*T, C]
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;       // [B, NH, T]
@group(1) @binding(0) var<uniform> params: Params;

const CHUNKS: u32 = HS / PACK;
const SCALE: f32 = inverseSqrt(f32(HS));

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  let length = params.length;
  if (id >= params.batch * params.heads * length) { return; }
  let i = id % length;
  let h = id / length % params.heads;
  let b = id / length / params.heads;
  let width = params.heads * CHUNKS;
  let q = params.qkv_at / PACK + (b * length + i) * 3u * width + h * CHUNKS;
  var acc: array<Pack, CHUNKS>;
  var highest = -3.0e38;
  var sum = 0.0;
  for (var j = 0u; j <= i; j++) {
    if (MASKED && mask[params.mask_at + b * length + j] == 0u) { continue; }
    let k = params.qkv_at / PACK + (b * length + j) * 3u * width + width + h * CHUNKS;
    var score = 0.0;
    for (var c = 0u; c < CHUNKS; c++) { score += pack_dot(qkv[q + c], qkv[k + c]); }
    score *= SCALE;
    let next = max(highest, score);
    let alpha = exp(highest - next);
    var p = exp(score - next);
    highest = next;
    sum = sum * alpha + p;
    if (DROPOUT) {
      let index = (((params.first + b) * params.heads + h) * length + i) * length + j;
      p = select(0.0, p * params.keep_scale, keep(params.seed, params.step, params.site, index, params.drop_below));
    }
    for (var c = 0u; c < CHUNKS; c++) { acc[c] = acc[c] * alpha + p * qkv[k + width + c]; }
  }
  let scale = select(0.0, 1.0 / sum, sum > 0.0);
  let o = params.out_at / PACK + (b * length + i) * width + h * CHUNKS;
  for (var c = 0u; c < CHUNKS; c++) { out[o + c] = acc[c] * scale; }
  lse[params.lse_at + (b * params.heads + h) * length + i] = select(0.0, highest + log(sum), sum > 0.0);
}
