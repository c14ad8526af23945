/**
 * @file Counter-based random numbers: a pure function of (seed, stream, counter), so that any draw of any step can be
 * computed alone. Two rounds of a 32-bit finaliser with full avalanche (constants of Wellons' hash prospector, "lowbias32").
 */

const mix = (value: number): number => {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return x ^ (x >>> 15);
};

/** 32 random bits as an unsigned integer. `counter` may go beyond 2^32. */
export function randomU32(seed: number, stream: number, counter: number): number {
  const high = Math.floor(counter / 0x1_0000_0000);
  let x = mix(seed + 0x9e3779b9);
  x = mix(x ^ stream);
  x = mix((x + Math.imul(high, 0x85ebca6b)) ^ (counter >>> 0));
  return mix(x + Math.imul(seed, 0xc2b2ae35)) >>> 0;
}

/** A whole number in [0, n), n up to 2^31, its bias below n / 2^53. */
export function randomBelow(n: number, seed: number, stream: number, counter: number): number {
  const low = randomU32(seed, stream ^ 0x5bd1e995, counter) >>> 11;
  return Math.floor(((randomU32(seed, stream, counter) * 0x20_0000 + low) / 0x20_0000_0000_0000) * n);
}

/** A real number in [0, 1). */
export const randomUnit = (seed: number, stream: number, counter: number): number =>
  randomU32(seed, stream, counter) / 0x1_0000_0000;
