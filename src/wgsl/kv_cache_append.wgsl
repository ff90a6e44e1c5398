// Copies the keys and values of T new tokens from qkv [B*T, 3C] into the cache [R, NH, capacity, HS], where one head's
// positions are contiguous: what attention_decode reads. One invocation an element of [B, T, C]. Constant: WG_SIZE.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
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
