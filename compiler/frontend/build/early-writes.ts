/** @file Finds writes to storages whose old value the gradient of the loss still needs, in any region. */
import { type Op, type Region, type Value, walkOps } from "../../ir/module.js";
import { carriedArgs, controlOf, isLoop, sourcesOf } from "../../registry/regions.js";
import { isWrite, type Members, namesStorage, storagesOf, written } from "../../registry/storages.js";

/**
 * A write that comes too early, and an op that needs the old value for the gradient: one before it, or in the same loop.
 */
export interface EarlyWrite {
  readonly storage: string;
  readonly write: Op;
  readonly read: Op;
}

/** Where an op stands: its number in program order, and the regions around it. */
export interface Place {
  readonly number: number;
  readonly around: readonly { readonly op: Op; readonly region: Region }[];
}

/** The early writes among the ops up to the one that completes the loss, each once. `groups`: their members. */
export function earlyWrites(ops: readonly Op[], loss: Value, groups: Members): readonly EarlyWrite[] {
  const places = placesOf(ops);
  const storages = new Map<number, readonly string[]>();
  for (const op of places.keys())
    if (namesStorage(op)) storages.set(op.results[0]!.id, storagesOf(op, groups));
  const inOrder = (a: Op, b: Op) => places.get(a)!.number - places.get(b)!.number;
  const readers = new Map<string, Op[]>();
  for (const { value, op } of usesOf(ops, loss))
    for (const storage of storages.get(value.id) ?? []) {
      const known = readers.get(storage);
      if (known) known.push(op);
      else readers.set(storage, [op]);
    }
  return [...places.keys()].flatMap((write) => {
    const targets = isWrite(write) ? written(write).flatMap(({ id }) => storages.get(id) ?? []) : [];
    const early = targets.flatMap((storage) => {
      const reads = (readers.get(storage) ?? []).filter((op) => follows(places.get(write)!, places.get(op)!));
      return reads.length ? [{ storage, write, read: reads.sort(inOrder)[0]! }] : [];
    });
    return early.sort((a, b) => inOrder(a.read, b.read)).slice(0, 1);
  });
}

export function placesOf(ops: readonly Op[]): ReadonlyMap<Op, Place> {
  const places = new Map<Op, Place>();
  const visit = (inner: readonly Op[], around: Place["around"]): void => {
    for (const op of inner) {
      places.set(op, { number: places.size, around });
      for (const region of op.regions) visit(region.ops, [...around, { op, region }]);
    }
  };
  visit(ops, []);
  return places;
}

/** Whether the op at `late` can run after the op at `early`. */
export function follows(late: Place, early: Place): boolean {
  const shared = late.around.filter(({ op }, i) => early.around[i]?.op === op);
  if (shared.some(({ op }) => isLoop(op))) return true;
  const isOtherArm = shared.some(({ region }, i) => early.around[i]!.region !== region);
  return late.number > early.number && !isOtherArm;
}

interface Use {
  readonly value: Value;
  readonly op: Op;
}

/**
 * The values that the gradient needs, and the ops that use them: those that it goes through, and those that `remat` runs
 * again.
 */
function usesOf(ops: readonly Op[], loss: Value): readonly Use[] {
  const makers = new Map<number, { op: Op; i: number }>();
  for (const op of walkOps({ args: [], ops })) {
    for (const [i, result] of op.results.entries()) makers.set(result.id, { op, i });
    for (const region of op.regions)
      for (const [i, arg] of carriedArgs(op, region).entries()) makers.set(arg.id, { op, i });
  }
  const uses: Use[] = [];
  const seen = new Set<number>([loss.id]);
  const open = [loss];
  const use = (op: Op, values: Op["operands"]) => {
    for (const value of values) {
      if (!value) continue;
      uses.push({ value, op });
      if (!seen.has(value.id)) open.push(value);
      seen.add(value.id);
    }
  };
  for (let value = open.pop(); value; value = open.pop()) {
    const maker = makers.get(value.id);
    const gradient = maker && controlOf(maker.op)?.gradient;
    if (!maker || gradient === "unrecorded") continue;
    const { op, i } = maker;
    if (gradient === "again") for (const again of walkOps(op.regions[0]!)) use(again, again.operands);
    if (op.regions.length === 0) use(op, op.operands);
    for (const source of op.regions.length ? sourcesOf(op, i) : []) {
      const ends = op.regions.map((region) => region.ops.at(-1)!);
      use(ends.find((end) => end.operands.includes(source)) ?? op, [source]);
    }
  }
  return uses;
}
