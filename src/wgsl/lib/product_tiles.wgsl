// What products by tiles in workgroup memory share: a thread's block of a slice on its way in, and a part of a split
// reduction on its way out.

// A block of A or B at `offset` in the slice that starts at k, by the addresses of its loads at k = 0.
fn fetch(of_a: bool, start: vec4u, k: u32, offset: u32) -> mat4x4f {
  var block = mat4x4f();
  if (of_a) { block = a_block(start + k * a_step()); } else { block = b_block(start + k * b_step()); }
  return clip(block, k + offset);
}

fn store_part(part: u32, at: vec2u, values: mat4x4f) {
  var rest = values;
  for (var r = at.x; r < min(at.x + 4u, params.m); r++) {
    var line = rest[0];
    for (var c = at.y; c < min(at.y + 4u, params.n); c++) {
      out[(part * params.m + r) * params.n + c] = saved(line.x);
      line = line.yzwx;
    }
    rest = mat4x4f(rest[1], rest[2], rest[3], rest[0]);
  }
}
