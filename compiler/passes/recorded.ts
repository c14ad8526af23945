/** @file Which values the gradient goes back through. */
import { type IrModule, isTrained, type Op, usedBy, type Value } from "../ir/module.js";
import { cuts } from "../registry/history.js";
import { isFloat } from "../registry/shapes.js";
import { type Members, membersOf, storagesOf } from "../registry/storages.js";

export const isReal = (value: Value): boolean => value.type.kind === "tensor" && isFloat(value.type.dtype);

/** Which values, lists among them, are parameters or leaves, and which have a history that leads to one. */
export class Recorded {
  private readonly known = new Map<number, "parameter" | "leaf" | "history">();
  private readonly parameters: ReadonlySet<string>;
  private readonly members: Members;
  private readonly makers = new Map<number, Op>();

  constructor(module: IrModule) {
    this.parameters = new Set(module.storages.filter(isTrained).map((s) => s.name));
    this.members = membersOf(module.groups);
  }

  of = (value: Value) => this.known.get(value.id);
  set = (value: Value, as: "leaf" | "history") => this.known.set(value.id, as);

  /** Follows ops of the top level as they stand. */
  followAll(ops: readonly Op[]): void {
    for (const op of ops) {
      this.follow(op, usedBy(op), op.results);
      for (const { id } of op.results) this.makers.set(id, op);
    }
  }

  /** Of the ops of `followAll`, those through which a derivative of these values goes back. */
  back(values: readonly Value[]): ReadonlySet<Op> {
    const found = new Set<Op>();
    const open = [...values];
    for (let value = open.pop(); value; value = open.pop()) {
      const maker = this.of(value) === "history" ? this.makers.get(value.id) : undefined;
      if (!maker || found.has(maker)) continue;
      found.add(maker);
      open.push(...usedBy(maker));
    }
    return found;
  }

  follow(op: Op, operands: readonly (Value | undefined)[], results: readonly Value[]): void {
    if (cuts(op)) return;
    const isParameter = storagesOf(op, this.members).some((name) => this.parameters.has(name));
    const depends = op.regions.length > 0 || operands.some((v) => v && this.known.has(v.id));
    for (const result of results.filter((v) => isReal(v) || v.type.kind === "group")) {
      if (isParameter) this.known.set(result.id, "parameter");
      else if (depends) this.known.set(result.id, "history");
    }
  }
}
