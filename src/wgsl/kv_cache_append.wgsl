// Copies the keys and values of T new tokens from qkv [B*T, 3C] into the cache [R, NH, capacity, HS], where one head's
// positions are contiguous: what attention_decode reads. One invocation an element of [B, T, C]. Constant: WG_SIZE.
struct Params { elements: u32, length: u32, past: u32, capacity: u32, heads: u32, head_size: u32, qkv_at: u32, first: u32 }
@group(0) @binding(0) var<storage, read> qkv: array<f32>;             // [B*T, 3C]
@group(0) @binding(1) var<storage, read_write> keys: array<f32>;      // [R, NH, capacity, HS]
@group(0) @binding(2) var<storage, read_write> values: array<f32>;    // [R, NH, capacity, HS]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WG_SIZE)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) grid: vec3u, @builtin(local_invocation_index) local: u32) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  if (id >= params.elements) { return; }
  let channels = params.heads * params.head_size;
  let token = id / channels;
  let c = id % channels;
  let head = c / params.head_size;
  let row = params.first + token / params.length;
  let position = params.past + token % params.length;
  let source = params.qkv_at + token * 3u * channels + channels + c;
  let target_at = ((row * params.heads + head) * params.capacity + position) * params.head_size + c % params.head_size;
  keys[target_at] = qkv[source];
  values[target_at] = qkv[source + channels];
}
