/** @file Identities one by one, with some images of each: every identity once a pass, whatever its number of images. */
import { randomBelow, randomU32 } from "./counter-random.js";
import { type KeyedPermutation, keyedPermutation } from "./keyed-permutation.js";

const ORDER = 0x6964656e;
const CHOICE = 0x63686f69;

/**
 * `count` identities a step, `perIdentity` images of each: different ones as long as there are enough, otherwise each as often
 * as the others, or once more. Every ordered choice is equally likely.
 */
export class IdentityStream {
  private readonly identities: number;
  private readonly orders = new Map<number, KeyedPermutation>();
  private readonly first: Int32Array;
  /** The places of the images chosen so far for one identity, in rising order. */
  private readonly taken: Int32Array;

  /** `offsets`: first image of each identity, and the number of images at the end. */
  constructor(
    private readonly offsets: Int32Array,
    readonly count: number,
    readonly perIdentity: number,
    private readonly seed: number,
  ) {
    this.identities = offsets.length - 1;
    this.first = new Int32Array(count);
    this.taken = new Int32Array(perIdentity);
  }

  private order(pass: number): KeyedPermutation {
    let order = this.orders.get(pass);
    if (!order) {
      if (this.orders.size > 2) this.orders.clear();
      order = keyedPermutation(this.identities, randomU32(this.seed, ORDER, pass));
      this.orders.set(pass, order);
    }
    return order;
  }

  /**
   * Writes the images of `step` into `out`, identity by identity, and the identities into `who`. Each table is read in a
   * loop of its own, so that cache misses overlap.
   */
  fill(step: number, out: Int32Array, who: Int32Array): void {
    for (let i = 0; i < this.count; i++) {
      const position = step * this.count + i;
      const pass = Math.floor(position / this.identities);
      who[i] = this.order(pass).at(position - pass * this.identities);
    }
    for (let i = 0; i < this.count; i++) this.first[i] = this.offsets[who[i]!]!;
    for (let i = 0; i < this.count; i++) {
      const first = this.first[i]!;
      const images = this.offsets[who[i]! + 1]! - first;
      this.choose(first, images, step * this.count + i, out, i * this.perIdentity);
    }
  }

  /**
   * Draws images of an identity without replacement, and starts again with all of them when none is left. A number r below
   * the count of remaining images stands for the image with r remaining ones before it: every taken image at or below it
   * moves it up by one.
   */
  private choose(first: number, images: number, position: number, out: Int32Array, at: number): void {
    const { taken, perIdentity } = this;
    for (let k = 0, used = 0; k < perIdentity; k++, used++) {
      if (used === images) used = 0;
      let place = randomBelow(images - used, this.seed, CHOICE, position * perIdentity + k);
      let below = 0;
      while (below < used && taken[below]! <= place) {
        place++;
        below++;
      }
      for (let i = used; i > below; i--) taken[i] = taken[i - 1]!;
      taken[below] = place;
      out[at + k] = first + place;
    }
  }
}

/** The identity that an image belongs to, by binary search between two identities. */
export function labelOf(offsets: Int32Array, image: number, low = 0, high = offsets.length - 1): number {
  let [from, to] = [low, high];
  while (to - from > 1) {
    const middle = (from + to) >>> 1;
    if (offsets[middle]! <= image) from = middle;
    else to = middle;
  }
  return from;
}

const BLOCK = 64;

/** Finds the identity of an image in a few steps of a search: it remembers the identity of every 64th image. */
export class IdentityIndex {
  private readonly blocks: Int32Array;
  /** `label` stores its first reads here, so that the engine cannot drop them. */
  protected seen = 0;

  constructor(private readonly offsets: Int32Array) {
    const images = offsets[offsets.length - 1]!;
    this.blocks = new Int32Array(Math.ceil(images / BLOCK) + 1).fill(offsets.length - 2);
    for (let block = 0, identity = 0; block * BLOCK < images; block++) {
      while (offsets[identity + 1]! <= block * BLOCK) identity++;
      this.blocks[block] = identity;
    }
  }

  /** Writes the identity of each image into `out`, from `at` on. */
  label(images: Int32Array, out: Int32Array, at: number): void {
    const [offsets, blocks] = [this.offsets, this.blocks];
    for (let i = 0; i < images.length; i++) out[at + i] = blocks[Math.floor(images[i]! / BLOCK)]!;
    // The first read of every search, in one loop: the cache misses overlap.
    let seen = 0;
    for (let i = 0; i < images.length; i++) seen ^= offsets[out[at + i]! + 1]!;
    this.seen = seen;
    for (let i = 0; i < images.length; i++) {
      out[at + i] = labelOf(
        offsets,
        images[i]!,
        out[at + i]!,
        blocks[Math.floor(images[i]! / BLOCK) + 1]! + 1,
      );
    }
  }
}
