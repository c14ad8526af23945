/**
 * @file Which identity sits in which slot of a pool, by least recent use, on typed arrays only.
 *
 * An open-addressing table maps identities to slots; a doubly linked list over the slots keeps their order. Every change is
 * recorded, so that a tentative pass can be undone exactly.
 *
 * Without `moveOnHit` the list is a queue: looking an identity up does not move it, so the oldest one may have been touched
 * by the running pass, which still needs it. An identity with a place in the pass (`setPlace`) is therefore never evicted
 * and keeps its position in the queue; the oldest of the others is evicted. With `moveOnHit` the identities of the pass are
 * the most recent ones, so none has to be skipped.
 */
import { type ExperimentError, experimentError } from "../core/errors.js";

const EMPTY = -1;

/** The fields of a slot's record, after its owner, which comes first. */
const NEWER = 1;
const OLDER = 2;
const NOTES = 3;

const hash = (identity: number): number => {
  const x = Math.imul(identity ^ (identity >>> 16), 0x21f0aaad);
  return (Math.imul(x ^ (x >>> 15), 0x735a2d97) >>> 0) ^ (x >>> 13);
};

/**
 * What is needed to undo a change: the slot, its row, its owner (or -1) and its neighbour in the list, as they were before.
 */
interface Journal {
  slot: Int32Array;
  row: Uint8Array;
  owner: Int32Array;
  /** The neighbour before which the slot stood; -2: the slot was free. */
  after: Int32Array;
  length: number;
}

export class LruSlots {
  /** Pairs (identity, slot), side by side so that a lookup touches one cache line; slot -1: empty. */
  private readonly table: Int32Array;
  private readonly mask: number;
  /**
   * Four numbers a slot, in one cache line: its owner, the more recent slot, the less recent one (the list's ends are
   * `newest` and `oldest`), and twice its place in the current pass plus the row that is written next.
   */
  private readonly slots: Int32Array;
  private newest = EMPTY;
  private oldest = EMPTY;
  private used = 0;
  private journal: Journal | undefined;
  private readonly spare: Journal = {
    slot: new Int32Array(64),
    row: new Uint8Array(64),
    owner: new Int32Array(64),
    after: new Int32Array(64),
    length: 0,
  };
  /** `warm` stores what it read here, so that the engine cannot drop the reads. */
  protected seen = 0;
  /**
   * In a queue: every identity older than this slot's owner has a place in this pass. -1: the search begins at the oldest.
   */
  private leaving = EMPTY;
  /** Whether the last `touch` brought a new identity in. */
  admitted = false;

  constructor(
    readonly capacity: number,
    private readonly moveOnHit = true,
  ) {
    let size = 4;
    while (size < capacity * 2) size *= 2;
    this.table = new Int32Array(2 * size).fill(EMPTY);
    this.mask = size - 1;
    this.slots = new Int32Array(4 * capacity).fill(EMPTY);
    for (let slot = 0; slot < capacity; slot++) this.slots[4 * slot + NOTES] = 2 * EMPTY;
  }

  /** Slots in use: 0 to size - 1. */
  get size(): number {
    return this.used;
  }

  /** The slot of an identity, -1 if it has none. Changes nothing. */
  slotOf(identity: number): number {
    for (let at = hash(identity) & this.mask; ; at = (at + 1) & this.mask) {
      const slot = this.table[2 * at + 1]!;
      if (slot === EMPTY || this.table[2 * at] === identity) return slot;
    }
  }

  /** The pool row of `slot` that is written next. */
  rowOf(slot: number): number {
    return this.slots[4 * slot + NOTES]! & 1;
  }

  setRow(slot: number, row: number): void {
    this.slots[4 * slot + NOTES] = (this.slots[4 * slot + NOTES]! & ~1) | row;
  }

  /** The place of `slot` in the current pass, -1 if it has none. A note for the caller, neither saved nor rolled back. */
  placeOf(slot: number): number {
    return this.slots[4 * slot + NOTES]! >> 1;
  }

  setPlace(slot: number, place: number): void {
    this.slots[4 * slot + NOTES] = 2 * place + this.rowOf(slot);
  }

  /**
   * Prefetches what touching these identities will read. These reads overlap, unlike those of the walk, so that a pool
   * larger than the cache answers several times faster. Changes nothing.
   */
  warm(identities: Int32Array): void {
    let seen = 0;
    for (let i = 0; i < identities.length; i++) {
      const at = hash(identities[i]!) & this.mask;
      const slot = this.table[2 * at + 1]!;
      if (slot !== EMPTY) seen ^= this.slots[4 * slot]!;
    }
    if (this.used === this.capacity) {
      let slot = this.oldest;
      for (let i = 0; i < identities.length && slot !== EMPTY; i++) {
        const owner = this.slots[4 * slot]!;
        seen ^= this.table[2 * (hash(owner) & this.mask)]!;
        slot = this.slots[4 * slot + NEWER]!;
      }
    }
    this.seen = seen;
  }

  /** Begins a pass, in which no identity has a place yet. */
  startPass(): void {
    this.leaving = EMPTY;
  }

  /**
   * The slot whose identity a full pool evicts. In a queue the search continues where it stopped: every slot before that has
   * a place in this pass until its end, so a pass looks at no slot twice. If all have a place, it is the oldest.
   */
  private victim(): number {
    if (this.moveOnHit) return this.oldest;
    let slot = this.leaving === EMPTY ? this.oldest : this.leaving;
    while (slot !== EMPTY && this.placeOf(slot) !== EMPTY) slot = this.slots[4 * slot + NEWER]!;
    if (slot === EMPTY) return this.oldest;
    this.leaving = this.slots[4 * slot + NEWER]!;
    return slot;
  }

  /**
   * The slot of an identity, which becomes the most recent; a new one if it has none. A full pool then evicts its least
   * recent identity, a queue its oldest one without a place in the pass.
   */
  touch(identity: number): number {
    const held = this.slotOf(identity);
    if (held !== EMPTY) {
      this.admitted = false;
      this.note(held, identity, this.slots[4 * held + NEWER]!);
      if (this.moveOnHit && held !== this.newest) {
        this.unlink(held);
        this.linkNewest(held);
      }
      return held;
    }
    this.admitted = true;
    let slot: number;
    if (this.used < this.capacity) {
      slot = this.used++;
      this.note(slot, EMPTY, -2);
    } else {
      slot = this.victim();
      this.note(slot, this.slots[4 * slot]!, this.slots[4 * slot + NEWER]!);
      this.forget(this.slots[4 * slot]!);
      this.unlink(slot);
    }
    this.slots[4 * slot] = identity;
    this.remember(slot);
    this.linkNewest(slot);
    return slot;
  }

  /** From here on, changes are recorded; `rollback` undoes them. */
  mark(): void {
    this.journal = this.spare;
    this.spare.length = 0;
  }

  /** Undoes everything since `mark`, last change first. */
  rollback(): void {
    const journal = this.journal;
    if (!journal) throw new Error("internal: rollback without mark");
    this.journal = undefined;
    this.leaving = EMPTY;
    for (let i = journal.length - 1; i >= 0; i--) {
      const slot = journal.slot[i]!;
      const before = journal.owner[i]!;
      this.setRow(slot, journal.row[i]!);
      this.unlink(slot);
      if (this.slots[4 * slot] !== before) {
        this.forget(this.slots[4 * slot]!);
        this.slots[4 * slot] = before;
        if (before !== EMPTY) this.remember(slot);
      }
      if (journal.after[i] === -2) this.used--;
      else this.linkBefore(slot, journal.after[i]!);
    }
  }

  private note(slot: number, owner: number, after: number): void {
    const journal = this.journal;
    if (!journal) return;
    if (journal.length === journal.slot.length) {
      const grown = <A extends Int32Array | Uint8Array>(old: A, make: (n: number) => A): A => {
        const next = make(old.length * 2);
        next.set(old);
        return next;
      };
      journal.slot = grown(journal.slot, (n) => new Int32Array(n));
      journal.row = grown(journal.row, (n) => new Uint8Array(n));
      journal.owner = grown(journal.owner, (n) => new Int32Array(n));
      journal.after = grown(journal.after, (n) => new Int32Array(n));
    }
    const i = journal.length++;
    journal.slot[i] = slot;
    journal.row[i] = this.rowOf(slot);
    journal.owner[i] = owner;
    journal.after[i] = after;
  }

  private linkNewest(slot: number): void {
    this.linkBefore(slot, EMPTY);
  }

  /** Links `slot` on the older side of `newer`; -1: as the newest. */
  private linkBefore(slot: number, newer: number): void {
    const older = newer === EMPTY ? this.newest : this.slots[4 * newer + OLDER]!;
    this.slots[4 * slot + NEWER] = newer;
    this.slots[4 * slot + OLDER] = older;
    if (newer === EMPTY) this.newest = slot;
    else this.slots[4 * newer + OLDER] = slot;
    if (older === EMPTY) this.oldest = slot;
    else this.slots[4 * older + NEWER] = slot;
  }

  private unlink(slot: number): void {
    const newer = this.slots[4 * slot + NEWER]!;
    const older = this.slots[4 * slot + OLDER]!;
    if (newer === EMPTY) this.newest = older;
    else this.slots[4 * newer + OLDER] = older;
    if (older === EMPTY) this.oldest = newer;
    else this.slots[4 * older + NEWER] = newer;
  }

  private remember(slot: number): void {
    const identity = this.slots[4 * slot]!;
    let at = hash(identity) & this.mask;
    while (this.table[2 * at + 1] !== EMPTY) at = (at + 1) & this.mask;
    this.table[2 * at] = identity;
    this.table[2 * at + 1] = slot;
  }

  /**
   * Removes an identity from the table. Later entries of the same probe sequence move up, so that no gap ends a search
   * early.
   */
  private forget(identity: number): void {
    let gap = hash(identity) & this.mask;
    while (this.table[2 * gap] !== identity || this.table[2 * gap + 1] === EMPTY) gap = (gap + 1) & this.mask;
    for (let at = (gap + 1) & this.mask; this.table[2 * at + 1] !== EMPTY; at = (at + 1) & this.mask) {
      const home = hash(this.table[2 * at]!) & this.mask;
      if (((at - home) & this.mask) >= ((at - gap) & this.mask)) {
        this.table[2 * gap] = this.table[2 * at]!;
        this.table[2 * gap + 1] = this.table[2 * at + 1]!;
        gap = at;
      }
    }
    this.table[2 * gap + 1] = EMPTY;
  }

  /** Identities from the most to the least recent. */
  order(): Int32Array {
    const order = new Int32Array(this.used);
    for (let slot = this.newest, i = 0; slot !== EMPTY; slot = this.slots[4 * slot + OLDER]!)
      order[i++] = this.slots[4 * slot]!;
    return order;
  }

  /** What a checkpoint saves: the owner of every slot, the rows, and the order of the slots. */
  state(): { owner: Int32Array; rows: Uint8Array; order: Int32Array } {
    const order = new Int32Array(this.used);
    for (let slot = this.newest, i = 0; slot !== EMPTY; slot = this.slots[4 * slot + OLDER]!)
      order[i++] = slot;
    const [owner, rows] = [new Int32Array(this.capacity), new Uint8Array(this.capacity)];
    for (let slot = 0; slot < this.capacity; slot++) {
      owner[slot] = this.slots[4 * slot]!;
      rows[slot] = this.rowOf(slot);
    }
    return { owner, rows, order };
  }

  /** Restores a saved state. An invalid one is refused and changes nothing. */
  restore(state: { owner: Int32Array; rows: Uint8Array; order: Int32Array }): void {
    const damage = damageOf(state, this.capacity);
    if (damage) throw damage;
    this.table.fill(EMPTY);
    for (let slot = 0; slot < this.capacity; slot++) {
      this.slots[4 * slot] = state.owner[slot]!;
      this.slots[4 * slot + NOTES] = 2 * EMPTY + state.rows[slot]!;
    }
    this.journal = undefined;
    this.leaving = EMPTY;
    this.newest = EMPTY;
    this.oldest = EMPTY;
    this.used = state.order.length;
    for (let i = this.used - 1; i >= 0; i--) {
      this.remember(state.order[i]!);
      this.linkNewest(state.order[i]!);
    }
  }
}

/** What is wrong with a saved book, if anything: a wrong order would become a cycle, and a wrong owner a lost identity. */
function damageOf(state: Readonly<Record<string, unknown>>, capacity: number): ExperimentError | undefined {
  const { owner, rows, order } = state;
  const kind = (field: string, wanted: string) =>
    experimentError("pool-book-damaged.kind", { field, found: sort(state[field]), wanted });
  if (!(owner instanceof Int32Array) || owner.length !== capacity)
    return kind("owner", `an Int32Array of ${capacity}`);
  if (!(rows instanceof Uint8Array) || rows.length !== capacity)
    return kind("rows", `a Uint8Array of ${capacity}`);
  if (!(order instanceof Int32Array) || order.length > capacity)
    return kind("order", `an Int32Array of at most ${capacity}`);
  const used = order.length;
  const odd = rows.findIndex((row) => row > 1);
  if (odd >= 0) return experimentError("pool-book-damaged.row", { row: rows[odd]!, slot: odd });
  // If there are `used` slots, all below `used` and none twice, they are exactly 0 to used - 1.
  const listed = new Uint8Array(used);
  for (const slot of order) {
    if (slot < 0 || slot >= used) return experimentError("pool-book-damaged.order", { slot, last: used - 1 });
    if (listed[slot]) return experimentError("pool-book-damaged.slot-twice", { slot });
    listed[slot] = 1;
  }
  const negative = owner.findIndex((identity, slot) => slot < used && identity < 0);
  if (negative >= 0)
    return experimentError("pool-book-damaged.used", { slot: negative, owner: owner[negative]! });
  const stranger = owner.findIndex((identity, slot) => slot >= used && identity !== EMPTY);
  if (stranger >= 0)
    return experimentError("pool-book-damaged.free", { slot: stranger, owner: owner[stranger]! });
  const sorted = owner.slice(0, used).sort();
  const twice = sorted.findIndex((identity, i) => i > 0 && identity === sorted[i - 1]);
  if (twice >= 0) return experimentError("pool-book-damaged.owner-twice", { identity: sorted[twice]! });
  return undefined;
}

const sort = (value: unknown): string =>
  ArrayBuffer.isView(value)
    ? `${value.constructor.name} of ${(value as unknown as ArrayLike<number>).length}`
    : value === undefined
      ? "missing"
      : `a ${typeof value}`;
