import { describe, expect, test } from "vitest";
import { classPool, type ExperimentError } from "#dsl/index";
import { LruSlots } from "#dsl/plan/lru-slots";
import { PoolBook, type PoolPass } from "#dsl/plan/pool-book";
import { Planner } from "#runtime/stages/planner";
import { share } from "../long.js";
import { dice } from "./dice.js";
import { codeOf, thrownBy } from "./thrown.js";

/** LRU by a Map, whose order of insertion is the order of use. */
class MapLru {
  constructor(
    readonly capacity: number,
    readonly moveOnHit: boolean,
    private places = new Map<number, { slot: number; row: number }>(),
    /** What a slot remembers of its rows, even after its owner has gone. */
    private rows: number[] = Array<number>(capacity).fill(0),
  ) {}

  touch(identity: number): { slot: number; admitted: boolean } {
    const held = this.places.get(identity);
    if (held) {
      if (this.moveOnHit) {
        this.places.delete(identity);
        this.places.set(identity, held);
      }
      return { slot: held.slot, admitted: false };
    }
    let slot = this.places.size;
    if (slot === this.capacity) {
      const [oldest, place] = this.places.entries().next().value!;
      this.places.delete(oldest);
      slot = place.slot;
    }
    this.places.set(identity, { slot, row: 0 });
    return { slot, admitted: true };
  }

  slotOf = (identity: number) => this.places.get(identity)?.slot ?? -1;
  setRow = (slot: number, row: number) => {
    this.rows[slot] = row;
  };
  rowOf = (slot: number) => this.rows[slot]!;
  order = () => [...this.places.keys()].reverse();
  size = () => this.places.size;
  copy = () => new MapLru(this.capacity, this.moveOnHit, new Map(this.places), [...this.rows]);
}

describe("LRU slots", () => {
  const same = (slots: LruSlots, literal: MapLru, universe: number) => {
    expect([...slots.order()]).toEqual(literal.order());
    expect(slots.size).toBe(literal.size());
    for (let identity = 0; identity < universe; identity++)
      expect(slots.slotOf(identity)).toBe(literal.slotOf(identity));
    for (let slot = 0; slot < literal.size(); slot++) expect(slots.rowOf(slot)).toBe(literal.rowOf(slot));
  };

  test.each([
    [1, 3, true],
    [2, 5, true],
    [7, 30, true],
    [7, 30, false],
    [40, 25, true],
    [33, 60, true],
    [33, 60, false],
  ])("of capacity %i over %i identities equal a map (moved on use: %s)", (capacity, universe, moveOnHit) => {
    const roll = dice(capacity * 100 + universe);
    let slots = new LruSlots(capacity, moveOnHit);
    let literal = new MapLru(capacity, moveOnHit);
    let before: MapLru | undefined;
    for (let i = 0; i < share(1000, 3000); i++) {
      const chance = roll(100);
      if (chance < 90) {
        const identity = roll(universe);
        const expected = literal.touch(identity);
        expect(slots.touch(identity)).toBe(expected.slot);
        expect(slots.admitted).toBe(expected.admitted);
        const row = roll(2);
        slots.setRow(expected.slot, row);
        literal.setRow(expected.slot, row);
      } else if (chance < 95) {
        if (before) {
          slots.rollback();
          literal = before;
          before = undefined;
        } else {
          slots.mark();
          before = literal.copy();
        }
        same(slots, literal, universe);
      } else if (!before) {
        const kept = slots.state();
        const fresh = new LruSlots(capacity, moveOnHit);
        for (let k = 0; k < roll(9); k++) fresh.touch(roll(universe));
        fresh.restore(kept);
        slots = fresh;
        same(slots, literal, universe);
      }
    }
    if (before) {
      slots.rollback();
      literal = before;
    }
    same(slots, literal, universe);
  });

  test("find identities whose numbers are far apart, and forget them without losing others", () => {
    const slots = new LruSlots(50);
    const literal = new MapLru(50, true);
    const roll = dice(77);
    const identities = Array.from({ length: 120 }, () => roll(2 ** 31 - 1));
    for (let i = 0; i < 4000; i++) {
      const identity = identities[roll(120)]!;
      expect(slots.touch(identity)).toBe(literal.touch(identity).slot);
    }
    for (const identity of identities) expect(slots.slotOf(identity)).toBe(literal.slotOf(identity));
  });

  test("keep a state that later changes do not touch", () => {
    const slots = new LruSlots(3);
    slots.touch(1);
    const kept = slots.state();
    slots.touch(2);
    slots.touch(1);
    expect([...kept.order]).toEqual([0]);
    expect([...kept.owner]).toEqual([1, -1, -1]);
  });
});

type Evict = "lru" | "fifo";
class Crowded extends Error {}

/** The pool of the paper with its stamps: T[r][c] is the time at which row r of slot c was written, 0 for never. */
class StampedPool {
  constructor(
    readonly capacity: number,
    readonly rows: 1 | 2,
    readonly evict: Evict,
    private owner: (number | undefined)[] = [],
    private T: [number[], number[]] = [Array(capacity).fill(0), Array(capacity).fill(0)],
    private entered: number[] = Array(capacity).fill(0),
    private now = 0,
  ) {}

  copy = () =>
    new StampedPool(
      this.capacity,
      this.rows,
      this.evict,
      [...this.owner],
      [[...this.T[0]], [...this.T[1]]],
      [...this.entered],
      this.now,
    );

  /** Slots from the one that leaves last to the one that leaves first. */
  private age = (slot: number) =>
    this.evict === "fifo" ? this.entered[slot]! : Math.max(this.T[0][slot]!, this.T[1][slot]!);
  order = () =>
    this.owner
      .map((who, slot) => ({ who: who!, age: this.age(slot) }))
      .sort((a, b) => b.age - a.age)
      .map(({ who }) => who);

  pass(written: readonly number[], targets: readonly number[]) {
    /** By slot: the last gallery row that entered each pool row in this pass, and whether the identity was found. */
    const changes = new Map<number, { source: [number, number]; dual: boolean }>();
    for (const [i, identity] of written.entries()) {
      this.now++;
      let slot = this.owner.indexOf(identity);
      let row = 0;
      const hit = slot >= 0;
      if (hit) {
        // The row written longer ago, or never, is the next one.
        if (this.rows === 2 && this.T[1][slot]! < this.T[0][slot]!) row = 1;
        this.T[row]![slot] = this.now;
      } else {
        if (this.owner.length < this.capacity) slot = this.owner.length;
        else {
          // A look leaves the queue as it is, so there the oldest may belong to this pass: the oldest of the others leaves.
          const others = [...Array(this.capacity).keys()].filter(
            (c) => !(this.evict === "fifo" && changes.has(c)),
          );
          if (others.length === 0) throw new Crowded();
          slot = others.reduce((oldest, c) => (this.age(c) < this.age(oldest) ? c : oldest));
          if (changes.has(slot)) throw new Crowded();
        }
        this.owner[slot] = identity;
        this.T[0][slot] = this.now;
        this.T[1][slot] = 0;
        this.entered[slot] = this.now;
      }
      const change = changes.get(slot) ?? { source: [-1, -1], dual: false };
      change.source[row] = i;
      change.dual ||= hit && this.rows === 2;
      changes.set(slot, change);
    }
    return {
      touched: [...changes.keys()],
      changes: [...changes.values()],
      target: targets.map((identity) => this.owner.indexOf(identity)),
      filled: this.owner.length,
    };
  }
}

/** A pass in the oracle's form; what lies beyond the touched slots must be padding. */
function readable(pass: PoolPass, capacity: number) {
  const count = pass.touched.indexOf(capacity) < 0 ? pass.touched.length : pass.touched.indexOf(capacity);
  for (let i = count; i < pass.touched.length; i++)
    expect([pass.touched[i], pass.fresh0[i], pass.fresh1[i], pass.dual[i]]).toEqual([capacity, 0, 0, 0]);
  expect(pass.inPool).toBe(pass.target.filter((slot) => slot >= 0).length);
  return {
    touched: [...pass.touched.slice(0, count)],
    changes: Array.from({ length: count }, (_, i) => ({
      source: [pass.fresh0[i] ? pass.source0[i] : -1, pass.fresh1[i] ? pass.source1[i] : -1],
      dual: pass.dual[i] === 1,
    })),
    target: [...pass.target],
    filled: pass.filled,
  };
}

describe("the book of a class pool", () => {
  const configurations = ([1, 2] as const).flatMap((rows) =>
    (["lru", "fifo"] as const).flatMap((evict) =>
      [
        [1, 3, 1],
        [5, 8, 5],
        [12, 40, 12],
        [6, 40, 6],
        [24, 40, 10],
        [64, 40, 10],
        [3, 3, 8],
        [12, 15, 9],
      ].map(([capacity, universe, batch]) => ({ rows, evict, capacity, universe, batch })),
    ),
  );

  test.each(configurations)(
    "with $rows rows, $evict, $capacity slots and $universe identities, walks as the paper",
    ({ rows, evict, capacity, universe, batch }) => {
      const roll = dice(rows * 1000 + capacity * 10 + universe);
      const ids = (n: number) => Array.from({ length: n }, () => roll(universe));
      let book = new PoolBook(capacity, { rows, evict });
      let literal = new StampedPool(capacity, rows, evict);
      let [passes, refusals] = [0, 0];
      for (let step = 0; step < 300; step++) {
        const [x, y] = [ids(1 + roll(batch)), ids(1 + roll(batch))];
        const kept = book.state();
        const run = (name: "peek" | "commit", written: number[], targets: number[]) => {
          const pool = literal.copy();
          let expected: ReturnType<StampedPool["pass"]> | undefined;
          try {
            expected = pool.pass(written, targets);
          } catch (error) {
            if (!(error instanceof Crowded)) throw error;
          }
          const act = () => book[name](Int32Array.from(written), Int32Array.from(targets));
          // What the message says is true: the pass brings more identities than there are slots.
          expect(expected === undefined).toBe(new Set(written).size > capacity);
          if (!expected) {
            refusals++;
            expect(codeOf(act)).toBe("F2C2301");
            expect(book.state()).toEqual(kept);
          } else {
            passes++;
            expect(readable(act(), capacity)).toEqual(expected);
            if (name === "commit") literal = pool;
          }
          return expected !== undefined;
        };
        run("peek", y, x);
        expect(book.state()).toEqual(kept);
        run("commit", x, y);
        if (step % 50 === 49) {
          const resumed = new PoolBook(capacity, { rows, evict });
          resumed.restore(book.state());
          book = resumed;
        }
        expect([...book.order()]).toEqual(literal.order());
      }
      expect(passes).toBeGreaterThan(100);
      if (universe <= capacity) expect(refusals).toBe(0);
    },
  );

  test("refuses more identities than slots in one pass, by number, and says what to do", () => {
    const book = new PoolBook(2, { rows: 2, evict: "lru" });
    const error = thrownBy(() => book.commit(Int32Array.of(1, 2, 3), Int32Array.of(1))) as ExperimentError;
    expect(error).toMatchObject({ code: "F2C2301" });
    expect(error.message).toContain("`capacity` of 2");
    expect(error.message).toContain("3 identities");
    expect(error.hint).toContain("capacity");
  });

  test("of a queue that is full keeps the identities of the pass: the oldest of the others leaves", () => {
    const book = new PoolBook(4, { rows: 2, evict: "fifo" });
    book.commit(Int32Array.of(1, 2, 3, 4), new Int32Array(0));
    // 1 entered first, and this very pass needs it: 2 leaves for 5.
    const pass = book.commit(Int32Array.of(1, 5), Int32Array.of(1, 2, 5));
    expect(readable(pass, 4)).toEqual({
      touched: [0, 1],
      changes: [
        { source: [-1, 0], dual: true },
        { source: [1, -1], dual: false },
      ],
      target: [0, -1, 1],
      filled: 4,
    });
    expect([...book.order()]).toEqual([5, 4, 3, 1]);
    // 1 has kept its turn, and is the next to leave.
    book.commit(Int32Array.of(6), new Int32Array(0));
    expect([...book.order()]).toEqual([6, 5, 4, 3]);
  });

  test("of a queue lets the newer half leave while the older half is needed", () => {
    const n = 400;
    const range = (from: number, count: number) => Int32Array.from({ length: count }, (_, i) => from + i);
    const book = new PoolBook(2 * n, { rows: 1, evict: "fifo" });
    book.commit(range(0, 2 * n), new Int32Array(0));
    const pass = book.commit(Int32Array.from([...range(0, n), ...range(2 * n, n)]), new Int32Array(0));
    expect(pass.touched).toEqual(range(0, 2 * n));
    expect([...book.order()]).toEqual([...range(2 * n, n).reverse(), ...range(0, n).reverse()]);
  });

  test("takes an identity that occurs three times in a pass into row 0, row 1 and row 0 again", () => {
    const pass = new PoolBook(4, { rows: 2, evict: "lru" }).commit(
      Int32Array.of(9, 9, 9),
      Int32Array.of(9, 1),
    );
    expect(readable(pass, 4)).toEqual({
      touched: [0],
      changes: [{ source: [2, 1], dual: true }],
      target: [0, -1],
      filled: 1,
    });
  });

  test("refuses the checkpoint of a pool of another capacity", () => {
    const book = new PoolBook(4, { rows: 2, evict: "lru" });
    expect(codeOf(() => new PoolBook(5, { rows: 2, evict: "lru" }).restore(book.state()))).toBe("F2C2303");
  });
});

test("a planner refuses a checkpoint that lacks a book, and names it", () => {
  const loader = { open: () => ({ stepsPerEpoch: 1, batch: () => ({}) }) };
  const bank = classPool({ capacity: 4, dim: 2, identities: 9 });
  const planner = new Planner({
    experiment: { loader, seed: 0 },
    train: {},
    state: { bank },
    module: { functions: [] },
  } as never);
  const kept = planner.state();
  expect(codeOf(() => planner.restore(3, {}))).toBe("F2C2306");
  expect(codeOf(() => planner.restore(3, { pool: kept.bank! }))).toBe("F2C2306");
  planner.restore(3, kept);
  expect(planner.step).toBe(3);
});

describe("a damaged book", () => {
  type Arrays = { owner: Int32Array; rows: Uint8Array; order: Int32Array };
  /** A book of `capacity` slots of which `used` are taken, in an order of its own. */
  const bookOf = (capacity: number, used: number, seed: number) => {
    const roll = dice(seed);
    const book = new PoolBook(capacity, { rows: 2, evict: "lru" });
    for (let i = 0; i < used; i++) book.commit(Int32Array.of(3 * i + 1), new Int32Array(0));
    for (let i = 0; i < 2 * used; i++) book.commit(Int32Array.of(3 * roll(used) + 1), new Int32Array(0));
    return book;
  };
  const changed = <A extends Int32Array | Uint8Array>(array: A, at: number, value: number): A => {
    const copy = array.slice() as A;
    copy[at] = value;
    return copy;
  };
  const without = <K extends keyof Arrays>(state: Arrays, key: K) => ({ ...state, [key]: undefined });

  const refuses = (state: object, says: RegExp) => {
    const book = bookOf(9, 5, 4);
    const before = book.state();
    let error: (Error & { code?: string }) | undefined;
    try {
      book.restore(state as never);
    } catch (e) {
      error = e as Error;
    }
    expect(error?.code).toBe("F2C2304");
    expect(error?.message).toMatch(says);
    expect(book.state()).toEqual(before);
    // It goes on as one that was never asked.
    const twin = bookOf(9, 5, 4);
    const [x, y] = [Int32Array.of(4, 100, 7, 200), Int32Array.of(1, 4)];
    expect(book.commit(x, y)).toEqual(twin.commit(x, y));
    expect(book.state()).toEqual(twin.state());
  };

  test.each<[string, (s: Arrays) => object, RegExp]>([
    [
      "an order that names a slot beyond those in use",
      (s) => ({ ...s, order: changed(s.order, 1, 6) }),
      /slot 6/,
    ],
    ["an order that names a slot below 0", (s) => ({ ...s, order: changed(s.order, 0, -1) }), /slot -1/],
    ["an order that names a slot twice", (s) => ({ ...s, order: changed(s.order, 0, s.order[3]!) }), /twice/],
    ["an order that is cut", (s) => ({ ...s, order: s.order.slice(1) }), /slot \d/],
    ["an order that is too long", (s) => ({ ...s, order: new Int32Array(10) }), /at most 9/],
    ["an owner below 0 in a slot in use", (s) => ({ ...s, owner: changed(s.owner, 2, -7) }), /slot 2 .* -7/],
    ["a free slot with an owner", (s) => ({ ...s, owner: changed(s.owner, 8, 77) }), /slot 8 is free, .* 77/],
    [
      "an owner in two slots",
      (s) => ({ ...s, owner: changed(s.owner, 2, s.owner[4]!) }),
      /identity 13 .* two slots/,
    ],
    ["a row that is neither 0 nor 1", (s) => ({ ...s, rows: changed(s.rows, 3, 2) }), /a 2 for slot 3/],
    ["owners that are cut", (s) => ({ ...s, owner: s.owner.slice(1) }), /Int32Array of 8/],
    ["rows that are cut", (s) => ({ ...s, rows: s.rows.slice(1) }), /Uint8Array of 8/],
    ["owners of another type", (s) => ({ ...s, owner: Float64Array.from(s.owner) }), /Float64Array of 9/],
    ["no owners", (s) => without(s, "owner"), /`owner` is missing/],
    ["no rows", (s) => without(s, "rows"), /`rows` is missing/],
    ["no order", (s) => without(s, "order"), /`order` is missing/],
  ])("with %s is refused, and the book stays as it was", (_, damage, says) => {
    refuses(damage(bookOf(9, 5, 8).state() as never), says);
  });

  test("is refused whatever bytes of it are changed, or restores to a book that works", () => {
    const roll = dice(31);
    let refused = 0;
    for (let round = 0; round < 400; round++) {
      const capacity = 3 + roll(10);
      const source = bookOf(capacity, 1 + roll(capacity), round + 1);
      const state = source.state() as unknown as Arrays;
      const key = (["owner", "rows", "order"] as const)[roll(3)]!;
      const bytes = new Uint8Array(state[key].slice().buffer);
      for (let i = 0; i <= roll(3); i++) bytes[roll(bytes.length)]! ^= 1 << roll(8);
      const damaged = {
        ...state,
        [key]: key === "rows" ? bytes : new Int32Array(bytes.buffer),
      } as Arrays;
      const book = new PoolBook(capacity, { rows: 2, evict: round % 2 ? "lru" : "fifo" });
      const code = codeOf(() => book.restore({ ...damaged }));
      if (code !== undefined) {
        expect(code).toBe("F2C2304");
        refused++;
        continue;
      }
      // Another order of the same slots, another owner or row: nothing tells it from a book that was never damaged.
      const { owner, order } = damaged;
      expect(new Set(order)).toEqual(new Set(Array(order.length).keys()));
      expect(new Set(owner.slice(0, order.length)).size).toBe(order.length);
      expect(book.state()).toEqual(damaged);
      expect([...book.order()]).toEqual([...order].map((slot) => owner[slot]));
    }
    expect(refused).toBeGreaterThan(200);
  });
});
