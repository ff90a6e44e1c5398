// placeholder header: dkv
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
  let j = id % length;
  let h = id / length % params.heads;
  let b = id / length / params.heads;
  let width = params.heads * CHUNKS;
  let k = params.qkv_at / PACK + (b * length + j) * 3u * width + width + h * CHUNKS;
  var dk: array<Pack, CHUNKS>;
  var dv: array<Pack, CHUNKS>;
  let visible = !MASKED || mask[params.mask_at + b * length + j] != 0u;
  for (var i = j; i < length && visible; i++) {
    let q = params.qkv_at / PACK + (b * length + i) * 3u * width + h * CHUNKS;
    let o = params.out_at / PACK + (b * length + i) * width + h * CHUNKS;
    var score = 0.0;
    var dp = 0.0;
    for (var c = 0u; c < CHUNKS; c++) {
      score += pack_dot(qkv[q + c], qkv[k + c]);
      dp += pack_dot(dout[o + c], qkv[k + width + c]);
    }
    let p = exp(score * SCALE - lse[params.lse_at + (b * params.heads + h) * length + i]);
    var kept = 1.0;
    if (DROPOUT) {
      let index = (((params.first + b) * params.heads + h) * length + i) * length + j;
      kept = select(0.0, params.keep_scale, keep(params.seed, params.step, params.site, index, params.drop_below));
    }
    let ds = p * (dp * kept - delta[params.delta_at + (b * length + i) * params.heads + h]) * SCALE;
    for (var c = 0u; c < CHUNKS; c++) {
      dk[c] += ds * qkv[q + c];
      dv[c] += p * kept * dout[o + c];
    }
  }
  for (var c = 0u; c < CHUNKS; c++) {
    if (ACCUMULATE) {
      dk[c] += dqkv[k + c];
      dv[c] += dqkv[k + width + c];
    }
    dqkv[k + c] = dk[c];
    dqkv[k + width + c] = dv[c];
  }
}
