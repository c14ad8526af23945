/**
 * @file Common subexpressions: an op on the same values, with the same attributes, is made once. What reads storage is
 * merged only where nothing wrote to it in between; what is recorded for the gradient is not merged with what is not.
 */
import { type IrModule, type Op, type Value, walkOps } from "../ir/module.js";
import { printType } from "../ir/print-type.js";
import { OPS } from "../registry/index.js";
import { overFunctions } from "./pass.js";
import { rewrite } from "./replay.js";

/** Ops that name the same thing wherever they stand. */
const NAMES = new Set(["constant", "state", "group"]);
/** Regions that must not share values with what is around them: another recording, or memory to be freed. */
const APART = new Set(["no_grad", "remat"]);

const changes = (op: Op): boolean => {
  const { effect } = OPS.get(op.op)!;
  return effect === "write" || (effect === "update" && op.attributes.training !== false);
};

/** What is known at a place: results by key, in this region and those around it. */
class Table {
  private readonly found = new Map<string, readonly Value[]>();

  constructor(
    private readonly outer?: Table,
    private readonly apart = false,
  ) {}

  /** `isName`: names are seen through every border. */
  get(key: string, isName: boolean): readonly Value[] | undefined {
    return this.found.get(key) ?? (this.apart && !isName ? undefined : this.outer?.get(key, isName));
  }

  set(key: string, values: readonly Value[]): void {
    this.found.set(key, values);
  }
}

export const merge = overFunctions("merge", "Equal ops on equal values are one.", (fn, module, count) => {
  let table = new Table();
  const tables: Table[] = [];
  const storage = new Storage(module);

  return rewrite(
    fn,
    (op, replay) => {
      const operands = replay.operands(op);
      if (op.op === "gradients" || op.op === "vjp") table = new Table(table, true);
      const isName = NAMES.has(op.op);
      if (!isName && (op.regions.length || OPS.get(op.op)!.effect !== "pure")) {
        // A loop's second turn sees what its first wrote.
        const inside = op.regions.some((region) => [...walkOps(region)].some(changes));
        if (inside) storage.changeAll();
        const results = replay.copy(op, operands);
        if (inside) storage.changeAll();
        if (changes(op)) storage.change(op, operands);
        if (op.regions.length) storage.mayBeAny(results);
        return results;
      }
      const key = [
        op.op,
        ...operands.map((v) => (v ? v.id + storage.version(v) : "-")),
        JSON.stringify(Object.entries(op.attributes).sort(([a], [b]) => (a < b ? -1 : 1))),
        isName ? printType(op.results[0]!.type) : "",
      ].join(" ");
      const known = table.get(key, isName);
      if (known) {
        count("merged");
        return known;
      }
      const results = replay.copy(op, operands);
      table.set(key, results);
      storage.follow(op, operands, results);
      return results;
    },
    {
      enter: (op, args) => {
        storage.mayBeAny(args);
        tables.push(table);
        table = new Table(table, APART.has(op.op));
      },
      leave: () => {
        table = tables.pop()!;
      },
    },
  );
});

/** Which storage a value may share memory with, and how often each was written. */
class Storage {
  /** `undefined` as a root: any storage at all. */
  private readonly roots = new Map<number, readonly (string | undefined)[]>();
  private readonly writes = new Map<string, number>();
  private total = 0;
  private epoch = 0;
  private readonly groups: ReadonlyMap<string, readonly string[]>;

  constructor(module: IrModule) {
    this.groups = new Map(module.groups.map((g) => [g.name, g.members]));
  }

  /** Notes what the results of a pure op, or of one that names storage, share memory with. */
  follow(op: Op, operands: readonly (Value | undefined)[], results: readonly Value[]): void {
    const name = op.attributes.name as string;
    const through = OPS.get(op.op)!.alias && operands[0] ? this.roots.get(operands[0].id) : undefined;
    const roots = op.op === "state" ? [name] : op.op === "group" ? this.groups.get(name) : through;
    if (roots) for (const result of results) this.roots.set(result.id, roots);
  }

  /** Values whose way is not followed: out of regions, around loops. */
  mayBeAny(values: readonly Value[]): void {
    for (const value of values) if (value.type.kind !== "scalar") this.roots.set(value.id, [undefined]);
  }

  /** A suffix for keys: empty for values that no write can change. */
  version(value: Value): string {
    const roots = this.roots.get(value.id);
    if (!roots) return "";
    const writes = roots.map((root) => (root === undefined ? this.total : (this.writes.get(root) ?? 0)));
    return `@${this.epoch}.${writes.reduce((a, b) => a + b, 0)}`;
  }

  /** An op that writes: to its first operand, or on the side to statistics among its operands. */
  change(op: Op, operands: readonly (Value | undefined)[]): void {
    const targets = OPS.get(op.op)!.effect === "write" ? operands.slice(0, 1) : operands;
    this.total++;
    for (const root of new Set(targets.flatMap((target) => (target && this.roots.get(target.id)) ?? []))) {
      if (root === undefined) this.changeAll();
      else this.writes.set(root, (this.writes.get(root) ?? 0) + 1);
    }
  }

  /** Something wrote, and what is not known. */
  changeAll(): void {
    this.epoch++;
  }
}
