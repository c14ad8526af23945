/**
 * @file Margins pay for their targets only. Written the textbook way, over all N x C cosines and chosen by a mask that holds in
 * one column a row, a margin costs transcendental functions for millions of values that are thrown away. Here
 *
 *     where(mask, f(cosine), cosine)     becomes     scatter(cosine, column, f(gather(cosine, column)))
 *     cosine - mask * m                  becomes     scatter(cosine, column, gather(cosine, column) - m)
 *
 * for masks that are `one_hot(target)`, or `arange(C) == target`. Values and gradients are equal, target by target. Where a
 * classifier and its cross-entropy are all that there is of the matrix, `handwritten-heads` goes on from there.
 */
import { type Dim, sameDim } from "../ir/dim.js";
import {
  fuse,
  type Location,
  type Op,
  type TensorType,
  type Type,
  type Value,
  walkOps,
} from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";
import { specOf } from "../registry/index.js";
import { membersOf } from "../registry/storages.js";
import { Aliases } from "./aliases.js";
import { overFunctions } from "./pass.js";
import { type Replay, rewrite } from "./replay.js";

/** Ops whose value at a place depends on nothing else. */
const pointwise = (op: Op): boolean => {
  const { effect, traits } = specOf(op);
  return effect === "pure" && traits.pointwise === true;
};

/** A mask that is true in at most one column of each row: the column as an index [N], and whether a row may have none. */
interface OneColumn {
  readonly target: Value;
  readonly mayBeNone: boolean;
}

export const targetColumn = overFunctions(
  "target-column",
  "What is chosen in one column a row is computed in that column only.",
  (fn, module, count) => {
    const made = new Map<number, Op>();
    for (const op of walkOps(fn.body)) for (const result of op.results) made.set(result.id, op);
    const forms = new Pattern(made, () => true);
    if (![...made.values()].some((op) => forms.choice(op))) return fn;
    const aliases = new Aliases(membersOf(module.groups));
    const look = new Pattern(made, (op) => aliases.isUnchanged(op));
    return rewrite(
      fn,
      (op, replay) => {
        aliases.note(op);
        let results: readonly Value[] = [];
        aliases.through(op, op.operands, () => {
          const choice = look.choice(op);
          if (choice) count("narrowed");
          results = choice ? [new Narrowed(replay, look, op.location, choice).scattered()] : replay.copy(op);
          return op.results;
        });
        return results;
      },
      { enter: ({ regions }) => aliases.mayBeAny(regions.flatMap(({ args }) => args)) },
    );
  },
);

interface Choice {
  readonly column: OneColumn;
  /** The matrix whose other columns are kept. */
  readonly base: Value;
  readonly type: Matrix;
  /** The value of the chosen column: that of `of` in this column, or base plus or minus a number. */
  readonly inside:
    | { readonly of: Value }
    | { readonly op: "add" | "sub"; readonly amount: Value | undefined };
}

/** Recognises choices of one column a row. */
class Pattern {
  /** `again`: whether an op would give the same value if it were computed here. */
  constructor(
    private readonly made: ReadonlyMap<number, Op>,
    private readonly again: (op: Op) => boolean,
  ) {}

  /** The op that made a value, if it can be computed again here. */
  op(value: Value | undefined, name?: OpName): Op | undefined {
    const op = value && this.made.get(value.id);
    return op && (name === undefined || op.op === name) && this.again(op) ? op : undefined;
  }

  choice(op: Op): Choice | undefined {
    const [a, b, c] = op.operands;
    const type = op.results[0]?.type;
    if (!isMatrix(type)) return undefined;
    const isWhole = (value: Value | undefined) => isMatrix(value?.type) && sameDims(value.type, type);
    const isLike = (value: Value | undefined) =>
      isWhole(value) && (value!.type as TensorType).dtype === type.dtype;
    if (op.op === "where" && isWhole(a) && isLike(b) && isLike(c)) {
      const column = this.mask(a);
      const changed = this.op(b);
      return column && changed && pointwise(changed)
        ? { column, base: c!, type, inside: { of: b! } }
        : undefined;
    }
    if ((op.op !== "sub" && op.op !== "add") || !isLike(a) || !isWhole(b)) return undefined;
    // In a narrow type the product is rounded before the subtraction; for integers the number may not be whole.
    if (type.dtype !== "f32" && type.dtype !== "f64") return undefined;
    const { dtype } = b!.type as TensorType;
    if (dtype !== type.dtype && dtype !== "i64" && dtype !== "bool") return undefined;
    const scaled = this.scaledMask(b);
    return scaled && { column: scaled.column, base: a!, type, inside: { op: op.op, amount: scaled.amount } };
  }

  /** `mask * m`: a number in one column, zeros elsewhere. */
  private scaledMask(value: Value | undefined): { column: OneColumn; amount: Value | undefined } | undefined {
    const product = this.op(value, "mul");
    if (!product) {
      const column = this.mask(value);
      return column && { column, amount: undefined };
    }
    const [x, y] = product.operands;
    const column = this.mask(x);
    const isNumber = y?.type.kind === "scalar";
    return column && isNumber ? { column, amount: y } : undefined;
  }

  private mask(value: Value | undefined): OneColumn | undefined {
    const op = this.op(value);
    const [x, y] = op?.operands ?? [];
    switch (op?.op) {
      case "to":
        return this.mask(x);
      case "one_hot":
        return x?.type.kind === "tensor" && x.type.dims.length === 1
          ? { target: x, mayBeNone: false }
          : undefined;
      case "ne":
      case "gt":
      case "eq": {
        const number = this.op(y, "constant")?.attributes.value;
        if (number === (op.op === "eq" ? 1 : 0)) return this.mask(x);
        if (op.op !== "eq") return undefined;
        return this.columnsEqual(x, y) ?? this.columnsEqual(y, x);
      }
      default:
        return undefined;
    }
  }

  /** `arange(C) == target.unsqueeze(1)`. */
  private columnsEqual(columns: Value | undefined, targets: Value | undefined): OneColumn | undefined {
    const unsqueezed = this.op(targets, "unsqueeze");
    const index = unsqueezed?.operands[0];
    const isColumn =
      index?.type.kind === "tensor" && index.type.dims.length === 1 && index.type.dtype === "i64";
    const dim = unsqueezed?.attributes.dim;
    return this.op(columns, "arange") && isColumn && (dim === 1 || dim === -1)
      ? { target: index, mayBeNone: true }
      : undefined;
  }
}

type Matrix = TensorType & { readonly dims: readonly [Dim, Dim] };
const isMatrix = (type: Type | undefined): type is Matrix =>
  type?.kind === "tensor" && type.dims.length === 2;
const sameDims = (a: Matrix, b: Matrix) => a.dims.every((dim, i) => sameDim(dim, b.dims[i]!));

/** Builds the chosen column [N, 1] from the ops that made the whole matrix. */
class Narrowed {
  private readonly rows: Dim;
  private readonly columns: Dim;
  private readonly column: Value;
  private readonly known = new Map<number, Value>();

  constructor(
    private readonly replay: Replay,
    private readonly look: Pattern,
    private readonly at: Location,
    private readonly choice: Choice,
  ) {
    [this.rows, this.columns] = choice.type.dims;
    const { target, mayBeNone } = choice.column;
    const chosen = replay.value(target);
    const safe = mayBeNone ? this.emit("clamp", [chosen], this.limits()) : chosen;
    this.column = this.emit("unsqueeze", [safe], { dim: 1 });
    replay.builder.rename(this.column, "column");
  }

  private limits(): Record<string, number> {
    return { min: 0, ...(typeof this.columns === "number" && { max: this.columns - 1 }) };
  }

  private emit(
    name: OpName,
    operands: readonly (Value | undefined)[],
    attributes = {},
    at: Location = this.at,
  ): Value {
    return this.replay.emit(name, operands, attributes, at)[0]!;
  }

  private gathered(value: Value): Value {
    return this.emit("gather", [value, this.column], { dim: 1 });
  }

  scattered(): Value {
    const { base, inside, column } = this.choice;
    const all = this.replay.value(base);
    const own = this.gathered(all);
    this.known.set(base.id, own);
    let changed = "of" in inside ? this.narrow(inside.of) : this.moved(own, inside);
    if (column.mayBeNone) {
      const target = this.replay.value(column.target);
      const number = (value: number) => this.replay.number(value, this.at, "i64");
      let there = this.emit("ge", [target, number(0)]);
      if (typeof this.columns === "number")
        there = this.emit("logical_and", [there, this.emit("lt", [target, number(this.columns)])]);
      changed = this.emit("where", [this.emit("unsqueeze", [there], { dim: 1 }), changed, own]);
    }
    return this.emit("scatter", [all, this.column, changed], { dim: 1 });
  }

  private moved(own: Value, { op, amount }: { op: "add" | "sub"; amount: Value | undefined }): Value {
    const number = amount ? this.replay.value(amount) : this.replay.number(1, this.at);
    return this.emit(op, [own, number]);
  }

  /** A matrix in the chosen column only: pointwise ops are computed again on columns, the rest is gathered. */
  private narrow(value: Value): Value {
    const known = this.known.get(value.id);
    if (known) return known;
    const form = this.form(value);
    if (form === "column") return this.replay.value(value);
    const op = this.look.op(value);
    const narrow =
      op && pointwise(op) && op.operands.every((v) => this.form(v) !== undefined)
        ? this.emit(
            op.op,
            op.operands.map((v) => v && this.narrow(v)),
            op.attributes,
            fuse(op.location, this.at),
          )
        : this.gathered(this.whole(value, form));
    this.known.set(value.id, narrow);
    return narrow;
  }

  /**
   * What the chosen column of an operand is: the operand itself if it is the same in all columns, a column of a matrix, or
   * an element of a row.
   */
  private form(value: Value | undefined): "column" | "matrix" | "row" | undefined {
    if (value?.type.kind !== "tensor") return "column";
    const { dims } = value.type;
    if (dims.length === 0) return "column";
    const [rows, columns] = dims.length === 1 ? [1, dims[0]!] : dims;
    if (dims.length > 2) return undefined;
    const isFull = sameDim(rows!, this.rows);
    if (columns === 1 && dims.length === 2 && (isFull || rows === 1)) return "column";
    if (!sameDim(columns!, this.columns)) return undefined;
    if (isFull && dims.length === 2) return "matrix";
    return rows === 1 && typeof this.rows === "number" && typeof columns === "number" ? "row" : undefined;
  }

  private whole(value: Value, form: ReturnType<Narrowed["form"]>): Value {
    const now = this.replay.value(value);
    return form === "row" ? this.emit("expand", [now], { shape: [this.rows, this.columns] }) : now;
  }
}
