/**
 * @file Common subexpressions: an op on the same values, with the same attributes, is made once. What reads storage is
 * merged only where nothing wrote to it in between; what is recorded for the gradient is not merged with what is not.
 */
import type { Value } from "../ir/module.js";
import { printType } from "../ir/print-type.js";
import { OPS } from "../registry/index.js";
import { overFunctions } from "./pass.js";
import { rewrite } from "./replay.js";
import { Storage } from "./storage.js";

/** Ops that name the same thing wherever they stand. */
const NAMES = new Set(["constant", "state", "group"]);
/** Regions that must not share values with what is around them: another recording, or memory to be freed. */
const APART = new Set(["no_grad", "remat"]);

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
      const copy = () => storage.through(op, operands, () => replay.copy(op, operands));
      if (!isName && (op.regions.length || OPS.get(op.op)!.effect !== "pure")) return copy();
      const key = [
        op.op,
        ...operands.map((v) => (v ? v.id + storage.version(v) : "-")),
        JSON.stringify(Object.entries(op.attributes).sort(([a], [b]) => (a < b ? -1 : 1))),
        isName ? printType(op.results[0]!.type) : "",
      ].join(" ");
      const known = table.get(key, isName);
      if (known) {
        count("merged");
        if (!isName) replay.builder.fuse(known, op.location);
        return known;
      }
      const results = copy();
      table.set(key, results);
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
