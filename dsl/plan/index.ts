export type * from "./book.js";
export { randomBelow, randomU32, randomUnit } from "./counter-random.js";
export type { Draws } from "./draws.js";
export { fixed, type ImagesPerIdentity, spread, zipf } from "./images-per-identity.js";
export { type KeyedPermutation, keyedPermutation } from "./keyed-permutation.js";
export { SAMPLER_VERSION } from "./sampler-version.js";
