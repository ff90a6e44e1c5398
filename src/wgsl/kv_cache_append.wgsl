// Copies the keys and values of T new tokens from qkv [B*T, 3C] into the cache [R, NH, capacity, LINE], where one
// head's positions are contiguous: what attention_decode reads. LINE is HS, and where a word holds two numbers
// (lib/stored_f16.wgsl) the next even number. One invocation a word of the new lines. Constant: WG_SIZE.

@compute @workgroup_size(WG_SIZE)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let id = linear_workgroup(workgroup, grid) * WG_SIZE + local;
  if (id >= params.words) { return; }
  let line = (params.head_size + PER_WORD - 1u) / PER_WORD;
  let c = id % line * PER_WORD;
  let head = id / line % params.heads;
  let token = id / line / params.heads;
  let row = params.first + token / params.length;
  let position = params.past + token % params.length;
  let channels = params.heads * params.head_size;
  let source = params.qkv_at + token * 3u * channels + channels + head * params.head_size + c;
  let to = ((row * params.heads + head) * params.capacity + position) * line + id % line;
  keys[to] = word_of(numbers(source, c));
  values[to] = word_of(numbers(source + channels, c));
}

// Those of a word: of channel c, and of the next one if the head has it.
fn numbers(at: u32, c: u32) -> vec2f {
  if (PER_WORD == 1u || c + 1u >= params.head_size) { return vec2f(qkv[at], 0.0); }
  return vec2f(qkv[at], qkv[at + 1u]);
}
