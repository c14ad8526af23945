/**
 * @file Follows the gradient of the loss back through every op that has a derivative, to the parameters. It ends at
 * `detach`, in `no_grad`, at whole numbers and masks, and where a storage is read: what was written to it has lost its
 * history.
 */
import { DTYPES, type Op, type Type, type Value, walkOps } from "../../ir/module.js";
import { cuts, isConstantOperand } from "../../registry/history.js";
import { specOf } from "../../registry/index.js";
import { carriedArgs, controlOf, sourcesOf } from "../../registry/regions.js";
import { isFloat } from "../../registry/shapes.js";
import { aliased, isWrite, type Members, namesStorage, storagesOf } from "../../registry/storages.js";
import { follows, type Place, placesOf } from "./early-writes.js";

const FLOATS: ReadonlySet<string> = new Set(DTYPES.filter(isFloat));
const mayHaveGradient = (type: Type) =>
  type.kind === "group" || (type.kind === "tensor" && FLOATS.has(type.dtype));

/** A value, and an op that uses it: an edge that the gradient goes back along. */
interface Use {
  readonly value: Value;
  readonly op: Op;
}

/** A write whose value depends on a parameter, and a use of the storage, later, that the loss depends on. */
export interface LostGradient {
  readonly storage: string;
  readonly write: Op;
  readonly read: Op;
}

/**
 * The flow of the gradient through `ops`, which complete the loss. `groups`: their members; `twins`: the storages of twins, which
 * are declared to have no gradient.
 */
export class GradientFlow {
  private readonly makers = new Map<number, { readonly op: Op; readonly i: number }>();
  private readonly places: ReadonlyMap<Op, Place>;
  private readonly storages = new Map<number, ReadonlySet<string>>();
  /** By storage: the writes that lose a gradient, and those that overwrite all of it. */
  private readonly writes = new Map<string, Op[]>();
  private readonly wholeWrites = new Map<string, Op[]>();

  constructor(
    ops: readonly Op[],
    private readonly groups: Members,
    private readonly parameters: ReadonlySet<string>,
    twins: ReadonlySet<string> = new Set(),
  ) {
    this.places = placesOf(ops);
    for (const op of walkOps({ args: [], ops })) {
      for (const [i, result] of op.results.entries()) this.makers.set(result.id, { op, i });
      for (const region of op.regions)
        for (const [i, arg] of carriedArgs(op, region).entries()) this.makers.set(arg.id, { op, i });
    }
    for (const [op, { around }] of this.places) {
      if (!isWrite(op)) continue;
      const target = op.operands[0]!;
      // In `no_grad` the user has said that no gradient is wanted.
      const tables = around.some((outer) => controlOf(outer.op)?.gradient === "unrecorded")
        ? []
        : [this.writes];
      if (specOf(op).overwrites && this.isRead(target)) tables.push(this.wholeWrites);
      for (const table of tables)
        for (const name of [...this.storagesOf(target)].filter((each) => !twins.has(each))) {
          const known = table.get(name);
          if (known) known.push(op);
          else table.set(name, [op]);
        }
    }
  }

  /** The ops by which the gradient of a value comes to a parameter. */
  reads(value: Value): readonly Op[] {
    const isParameter = (from: Value) => [...this.storagesOf(from)].some((name) => this.parameters.has(name));
    return this.from([value]).uses.flatMap((use) =>
      this.isRead(use.value) && isParameter(use.value) ? [use.op] : [],
    );
  }

  /** Whether any parameter has a gradient of these values. */
  reaches(values: readonly Value[]): boolean {
    const isTrained = (value: Value) =>
      this.isRead(value) && [...this.storagesOf(value)].some((name) => this.parameters.has(name));
    return this.from(values).values.some(isTrained);
  }

  /** The ops that cut these values off from a parameter, nearest first: without them the gradient would reach one. */
  cuts(values: readonly Value[]): readonly Op[] {
    const found = new Set<Op>();
    const seen = new Set<number>();
    let open = [...values];
    while (open.length > 0) {
      const next: Value[] = [];
      for (const value of open) {
        const maker = this.makers.get(value.id);
        if (!maker || seen.has(value.id)) continue;
        seen.add(value.id);
        const on = this.operandsOf(maker.op, maker.i);
        if (!this.passes(value) && this.reaches(on)) found.add(maker.op);
        else next.push(...on);
      }
      open = next;
    }
    return [...found];
  }

  /** Each write whose gradient is lost because the loss reads the storage again, with the first op that does. */
  lost(loss: Value): readonly LostGradient[] {
    const readers = new Map<string, Op[]>();
    for (const { value, op } of this.from([loss]).uses)
      for (const name of this.storagesOf(value)) readers.set(name, [...(readers.get(name) ?? []), op]);
    return [...new Set([...this.writes.values()].flat())].flatMap((write) => {
      const target = this.storagesOf(write.operands[0]!);
      const found = [...target].flatMap((storage) => {
        const late = (readers.get(storage) ?? []).filter((op) => this.sees(op, write, storage));
        return late.map((read) => ({ storage, write, read }));
      });
      if (found.length === 0 || ![...this.dependsOn(write)].some((name) => !target.has(name))) return [];
      return found.sort((a, b) => this.number(a.read) - this.number(b.read)).slice(0, 1);
    });
  }

  private number(op: Op): number {
    return this.places.get(op)!.number;
  }

  /** What goes into result `i` of an op, whether or not it has a derivative. */
  private operandsOf(op: Op, i: number): readonly Value[] {
    const all = op.regions.length > 0 ? sourcesOf(op, i) : op.operands;
    return all.filter((v) => v !== undefined);
  }

  /** Every value that these have a derivative by, including themselves, and the ops that use each of them on the way. */
  private from(values: readonly Value[]): {
    readonly values: readonly Value[];
    readonly uses: readonly Use[];
  } {
    const uses: Use[] = [];
    const visited: Value[] = [];
    const seen = new Set<number>();
    const open = values.filter((v) => this.passes(v));
    for (let value = open.pop(); value; value = open.pop()) {
      const maker = this.makers.get(value.id);
      if (!maker || seen.has(value.id)) continue;
      seen.add(value.id);
      visited.push(value);
      const { op, i } = maker;
      for (const [at, operand] of op.operands.entries())
        if (op.regions.length === 0 && operand && !isConstantOperand(op, at) && this.passes(operand)) {
          uses.push({ value: operand, op });
          open.push(operand);
        }
      if (op.regions.length === 0) continue;
      for (const source of this.operandsOf(op, i))
        if (this.passes(source)) {
          const end = op.regions.map((region) => region.ops.at(-1)!).find((e) => e.operands.includes(source));
          uses.push({ value: source, op: end ?? op });
          open.push(source);
        }
    }
    return { values: visited, uses };
  }

  /** Whether the gradient continues into the op that made a value. */
  private passes(value: Value): boolean {
    const maker = this.makers.get(value.id);
    return mayHaveGradient(value.type) && !(maker && cuts(maker.op));
  }

  private isRead(value: Value): boolean {
    return namesStorage(this.makers.get(value.id)?.op);
  }

  /** The storages that a value is, or is a view of. */
  private storagesOf(value: Value): ReadonlySet<string> {
    const known = this.storages.get(value.id);
    if (known) return known;
    const found = new Set<string>();
    this.storages.set(value.id, found); // before the recursion, which a loop leads back here
    const maker = this.makers.get(value.id);
    if (!maker) return found;
    const { op, i } = maker;
    for (const each of storagesOf(op, this.groups)) found.add(each);
    const same = op.regions.length > 0 ? this.operandsOf(op, i) : aliased(op);
    for (const source of same) if (source) for (const each of this.storagesOf(source)) found.add(each);
    return found;
  }

  /** The parameters that a written value depends on, also through storages that were written before. */
  private dependsOn(write: Op): ReadonlySet<string> {
    const found = new Set<string>();
    const seen = new Set<Op>([write]);
    const open = [write];
    for (let op = open.pop(); op; op = open.pop()) {
      const values = op.operands.slice(1).filter((v) => v !== undefined);
      const direct = values.map((value) => ({ value, op: op! }));
      for (const use of [...direct, ...this.from(values).uses])
        for (const name of this.passes(use.value) ? this.storagesOf(use.value) : []) {
          if (this.parameters.has(name)) found.add(name);
          for (const earlier of this.writes.get(name) ?? [])
            if (!seen.has(earlier) && this.sees(use.op, earlier, name)) {
              seen.add(earlier);
              open.push(earlier);
            }
        }
    }
    return found;
  }

  /**
   * Whether a use of a storage can read what a write left there: it runs later, and nothing overwrites all of it in between.
   */
  private sees(use: Op, write: Op, storage: string): boolean {
    if (!this.writes.get(storage)?.includes(write)) return false;
    const [from, to] = [this.places.get(write)!, this.places.get(use)!];
    if (!follows(to, from)) return false;
    return !(this.wholeWrites.get(storage) ?? []).some((op) => {
      const { number, around } = this.places.get(op)!;
      const always = around.every((outer, i) => to.around[i]?.region === outer.region);
      return from.number < number && number < to.number && always;
    });
  }
}
