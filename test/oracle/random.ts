// The CPU twin of src/wgsl/lib/random.wgsl, bit for bit: oracles recompute dropout masks with it.

/**
 * pcg4d (Jarzynski and Olano 2020) of four 32-bit words, its last word with the upper half folded in: uniform in [0,
 * 2^32).
 */
export function randomU32(seed: number, step: number, site: number, index: number): number {
  let [x, y, z, w] = [seed, step, site, index].map((word) => (Math.imul(word, 1664525) + 1013904223) | 0);
  const round = () => {
    x = (x + Math.imul(y, w)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    w = (w + Math.imul(y, z)) | 0;
  };
  round();
  x ^= x >>> 16;
  y ^= y >>> 16;
  z ^= z >>> 16;
  w ^= w >>> 16;
  round();
  return (w ^ (w >>> 16)) >>> 0;
}

/** Whether element `index` survives: dropped when its number is below probability * 2^32. */
export function keep(seed: number, step: number, site: number, index: number, dropBelow: number): boolean {
  return randomU32(seed, step, site, index) >= dropBelow;
}
