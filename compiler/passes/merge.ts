/**
 * @file Common subexpressions: ops of one kind, on the same values, with the same attributes, become one. Library functions
 * are inlined at every call, so the same product or slice occurs more than once.
 *
 *     %0 = index_select(%pool, %i)            %0 = index_select(%pool, %i)
 *     %1 = index_select(%pool, %i)            %2 = add(%0, %0)
 *     %2 = add(%0, %1)
 *
 * Not across a write to the storage that is read, and not between code that is recorded for the gradient and code that is not.
 */
import type { Value } from "../ir/module.js";
import { printType } from "../ir/print-type.js";
import { specOf } from "../registry/index.js";
import { membersOf } from "../registry/storages.js";
import { Aliases } from "./aliases.js";
import { overFunctions } from "./pass.js";
import { rewrite } from "./replay.js";

/** Results by key, of this region and those around it. */
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
  const aliases = new Aliases(membersOf(module.groups));

  return rewrite(
    fn,
    (op, replay) => {
      const operands = replay.operands(op);
      const { shape, effect, control, differentiates } = specOf(op);
      if (differentiates) table = new Table(table, true);
      // A constant, a storage or a group is the same wherever it stands.
      const isName = shape === "declared" && !control;
      const copy = () => aliases.through(op, operands, () => replay.copy(op, operands));
      if (!isName && (control || effect !== "pure")) return copy();
      const key = [
        op.op,
        ...operands.map((v) => (v ? v.id + aliases.version(v) : "-")),
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
        aliases.mayBeAny(args);
        tables.push(table);
        // Another recording, or memory to be freed: such regions share no values with what is around them.
        table = new Table(table, specOf(op).control?.gradient !== undefined);
      },
      leave: () => {
        table = tables.pop()!;
      },
    },
  );
});
