/** @file Images one by one: every image once an epoch, in an order of the epoch's own. */
import { randomU32 } from "./counter-random.js";
import { type KeyedPermutation, keyedPermutation } from "./keyed-permutation.js";

const STREAM = 0x696e7374;

/** `count` images a step; the batch of a step is a pure function of (seed, step) and may reach into the next epoch. */
export class InstanceStream {
  private readonly orders = new Map<number, KeyedPermutation>();

  constructor(
    readonly images: number,
    readonly count: number,
    private readonly seed: number,
  ) {}

  private order(epoch: number): KeyedPermutation {
    let order = this.orders.get(epoch);
    if (!order) {
      if (this.orders.size > 2) this.orders.clear();
      order = keyedPermutation(this.images, randomU32(this.seed, STREAM, epoch));
      this.orders.set(epoch, order);
    }
    return order;
  }

  /** Writes the images of `step` into `out`. */
  fill(step: number, out: Int32Array): void {
    for (let i = 0; i < this.count; i++) {
      const position = step * this.count + i;
      const epoch = Math.floor(position / this.images);
      out[i] = this.order(epoch).at(position - epoch * this.images);
    }
  }
}
