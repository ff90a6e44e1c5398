// Seeded pseudo-random numbers for everything that runs on the CPU and must repeat: shuffling, sampling of data,
// stories. The generator is xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021),
// its 128 bits of state filled from any number of seed words by a 32-bit splitmix (a Weyl sequence through murmur3's
// finalizer). Its first outputs for a given seed are pinned by a test: changing them would change every training run
// that is resumed.

/**
 * A stream of numbers decided by its seed words alone, e.g. `new Random(seed, epoch)`: different words, unrelated
 * streams.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** Seed words are taken modulo 2^32. */
  constructor(...seedWords: readonly number[]) {
    let mixed = 0;
    for (const word of seedWords) mixed = splitmix32((mixed + word) >>> 0);
    const state = [0, 0, 0, 0].map(() => {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      return splitmix32(mixed);
    });
    [this.a, this.b, this.c, this.d] = state as [number, number, number, number];
    if ((this.a | this.b | this.c | this.d) === 0) this.a = 1; // the one state that xoshiro never leaves
  }

  /** Uniform integer in [0, 2^32). */
  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.b, 5), 7), 9) >>> 0;
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = rotateLeft(this.d, 11);
    return result;
  }

  /** Uniform number in [0, 1), a multiple of 2^-32. */
  float(): number {
    return this.uint32() / 2 ** 32;
  }

  /** Uniform integer in [0, n), without modulo bias. Throws unless n is an integer in 1..2^32. */
  below(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > 2 ** 32)
      throw new Error(`Random.below: cannot draw: n is ${n}, wanted an integer in 1..2^32`);
    const limit = 2 ** 32 - (2 ** 32 % n);
    let x = this.uint32();
    while (x >= limit) x = this.uint32();
    return x % n;
  }

  /** Standard normal number (Box and Muller 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.float())) * Math.cos(2 * Math.PI * this.float());
  }

  /** One of `values`, each equally likely. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Puts `values` into a uniformly random order, in place (Fisher-Yates), and returns it. */
  shuffle<T>(values: T[]): T[];
  shuffle(values: Uint32Array): Uint32Array;
  shuffle(values: { readonly length: number; [index: number]: unknown }): unknown {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const value = values[i];
      values[i] = values[j];
      values[j] = value;
    }
    return values;
  }
}

function splitmix32(seed: number): number {
  let z = (seed + 0x9e3779b9) >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
