// Weights, keys and values as f16, two to a word of 32 bits: half the memory on every adapter, since unpack2x16float
// belongs to WGSL itself. What is computed with them is f32. Number `at` of an array is in word at / PER_WORD, the even
// ones in the lower half.
const PER_WORD: u32 = 2u;
const LARGEST: f32 = 65504.0;

fn stored(word: u32, at: u32) -> f32 { return unpack2x16float(word >> (16u * (at % 2u))).x; }
fn stored_four(words: vec2u) -> vec4f { return vec4f(unpack2x16float(words.x), unpack2x16float(words.y)); }

// Rounded to nearest, ties to even, by whole numbers: pack2x16float may round either way, and compilers take packing
// and unpacking for nothing and leave both out. Numbers past the largest f16 become that. Dropping 13 bits of the
// fraction: just under half of the last place, plus its parity, carries where rounding goes up; 0x38000000 moves the
// exponent's bias from 127 to 15. Below 2^-14 a half is a multiple of 2^-24.
fn half_bits(number: f32) -> u32 {
  let within = clamp(number, -LARGEST, LARGEST);
  let bits = bitcast<u32>(within);
  let magnitude = bits & 0x7fffffffu;
  let near_zero = u32(round(abs(within) * 16777216.0));
  let rounded = (magnitude + 0xfffu + ((magnitude >> 13u) & 1u) - 0x38000000u) >> 13u;
  return ((bits >> 16u) & 0x8000u) | select(rounded, near_zero, magnitude < 0x38800000u);
}

fn word_of(numbers: vec2f) -> u32 { return half_bits(numbers.x) | (half_bits(numbers.y) << 16u); }
fn words_of(numbers: vec4f) -> vec2u { return vec2u(word_of(numbers.xy), word_of(numbers.zw)); }
