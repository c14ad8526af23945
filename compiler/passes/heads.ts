/**
 * @file Writes the head's op out in plain ops, for backends that have no kernel for it. Those that several heads have in common,
 * such as the product with the rows of a pool, are merged afterwards.
 *
 *     %loss, … = margin_softmax(%x, %w, %t, %own, %s)      %product = matmul(%x, transpose(%w))
 *                                                          %others = scatter(%product, %t, -1e30)
 *                                                          %sum = logsumexp(%others * %s)
 *                                                          %loss = softplus(%sum - %own * %s)
 *
 * The own class is left out of the sum and not subtracted from it, so nothing is lost where it alone has all the weight. What is
 * no negative has the cosine -1e30: of rows that have none, loss and gradient are 0.
 */
import type { AttributeValue, Op, TensorType, Value } from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";
import { specOf } from "../registry/index.js";
import { overFunctions } from "./pass.js";
import { type Replay, rewrite } from "./replay.js";

/** The cosine of what is no negative: in f32 finite, also times a scale. */
export const NONE = -1e30;
/** From here on log(1 + e^x) is x, in f64 too. */
const LINEAR = 40;

export const heads = overFunctions("heads", "Heads are written out in plain ops.", (fn, _, count) =>
  rewrite(fn, (op, replay) => {
    if (op.op !== "margin_softmax") return undefined;
    count("heads");
    return new Head(op, replay).results();
  }),
);

/** What a value is, if that is known now. */
function constantOf({ builder }: Replay, value: Value): AttributeValue | undefined {
  const maker = builder.makerOf(value);
  return maker?.op === "constant" ? maker.attributes.value : undefined;
}

class Head {
  private readonly given: Readonly<Record<string, Value | undefined>>;
  private readonly features: Value;
  private readonly target: Value;
  private readonly knownScale: AttributeValue | undefined;

  constructor(
    private readonly op: Op,
    private readonly replay: Replay,
  ) {
    const operands = replay.operands(op);
    this.given = Object.fromEntries(specOf(op).operands.map(({ name }, i) => [name, operands[i]]));
    this.features = this.given.features!;
    this.target = this.given.target!;
    this.knownScale = constantOf(replay, this.given.scale!);
  }

  private emit(
    name: OpName,
    operands: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): Value {
    return this.replay.emit(name, operands, attributes, this.op.location)[0]!;
  }

  private number(value: number, kind: "f64" | "i64" = "f64"): Value {
    return this.replay.number(value, this.op.location, kind);
  }

  private column(values: Value): Value {
    return this.emit("unsqueeze", [values], { dim: 1 });
  }

  results(): readonly Value[] {
    const others = this.others();
    const nearest = this.emit("amax", [others], { dim: [1], keepdim: false });
    return [this.loss(this.ruled(others)), nearest, this.hardest(others)];
  }

  /** log(1 + sum of exp(scale * (other - own))), 0 where there is no target. */
  private loss(others: Value): Value {
    const sum = this.emit("logsumexp", [this.logits(others)], { dim: [1], keepdim: false });
    const margin = this.emit("sub", [sum, this.scaled(this.given.own!)]);
    const loss = this.emit("softplus", [margin], { threshold: LINEAR });
    const hasClass = this.emit("ge", [this.target, this.number(0, "i64")]);
    return this.emit("where", [hasClass, loss, this.number(0)]);
  }

  private scaled(values: Value): Value {
    return this.knownScale === 1 ? values : this.emit("mul", [values, this.given.scale]);
  }

  /** Times the scale. By 0, which a schedule may begin with, what is no negative would become as large as all others. */
  private logits(others: Value): Value {
    const logits = this.scaled(others);
    if ((this.knownScale as number) > 0) return logits;
    const isNone = this.emit("le", [others, this.number(NONE)]);
    return this.emit("masked_fill", [logits, isNone], { value: NONE });
  }

  /** Negatives above the bound, changed. */
  private ruled(others: Value): Value {
    const { bound, square, slope, offset } = this.given;
    if (!bound) return others;
    const bent = this.emit("add", [this.emit("mul", [others, square]), slope]);
    const changed = this.emit("add", [this.emit("mul", [others, bent]), offset]);
    return this.emit("where", [this.emit("gt", [others, this.column(bound)]), changed, others]);
  }

  /** Cosines to all classes but the own one. */
  private others(): Value {
    const cosines = this.cosines();
    const { ids } = this.given;
    if (ids) {
      const isOwn = this.emit("eq", [this.emit("unsqueeze", [ids], { dim: 0 }), this.column(this.target)]);
      return this.emit("masked_fill", [this.classesOnly(cosines), isOwn], { value: NONE });
    }
    const column = this.column(this.emit("clamp", [this.target], { min: 0 }));
    const there = this.emit("gather", [cosines, column], { dim: 1 });
    const hasNone = this.emit("lt", [this.column(this.target), this.number(0, "i64")]);
    const left = this.emit("where", [hasNone, there, this.number(NONE)]);
    return this.classesOnly(this.emit("scatter", [cosines, column, left], { dim: 1 }));
  }

  private classesOnly(cosines: Value): Value {
    const { ids, limit } = this.given;
    const none: Value[] = [];
    if (ids) none.push(this.emit("lt", [ids, this.number(0, "i64")]));
    if (limit) none.push(this.emit("ge", [this.places(cosines), limit]));
    return none.reduce((all, mask) => this.emit("masked_fill", [all, mask], { value: NONE }), cosines);
  }

  /** 0, 1, … for the classes. */
  private places(cosines: Value): Value {
    return this.emit("arange", [], { size: (cosines.type as TensorType).dims[1] as number });
  }

  /** [N, C], as the rows and the patch have them. */
  private cosines(): Value {
    const { rows, touched, patch } = this.given;
    const centres = this.op.attributes.centres as number;
    const all = this.product(rows!);
    if (centres > 1) {
      const classes = ((all.type as TensorType).dims[1] as number) / centres;
      const apart = this.emit("reshape", [all], { shape: [-1, classes, centres] });
      return this.emit("amax", [apart], { dim: [2], keepdim: false });
    }
    return touched ? this.emit("index_copy", [all, touched, this.product(patch!)], { dim: 1 }) : all;
  }

  private product(rows: Value): Value {
    return this.emit("matmul", [this.features, this.emit("transpose", [rows], { a: 0, b: 1 })]);
  }

  /** The mean of the largest cosines, those below 0 counting as 0. */
  private hardest(others: Value): Value {
    const k = this.op.attributes.hardest as number;
    if (k === 0) return this.emit("mul", [this.given.own, this.number(0)]);
    const [largest] = this.replay.emit("topk", [others], { k }, this.op.location);
    return this.emit("mean", [this.emit("clamp", [largest], { min: 0 })], { dim: [1], keepdim: false });
  }
}
