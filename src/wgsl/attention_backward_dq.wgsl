// placeholder header: dq
struct Params { batch: u32, length: u32, heads: u32, qkv_at: u32, out_at: u32, lse_at: u32, delta_at: u32, mask_at: u32, first: u32, seed: u32, step: u32, site: u32, drop_below: u32, keep_scale: f32 }
@group(0) @binding(0) var<storage, read> dout: array<Pack>;           // [B*T, C]
@group(0) @binding(1) var<storage, read> qkv: array<Pack>;            // [B*T, 3C]
@group(0) @binding(2) var<storage, read> lse: array<f32>;             // [B, NH, T]
@group(0) @binding(3) var<storage, read> delta: array<f32>;           // [B*T, NH]
@group(0) @binding(4) var<storage, read> mask: array<u32>;            // [B, T]
@group(0) @binding(5) var<storage, read_write> dqkv: array<Pack>;     // [B*T, 3C]
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
  let o = params.out_at / PACK + (b * length + i) * width + h * CHUNKS;
  let row_lse = lse[params.lse_at + (b * params.heads + h) * length + i];
  let row_delta = delta[params.delta_at + (b * length + i) * params.heads + h];
  var acc: array<Pack, CHUNKS>;
  for (var j = 0u; j <= i; j++) {
    if (MASKED && mask[params.mask_at + b * length + j] == 0u) { continue; }
    let k = params.qkv_at / PACK + (b * length + j) * 3u * width + width + h * CHUNKS;
    var score = 0.0;
    var dp = 0.0;
    for (var c = 0u; c < CHUNKS; c++) {
      score += pack_dot(qkv[q + c], qkv[k + c]);
      dp += pack_dot(dout[o + c], qkv[k + width + c]);
    }
    let p = exp(score * SCALE - row_lse);
    if (DROPOUT) {
      let index = (((params.first + b) * params.heads + h) * length + i) * length + j;
      dp = select(0.0, dp * params.keep_scale, keep(params.seed, params.step, params.site, index, params.drop_below));
    }
    let ds = p * (dp - row_delta) * SCALE;
    for (var c = 0u; c < CHUNKS; c++) { acc[c] += ds * qkv[k + c]; }
  }
  for (var c = 0u; c < CHUNKS; c++) {
    if (ACCUMULATE) { acc[c] += dqkv[q + c]; }
    dqkv[q + c] = acc[c];
  }
}
