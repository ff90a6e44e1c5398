// out = softmax(q k^T * scale) v for 8 queries a subgroup, keys in tiles, the softmax online (Milakov and Gimelshein 2018).
// Stands after lib/attention_rows_subgroup.wgsl. A query whose keys are all hidden gives zeros.
struct Params { batch: u32, length: u32, heads: u32, scale: f32, qkv_at: u32, out_at: u32, lse_at: u32, masked: u32, mask_at: u32, first_sequence: u32, seed: u32, step: u32, site: u32, drop_below: u32, keep_scale: f32 }
@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;           // [B*T, 3, NH, HS]
@group(0) @binding(1) var<storage, read> mask: array<u32>;            // [B, T]
@group(0) @binding(2) var<storage, read_write> out: array<vec4f>;     // [B*T, NH, HS]
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;       // [B, NH, T]
@group(1) @binding(0) var<uniform> params: Params;

const LOWEST: f32 = -3.0e38;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) local: u32,
        @builtin(subgroup_invocation_id) lane: u32) {
  let length = params.length;
  let tiles = (length + ROWS - 1u) / ROWS;
  let id = linear_workgroup(workgroup, grid) * (WG_SIZE / SG) + local / SG;
  if (id >= params.batch * params.heads * tiles) { return; }
  let first = (tiles - 1u - id % tiles) * ROWS;           // the longest first
  let head = id / tiles % params.heads;
  let b = id / tiles / params.heads;
  let width = params.heads * CHUNKS;
  let q_at = params.qkv_at / 4u + b * length * 3u * width + head * CHUNKS;
  let k_at = q_at + width;
  let v_at = k_at + width;
  let stride = 3u * width;
  let upper_at = q_at + min(first + lane % 4u, length - 1u) * stride;
  let lower_at = q_at + min(first + 4u + lane % 4u, length - 1u) * stride;

  var sums: Sums;
  var highest: array<f32, ROWS>;
  var totals: array<f32, ROWS>;
  for (var r = 0u; r < ROWS; r++) { highest[r] = LOWEST; }
  let end = min(first + ROWS, length);
  for (var start = 0u; start < end; start += COLUMNS) {
    let keys = vec4u(start + 4u * lane) + vec4u(0u, 1u, 2u, 3u);
    let key_at = vec4u(k_at) + min(keys, vec4u(length - 1u)) * stride;
    var tile: Tile;
    for (var c = 0u; c < CHUNKS; c++) {
      add_products(&tile, qkv[upper_at + c], qkv[lower_at + c], mat4x4f(qkv[key_at.x + c], qkv[key_at.y + c], qkv[key_at.z + c], qkv[key_at.w + c]));
    }
    let open = visible(b, keys);
    for (var r = 0u; r < ROWS; r++) {
      let seen = open & (keys <= vec4u(first + r));
      let scores = select(vec4f(LOWEST), tile[r] * params.scale, seen);
      let next = max(highest[r], subgroupMax(max(max(scores.x, scores.y), max(scores.z, scores.w))));
      let weights = select(vec4f(), exp(scores - next), seen);
      let alpha = exp(highest[r] - next);
      highest[r] = next;
      totals[r] = totals[r] * alpha + weights.x + weights.y + weights.z + weights.w;
      for (var own = 0u; own < OWN; own++) { sums[own * ROWS + r] *= alpha; }
      tile[r] = weights;
      if (params.drop_below > 0u) {
        let index = (((params.first_sequence + b) * params.heads + head) * length + first + r) * length;
        tile[r] *= dropout_factors(vec4u(index) + keys);
      }
    }
    let lanes = min(SG, (end - start + 3u) / 4u);
    for (var from_lane = 0u; from_lane < lanes; from_lane++) {
      var weights = columns_of(&tile, from_lane);
      let value_at = vec4u(v_at) + min(vec4u(start + 4u * from_lane) + vec4u(0u, 1u, 2u, 3u), vec4u(length - 1u)) * stride;
      for (var own = 0u; own < OWN; own++) {
        let c = min(own * SG + lane, CHUNKS - 1u);
        add_weighted(&sums, own, &weights, mat4x4f(qkv[value_at.x + c], qkv[value_at.y + c], qkv[value_at.z + c], qkv[value_at.w + c]));
      }
    }
  }

  for (var r = 0u; r < ROWS; r++) {
    let total = subgroupAdd(totals[r]);
    let i = first + r;
    if (r == 0u) {
      let scale = select(0.0, 1.0 / total, total > 0.0);
      for (var own = 0u; own < OWN; own++) {
        let c = own * SG + lane;
        if (c < CHUNKS) { out[params.out_at / 4u + (b * length + i) * width + head * CHUNKS + c] = sums[own * ROWS + r] * scale; }
      }
      if (lane == 0u) { lse[params.lse_at + (b * params.heads + head) * length + i] = select(0.0, highest[r] + log(total), total > 0.0); }
    }
  }
}

fn visible(b: u32, keys: vec4u) -> vec4<bool> {
  if (params.masked == 0u) { return vec4<bool>(true); }
  let at = vec4u(params.mask_at + b * params.length) + min(keys, vec4u(params.length - 1u));
  return vec4u(mask[at.x], mask[at.y], mask[at.z], mask[at.w]) != vec4u();
}

fn dropout_factors(index: vec4u) -> vec4f {
  return vec4f(dropout_factor(index.x), dropout_factor(index.y), dropout_factor(index.z), dropout_factor(index.w));
}

fn dropout_factor(index: u32) -> f32 {
  return select(0.0, params.keep_scale, keep(params.seed, params.step, params.site, index, params.drop_below));
}
