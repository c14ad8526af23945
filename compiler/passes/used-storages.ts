/** @file Finds the storages on which a program's loss and embeddings depend, in this step or a later one. */
import {
  type IrFunction,
  type IrModule,
  type Op,
  type Region,
  type Storage,
  type Value,
  walkOps,
} from "../ir/module.js";
import { type Members, membersOf, storagesOf, written } from "../registry/storages.js";

const LOSS = "loss";

/**
 * Names of the storages that the loss of `step` or the result of another function depends on, now or in a later step:
 * parameters, what their updates use, running statistics, a pool. What is only written and logged is not among them.
 */
export function usedStorages(module: IrModule): readonly string[] {
  const members = membersOf(module.groups);
  const used = new Set(module.storages.filter((s) => s.role === "parameter").map((s) => s.name));
  const slices = module.functions.map((fn) => new Slice(fn, members));
  for (const slice of slices) slice.needResults();
  // A storage matters as soon as one that matters is written from it.
  for (let size = -1; size !== used.size; ) {
    size = used.size;
    for (const slice of slices) {
      slice.needWritesTo(used);
      for (const name of slice.read) used.add(name);
    }
  }
  return module.storages.filter((s) => used.has(s.name)).map((s) => s.name);
}

/** The storages of `names` that must hold finite numbers: floats, but for those that are declared to start as NaN or infinity. */
export function finiteStorages(module: IrModule, names: readonly string[]): readonly string[] {
  const storages = new Map(module.storages.map((s) => [s.name, s]));
  const startsFinite = ({ init }: Storage): boolean =>
    init.kind === "copy"
      ? startsFinite(storages.get(init.of)!)
      : init.kind !== "constant" || Number.isFinite(init.value);
  return names.filter((name) => {
    const storage = storages.get(name)!;
    return storage.role !== "scratch" && /^b?f\d+$/.test(storage.type.dtype) && startsFinite(storage);
  });
}

/** The ops and storages that some values of a function depend on. */
class Slice {
  /** Storages that the needed values read. */
  readonly read = new Set<string>();
  private readonly makers = new Map<number, Op>();
  private readonly ops: readonly Op[];
  private readonly seen = new Set<Op>();

  constructor(
    private readonly fn: IrFunction,
    private readonly members: Members,
  ) {
    this.ops = [...walkOps(fn.body)];
    for (const op of this.ops) {
      for (const result of op.results) this.makers.set(result.id, op);
      for (const region of op.regions) for (const arg of region.args) this.makers.set(arg.id, op);
    }
  }

  /** The function's results; of a step, its loss: other metrics are only looked at. */
  needResults(): void {
    const last = this.fn.body.ops.at(-1)!;
    const loss = this.fn.results.findIndex((result) => result.name === LOSS);
    for (const value of loss >= 0 && this.fn.name === "step" ? [last.operands[loss]] : last.operands)
      this.need(value);
  }

  /** Adds the values that are written into any of these storages. */
  needWritesTo(storages: ReadonlySet<string>): void {
    for (const op of this.ops) {
      const names = written(op).flatMap(({ id }) => storagesOf(this.makers.get(id), this.members));
      if (names.some((name) => storages.has(name))) this.needOp(op);
    }
  }

  private need(value: Value | undefined): void {
    const maker = value && this.makers.get(value.id);
    if (maker) this.needOp(maker);
  }

  private needOp(op: Op): void {
    const pending = [op];
    for (let next = pending.pop(); next; next = pending.pop()) {
      if (this.seen.has(next)) continue;
      this.seen.add(next);
      for (const name of storagesOf(next, this.members)) this.read.add(name);
      for (const value of [...next.operands, ...next.regions.flatMap(operandsIn)]) {
        const maker = value && this.makers.get(value.id);
        if (maker) pending.push(maker);
      }
    }
  }
}

const operandsIn = (region: Region): readonly (Value | undefined)[] =>
  [...walkOps(region)].flatMap((op) => op.operands);
