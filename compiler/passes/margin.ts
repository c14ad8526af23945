/**
 * @file Margins pay for their targets only. Written the textbook way, over all N x C cosines and chosen by a mask that holds in
 * one column a row, a margin costs transcendental functions for millions of values that are thrown away. Here
 *
 *     where(mask, f(cosine), cosine)     becomes     scatter(cosine, column, f(gather(cosine, column)))
 *     cosine - mask * m                  becomes     scatter(cosine, column, gather(cosine, column) - m)
 *
 * for masks that are `one_hot(target)`, or `arange(C) == target`. Values and gradients are equal, target by target.
 */
import { sameDim } from "../ir/dim.js";
import { fuse, type Location, type Op, type TensorType, type Value, walkOps } from "../ir/module.js";
import { OPS } from "../registry/index.js";
import { overFunctions } from "./pass.js";
import { type Replay, rewrite } from "./replay.js";

/** Elementwise ops whose value at a place depends on nothing else. `prelu` has a slope a column. */
const pointwise = (op: Op) => {
  const spec = OPS.get(op.op)!;
  return spec.family === "elementwise" && spec.effect === "pure" && op.op !== "prelu";
};

/** A mask that holds in one column of each row at most: which, as an index [N], and whether it may hold nowhere. */
interface OneColumn {
  readonly target: Value;
  readonly mayBeNone: boolean;
}

export const margin = overFunctions(
  "margin",
  "What is chosen in one column a row is computed in that column only.",
  (fn, _module, count) => {
    const made = new Map<number, Op>();
    for (const op of walkOps(fn.body)) for (const result of op.results) made.set(result.id, op);
    const look = new Pattern(made);
    if (![...made.values()].some((op) => look.choice(op))) return fn;
    return rewrite(fn, (op, replay) => {
      const choice = look.choice(op);
      if (!choice) return undefined;
      count("narrowed");
      return [new Narrowed(replay, made, op.location, choice.column, choice.width).scattered(choice)];
    });
  },
);

interface Choice {
  readonly column: OneColumn;
  readonly width: Value;
  /** What stands in all columns but the chosen one. */
  readonly base: Value;
  /** What stands in the chosen one: `of` narrowed, or base changed by a number of its own. */
  readonly inside:
    | { readonly of: Value }
    | { readonly op: "add" | "sub"; readonly amount: Value | undefined };
}

/** Recognises choices of one column a row. */
class Pattern {
  constructor(private readonly made: ReadonlyMap<number, Op>) {}

  private op(value: Value | undefined, name?: string): Op | undefined {
    const op = value && this.made.get(value.id);
    return op && (name === undefined || op.op === name) ? op : undefined;
  }

  choice(op: Op): Choice | undefined {
    const [a, b, c] = op.operands;
    if (op.op === "where" && isMatrix(b) && isMatrix(c)) {
      const column = this.mask(a);
      const changed = this.op(b);
      return column && changed && pointwise(changed)
        ? { column, width: c!, base: c!, inside: { of: b! } }
        : undefined;
    }
    if ((op.op !== "sub" && op.op !== "add") || !isMatrix(a) || !isMatrix(b)) return undefined;
    const scaled = this.scaledMask(b);
    if (!scaled) return undefined;
    return { column: scaled.column, width: a!, base: a!, inside: { op: op.op, amount: scaled.amount } };
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

const isMatrix = (value: Value | undefined) => value?.type.kind === "tensor" && value.type.dims.length === 2;

/** Makes the value of a chosen column [N, 1] from the recipe of the whole matrix. */
class Narrowed {
  private readonly column: Value;
  private readonly known = new Map<number, Value>();

  constructor(
    private readonly replay: Replay,
    private readonly made: ReadonlyMap<number, Op>,
    private readonly at: Location,
    private readonly choice: OneColumn,
    width: Value,
  ) {
    this.columns = (width.type as TensorType).dims[1]!;
    const target = replay.value(choice.target);
    const safe = choice.mayBeNone ? this.emit("clamp", [target], this.limits()) : target;
    this.column = this.emit("unsqueeze", [safe], { dim: 1 });
    replay.builder.rename(this.column, "column");
  }
  private readonly columns: TensorType["dims"][number];

  private limits(): Record<string, number> {
    return { min: 0, ...(typeof this.columns === "number" && { max: this.columns - 1 }) };
  }

  private emit(
    name: string,
    operands: readonly (Value | undefined)[],
    attributes = {},
    at: Location = this.at,
  ): Value {
    return this.replay.emit(name, operands, attributes, at)[0]!;
  }

  private gathered(value: Value): Value {
    return this.emit("gather", [value, this.column], { dim: 1 });
  }

  scattered({ base, inside }: Choice): Value {
    const all = this.replay.value(base);
    const own = this.gathered(all);
    this.known.set(base.id, own);
    let changed = "of" in inside ? this.narrow(inside.of) : this.moved(own, inside);
    if (this.choice.mayBeNone) {
      const target = this.replay.value(this.choice.target);
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

  /** The recipe of a matrix in the chosen column: pointwise ops again, everything else gathered. */
  private narrow(value: Value): Value {
    const known = this.known.get(value.id);
    if (known) return known;
    const { type } = value;
    if (type.kind !== "tensor" || type.dims.length < 2 || type.dims[1] === 1) return this.replay.value(value);
    const op = this.made.get(value.id);
    const narrow =
      op && pointwise(op) && op.operands.every((v) => this.narrows(v))
        ? this.emit(
            op.op,
            op.operands.map((v) => v && this.narrow(v)),
            op.attributes,
            fuse(op.location, this.at),
          )
        : this.gathered(this.replay.value(value));
    this.known.set(value.id, narrow);
    return narrow;
  }

  /** Whether an operand has one value in the column: a matrix of this width, a column, a number. */
  private narrows(value: Value | undefined): boolean {
    if (value?.type.kind !== "tensor") return true;
    const { dims } = value.type;
    if (dims.length === 0) return true;
    return dims.length === 2 && (dims[1] === 1 || sameDim(dims[1]!, this.columns));
  }
}
