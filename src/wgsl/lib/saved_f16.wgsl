// What training keeps for backward, and gradients on their way, as f16: rounded to nearest, ties to even, by the bits,
// since a conversion may round either way. From 65520 on a number becomes infinity, for the norm of the gradients to
// meet: so an overflow is noticed. Adding just under half of what is dropped, plus the parity of what stays, carries
// where rounding goes up; below 2^-14 a half is a multiple of 2^-24. What is converted at last is a half already.
fn saved(x: f32) -> f16 {
  let bits = bitcast<u32>(x);
  let magnitude = bits & 0x7fffffffu;
  let rounded = bitcast<f32>((bits + 0xfffu + ((bits >> 13u) & 1u)) & 0xffffe000u);
  let near_zero = round(x * 16777216.0) / 16777216.0;
  let within = select(rounded, near_zero, magnitude < 0x38800000u);
  return f16(select(within, x * 1e35, magnitude >= 0x477ff000u));
}

fn saved_four(x: vec4f) -> vec4h { return vec4h(saved(x.x), saved(x.y), saved(x.z), saved(x.w)); }
