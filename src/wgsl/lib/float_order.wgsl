// Floats compared as integers: exact, and with NaN above all, as in torch.
const INFINITE: u32 = 0xff800000u;        // the key of +infinity; NaN is above it
const REMOVED: f32 = -3.4028234663852886e38f;   // stands for -infinity, which WGSL has no way to write
const REMOVED_KEY: u32 = 0x00800001u;     // and its key: only -infinity is below

// An unsigned integer in the order of the floats, above 0; -0 counts as 0.
fn key_of(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return 0xffffffffu; }
  return select(0x80000000u + magnitude, 0x80000000u - magnitude, bits > 0x80000000u);
}

fn keys_of(bits: vec4u) -> vec4u {
  let magnitude = bits & vec4u(0x7fffffffu);
  let keys = select(0x80000000u + magnitude, 0x80000000u - magnitude, bits > vec4u(0x80000000u));
  return select(keys, vec4u(0xffffffffu), magnitude > vec4u(0x7f800000u));
}

fn bits_of(key: u32) -> u32 {
  return select(key - 0x80000000u, 0x80000000u + (0x80000000u - key), key < 0x80000000u);
}

fn floats_of(keys: vec4u) -> vec4f {
  return bitcast<vec4f>(select(keys - 0x80000000u, 0x80000000u + (0x80000000u - keys), keys < vec4u(0x80000000u)));
}
