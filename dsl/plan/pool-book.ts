/**
 * @file The book of a class pool: goes through the gallery rows of a pass as the F2C paper does, and turns them into a plan
 * of fixed sizes.
 *
 * A pass never evicts an identity that it has touched: its centre is what the pass is about. So each slot has one owner from
 * its first touch to the end of the pass, whoever leaves by the rule of the pool, and a pass can be walked if and only if the
 * pool has a slot for each of its identities.
 */
import { experimentError } from "../core/errors.js";
import type { BookState } from "./book.js";
import { LruSlots } from "./lru-slots.js";

/** One pass: n gallery rows enter the pool, m probe rows look for their class. */
export interface PoolPass {
  /** Slots that the pass touches, each once, in order of the first touch; then the spill slot `capacity` up to length n. */
  readonly touched: Int32Array;
  /** For each touched slot, the gallery row that is the last to enter row 0 (row 1), where `fresh0` (`fresh1`) is 1. */
  readonly source0: Int32Array;
  readonly fresh0: Uint8Array;
  readonly source1: Int32Array;
  readonly fresh1: Uint8Array;
  /** 1 where the pass found the identity in the pool. */
  readonly dual: Uint8Array;
  /** Slot of each probe row's identity after the walk, -1 outside. Length m. */
  readonly target: Int32Array;
  /** Where in `touched` that slot stands, -1 where it does not. */
  readonly place: Int32Array;
  /** Probe rows whose identity is in the pool. */
  readonly inPool: number;
  /** Slots taken after the walk: 0 to filled - 1. */
  readonly filled: number;
}

export class PoolBook {
  private readonly slots: LruSlots;

  constructor(
    readonly capacity: number,
    private readonly options: { rows: 1 | 2; evict: "lru" | "fifo" },
  ) {
    this.slots = new LruSlots(capacity, options.evict === "lru");
  }

  /**
   * The plan of a pass, without changing the book. Raises F2C2301 where the pass brings more identities than there are
   * slots.
   */
  peek(written: Int32Array, targets: Int32Array): PoolPass {
    this.refuseOverflow(written);
    this.slots.mark();
    try {
      return this.walk(written, targets);
    } finally {
      this.slots.rollback();
    }
  }

  /** The plan of a pass, which changes the book. Raises F2C2301 as `peek` does, and then changes nothing. */
  commit(written: Int32Array, targets: Int32Array): PoolPass {
    this.refuseOverflow(written);
    return this.walk(written, targets);
  }

  private walk(written: Int32Array, targets: Int32Array): PoolPass {
    const n = written.length;
    const touched = new Int32Array(n).fill(this.capacity);
    const [source0, source1] = [new Int32Array(n), new Int32Array(n)];
    const [fresh0, fresh1, dual] = [new Uint8Array(n), new Uint8Array(n), new Uint8Array(n)];
    let count = 0;
    this.slots.startPass();
    this.slots.warm(written);
    for (let i = 0; i < n; i++) {
      const slot = this.slots.touch(written[i]!);
      let at = this.slots.placeOf(slot);
      if (at < 0) {
        at = count++;
        this.slots.setPlace(slot, at);
        touched[at] = slot;
      }
      const row = this.slots.admitted || this.options.rows === 1 ? 0 : this.slots.rowOf(slot);
      if (!this.slots.admitted && this.options.rows === 2) dual[at] = 1;
      this.slots.setRow(slot, this.slots.admitted ? 1 : 1 - this.slots.rowOf(slot));
      (row === 0 ? source0 : source1)[at] = i;
      (row === 0 ? fresh0 : fresh1)[at] = 1;
    }
    let inPool = 0;
    const target = targets.map((identity) => {
      const slot = this.slots.slotOf(identity);
      if (slot >= 0) inPool++;
      return slot;
    });
    const place = target.map((slot) => (slot < 0 ? -1 : this.slots.placeOf(slot)));
    for (let i = 0; i < count; i++) this.slots.setPlace(touched[i]!, -1);
    const filled = this.slots.size;
    return { touched, source0, fresh0, source1, fresh1, dual, target, place, inPool, filled };
  }

  private refuseOverflow(written: Int32Array): void {
    if (written.length <= this.capacity) return;
    const identities = new Set(written).size;
    if (identities <= this.capacity) return;
    throw experimentError("pool-smaller-than-batch", { slots: this.capacity, identities });
  }

  /** Identities from the most to the least recent. */
  order(): Int32Array {
    return this.slots.order();
  }

  state(): BookState {
    return { ...this.slots.state() };
  }

  /** Restores a saved state. One of another capacity, or a damaged one, is refused and changes nothing. */
  restore(state: BookState): void {
    const { owner, rows, order } = state as { owner: Int32Array; rows: Uint8Array; order: Int32Array };
    // If both arrays have the same length and it is not ours, the checkpoint is intact and belongs to a pool of another
    // size.
    if (owner?.length !== this.capacity && owner?.length === rows?.length && owner !== undefined) {
      throw experimentError("pool-capacity-changed", { slots: this.capacity, before: owner.length });
    }
    this.slots.restore({ owner, rows, order });
  }
}
