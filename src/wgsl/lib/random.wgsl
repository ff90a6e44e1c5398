// Counter-based random numbers: a pure function of (seed, step, site, index), so that a dropout mask is recomputed in
// backward instead of stored. The hash is pcg4d (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3),
// 2020): a bijection of 128 bits made of 32-bit multiplications, at the high-quality end of their comparison by
// TestU01's BigCrush. Its last word is taken, the upper half folded into the lower: without that, some input bits never
// reach the lowest ones. test/oracle/random.ts gives the same bits on the CPU.
fn pcg4d(words: vec4u) -> vec4u {
  var v = words * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

fn random_u32(seed: u32, step: u32, site: u32, index: u32) -> u32 { return pcg4d(vec4u(seed, step, site, index)).w; }

// True with probability 1 - drop_below / 2^32. An integer threshold, so that CPU and GPU agree on every element.
fn keep(seed: u32, step: u32, site: u32, index: u32, drop_below: u32) -> bool {
  return random_u32(seed, step, site, index) >= drop_below;
}
