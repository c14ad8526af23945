/** @file Finds the heads that a method writes by hand, for the pass that makes the head's op of them: `handwritten-heads` shows their forms. */
import { type Dim, sameDim } from "../ir/dim.js";
import type { IrFunction, IrModule, Op, Region, TensorType, Value } from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";
import { specOf } from "../registry/index.js";
import { membersOf } from "../registry/storages.js";
import { Aliases } from "./aliases.js";

/** How an attribute says it. */
export const MINUS_INFINITY = "-inf";

/** Features [N, D] times class centres [C, D]. */
export interface Product {
  readonly op: Op;
  readonly features: Value;
  /** The centres, or, turned, as columns [D, C]. */
  readonly rows: Value;
  readonly turned: boolean;
}

/** One number a row of a product: that of the centre that `index` names. */
export interface Pick {
  readonly product: Product;
  readonly index: Value;
}

/** Classes that are left out. */
export interface LeftOut {
  /** Those from this one on. */
  readonly limit?: Value;
  /** Those where one of these holds: [C] or [1, C]. */
  readonly where: readonly Value[];
  /** Those whose id is the row's label. */
  readonly same?: { readonly ids: Value; readonly labels: Value };
}
const NOBODY: LeftOut = { where: [] };

export interface Head {
  readonly product: Product;
  readonly target: Value;
  /** The changed cosine to the own class [N, 1]; absent: it is not changed. */
  readonly own: Value | undefined;
  /** The own class stands beside the product, not in it. */
  readonly apart: boolean;
  /** `known`: its number, if that is known now. */
  readonly scale:
    | { readonly by: Value; readonly divides: boolean; readonly known: number | undefined }
    | undefined;
  readonly leftOut: LeftOut;
  /** What asks for the largest cosine to another class. */
  readonly nearest: readonly Op[];
}

export const dimsOf = (value: Value | undefined): TensorType["dims"] =>
  value?.type.kind === "tensor" ? value.type.dims : [];
const dtypeOf = (value: Value | undefined) => (value?.type.kind === "tensor" ? value.type.dtype : undefined);
/** Whether a value is [N, C], [N, 1], … */
const isSized = (value: Value | undefined, ...dims: TensorType["dims"]): boolean => {
  const own = dimsOf(value);
  return own.length === dims.length && own.every((dim, i) => sameDim(dim, dims[i]!));
};
const isSecond = (dim: unknown): boolean => dim === 1 || dim === -1;

/** Finds the heads of a function. */
export class HeadSearch {
  readonly heads = new Map<Op, Head>();
  readonly nearest = new Map<Op, Head>();
  readonly picks = new Map<Op, Pick>();

  private readonly made = new Map<number, Op>();
  private readonly uses = new Map<number, Op[]>();
  private readonly home = new Map<Op, Region>();
  private readonly aliases: Aliases;
  /** What was passed and picks from a product that could be computed there as well. */
  private readonly passed = new Map<Op, Pick>();

  constructor(fn: IrFunction, module: IrModule) {
    this.aliases = new Aliases(membersOf(module.groups));
    this.survey(fn.body);
    this.aliases.throughAll(fn.body.ops, (op) => this.pass(op));
    // What picks from a product after the loss was passed after it.
    for (const [loss, head] of this.heads) {
      const readers = this.users(head.product.op).filter(({ op }) => op === "gather");
      if (!readers.every((op) => this.passed.has(op))) {
        this.heads.delete(loss);
        continue;
      }
      for (const op of readers) this.picks.set(op, this.passed.get(op)!);
      for (const op of head.nearest) this.nearest.set(op, head);
    }
  }

  private survey(region: Region): void {
    for (const op of region.ops) {
      this.home.set(op, region);
      for (const result of op.results) this.made.set(result.id, op);
      for (const operand of op.operands) {
        if (!operand) continue;
        const users = this.uses.get(operand.id);
        if (users) users.push(op);
        else this.uses.set(operand.id, [op]);
      }
      for (const inner of op.regions) this.survey(inner);
    }
  }

  private pass(op: Op): void {
    this.aliases.note(op);
    const pick = op.op === "gather" ? this.pick(op) : undefined;
    if (pick) this.passed.set(op, pick);
    const head = op.op === "cross_entropy" ? this.head(op) : undefined;
    if (head) this.heads.set(op, head);
  }

  private users(op: Op): readonly Op[] {
    return this.uses.get(op.results[0]!.id) ?? [];
  }

  /** The op that made a value, if it would make the same here: what it read was not written since. */
  private op(value: Value | undefined, ...names: readonly OpName[]): Op | undefined {
    const op = value && this.made.get(value.id);
    return op && names.includes(op.op) && this.aliases.isUnchanged(op) ? op : undefined;
  }

  private constant(value: Value | undefined): unknown {
    return this.op(value, "constant")?.attributes.value;
  }

  private head(loss: Op): Head | undefined {
    const [scores, target] = loss.operands as readonly [Value, Value];
    // From the loss back to the product; all in one region, since the gradient may be another elsewhere.
    const path = [loss];
    let at = scores;
    const made = (...names: readonly OpName[]): Op | undefined => {
      const op = this.op(at, ...names);
      return op && this.home.get(op) === this.home.get(loss) ? op : undefined;
    };
    const back = (op: Op, value: Value) => {
      path.push(op);
      at = value;
    };

    let scale: Head["scale"];
    const scaled = made("mul", "div");
    if (scaled?.operands[1]?.type.kind === "scalar") {
      const [, by] = scaled.operands as readonly [Value, Value];
      const known = this.constant(by);
      scale = { by, divides: scaled.op === "div", known: typeof known === "number" ? known : undefined };
      back(scaled, scaled.operands[0]!);
    }
    const placed = made("scatter", "cat");
    const apart = placed?.op === "cat";
    const own = placed && this.own(placed, target);
    if (own) back(placed, own.others);
    const others = at;
    let leftOut = NOBODY;
    for (let op = made("masked_fill", "where"); op; op = made("masked_fill", "where")) {
      const filled = this.filled(op);
      const more = own && filled && this.leftOut(filled.mask, others, apart, leftOut);
      if (!more) return undefined;
      leftOut = more;
      back(op, filled.kept);
    }
    // Minus infinity times another scale is not minus infinity.
    if (leftOut !== NOBODY && scale && !(scale.known! > 0)) return undefined;
    const product = this.product(made("matmul", "linear"));
    if (!product) return undefined;
    path.push(product.op);

    const nearest: Op[] = [];
    for (const [i, op] of path.slice(1).entries())
      for (const user of this.users(op)) {
        if (user === path[i] || (op === product.op && user.op === "gather")) continue;
        const asking = own && op.results[0] === others ? this.largest(user, target, apart) : undefined;
        if (!asking) return undefined;
        nearest.push(...asking);
      }
    return { product, target, own: own?.column, apart, scale, leftOut, nearest };
  }

  private product(op: Op | undefined): Product | undefined {
    const [features, other, bias] = op?.operands ?? [];
    const dtype = dtypeOf(features);
    if (!op || bias || dimsOf(features).length !== 2 || dimsOf(other).length !== 2) return undefined;
    if ((dtype !== "f32" && dtype !== "f64") || typeof dimsOf(op.results[0])[1] !== "number")
      return undefined;
    if (op.op === "linear") return { op, features: features!, rows: other!, turned: false };
    const transposed = this.op(other, "transpose");
    return transposed && isSecond(transposed.attributes.a) !== isSecond(transposed.attributes.b)
      ? { op, features: features!, rows: transposed.operands[0]!, turned: false }
      : { op, features: features!, rows: other!, turned: true };
  }

  private pick(op: Op): Pick | undefined {
    const [matrix, column] = op.operands;
    const product = this.product(this.op(matrix, "matmul", "linear"));
    const index = this.index(column);
    return product && index && isSecond(op.attributes.dim) && isSized(index, dimsOf(product.features)[0]!)
      ? { product, index }
      : undefined;
  }

  /** [N], of [N, 1]. */
  private index(column: Value | undefined): Value | undefined {
    const index = this.op(column, "unsqueeze", "reshape")?.operands[0];
    return dimsOf(index).length === 1 && isSized(column, dimsOf(index)[0]!, 1) ? index : undefined;
  }

  /** How the own class gets among the others: into the column that the target names, or before them. */
  private own(placed: Op, target: Value): { column: Value; others: Value } | undefined {
    const [first, second, third] = placed.operands as readonly Value[];
    const rows = dimsOf(target)[0]!;
    if (!isSecond(placed.attributes.dim)) return undefined;
    if (placed.op === "cat") {
      const isFirst = this.op(target, "full", "full_like", "full_sized")?.attributes.value === 0;
      return isFirst && placed.operands.length === 2 && isSized(first, rows, 1)
        ? { column: first!, others: second! }
        : undefined;
    }
    const index = this.index(second);
    return index && isSized(third, rows, 1) && this.names(index, target, dimsOf(first)[1] as number)
      ? { column: third!, others: first! }
      : undefined;
  }

  /** Whether an index is the target in all rows that have a class. */
  private names(index: Value, target: Value, classes: number): boolean {
    if (this.equal(index, target)) return true;
    const limited = this.op(index, "clamp");
    const { min = 0, max = classes - 1 } = limited?.attributes ?? {};
    return (
      limited !== undefined &&
      (min as number) <= 0 &&
      (max as number) >= classes - 1 &&
      this.equal(limited.operands[0]!, target)
    );
  }

  /** Whether two values are one, or are made of equal ones in the same way. */
  private equal(a: Value, b: Value): boolean {
    if (a.id === b.id) return true;
    const x = this.made.get(a.id);
    if (!x || !this.op(a, x.op)) return false;
    const y = this.op(b, x.op);
    return (
      y !== undefined &&
      specOf(x).effect === "pure" &&
      x.regions.length === 0 &&
      JSON.stringify([x.attributes, a.type]) === JSON.stringify([y.attributes, b.type]) &&
      x.operands.length === y.operands.length &&
      x.operands.every((operand, i) => {
        const other = y.operands[i];
        return operand && other ? this.equal(operand, other) : operand === other;
      })
    );
  }

  /** A matrix that is minus infinity where a mask holds. */
  private filled(op: Op): { mask: Value; kept: Value } | undefined {
    const [first, second, third] = op.operands as readonly [Value, Value, Value];
    if (op.op === "masked_fill")
      return op.attributes.value === MINUS_INFINITY ? { mask: second, kept: first } : undefined;
    return this.constant(second) === MINUS_INFINITY && isSized(third, ...dimsOf(op.results[0]))
      ? { mask: first, kept: third }
      : undefined;
  }

  /** Whom a mask leaves out, beside those that are left out already. */
  private leftOut(mask: Value, others: Value, apart: boolean, before: LeftOut): LeftOut | undefined {
    const classes = dimsOf(others)[1]!;
    const both = this.op(mask, "logical_or")?.operands as readonly [Value, Value] | undefined;
    if (both) {
      const first = this.leftOut(both[0], others, apart, before);
      return first && this.leftOut(both[1], others, apart, first);
    }
    if (isSized(mask, 1, classes)) {
      const flat = this.op(mask, "unsqueeze")?.operands[0];
      if (isSized(flat, classes)) return this.leftOut(flat!, others, apart, before);
      return { ...before, where: [...before.where, mask] };
    }
    if (isSized(mask, classes)) {
      const [places, limit] = this.op(mask, "ge")?.operands ?? [];
      return !before.limit && limit?.type.kind === "scalar" && this.op(places, "arange")
        ? { ...before, limit }
        : { ...before, where: [...before.where, mask] };
    }
    if (!apart || before.same) return undefined;
    const [a, b] = this.op(mask, "eq")?.operands ?? [];
    const same = this.same(a, b, classes) ?? this.same(b, a, classes);
    return same && { ...before, same };
  }

  /** `ids == labels.unsqueeze(1)`. */
  private same(across: Value | undefined, down: Value | undefined, classes: Dim): LeftOut["same"] {
    const ids = isSized(across, classes) ? across : this.op(across, "unsqueeze")?.operands[0];
    const labels = this.index(down);
    const isIdentity = [ids, labels].every((value) => dtypeOf(value) === "i64");
    return isIdentity && isSized(ids, classes) ? { ids: ids!, labels: labels! } : undefined;
  }

  /**
   * The ops that ask for the largest of the others, if a user of these does: itself, or after it has left out the own class, which
   * stands among them. They come after the loss.
   */
  private largest(user: Op, target: Value, apart: boolean): readonly Op[] | undefined {
    if (apart) {
      const dims = user.attributes.dim as readonly number[];
      return user.op === "amax" && dims.length === 1 && isSecond(dims[0]) && !this.aliases.isNoted(user)
        ? [user]
        : undefined;
    }
    const [, column, fill] = user.operands;
    const places = this.made.get(column?.id ?? -1);
    const leavesOut =
      user.op === "scatter" &&
      isSecond(user.attributes.dim) &&
      (places?.op === "unsqueeze" || places?.op === "reshape") &&
      places.operands[0]!.id === target.id &&
      isSized(column, dimsOf(target)[0]!, 1) &&
      !this.aliases.isShared(target) &&
      this.made.get(fill?.id ?? -1)?.attributes.value === MINUS_INFINITY;
    const asking = leavesOut ? this.users(user).map((op) => this.largest(op, target, true)) : [];
    return asking.length > 0 && asking.every((ops) => ops !== undefined) ? asking.flat() : undefined;
  }
}
