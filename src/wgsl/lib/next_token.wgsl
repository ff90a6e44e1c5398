// The end of choosing a token: it becomes the row's next input, one position on, without the CPU having seen it.
// The kernel provides logits, params.columns, params.stride4, params.all_rows and params.last_position.

const NO_TOKEN: u32 = 0xffffffffu;        // the row's logits were not finite

// A finished row is carried on as long as others work, perhaps past the model's last position.
fn next_token(n: u32, token: u32) {
  inputs[n] = token;
  let position = params.all_rows + n;
  inputs[position] = min(inputs[position] + 1u, params.last_position);
}

// The keys of four logits of row n from column 4 * c4 on; 0 past the end.
fn keys_at(n: u32, c4: u32) -> vec4u {
  let inside = 4u * c4 + vec4u(0u, 1u, 2u, 3u) < vec4u(params.columns);
  return select(vec4u(), keys_of(logits[n * params.stride4 + c4]), inside);
}

fn greatest_of(keys: vec4u) -> u32 { return max(max(keys.x, keys.y), max(keys.z, keys.w)); }
