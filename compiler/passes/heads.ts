/**
 * @file The head's op becomes the stream over its classes and plain ops. Heads that differ only in the rows that they put in some
 * places have the stream in common: `merge` makes one of equal ones.
 *
 *     %loss, … = margin_softmax(%x, %w, %t, %own, %s,      %rest, %c = negatives_logsumexp(%x, %w, %t, %s, …, unsqueeze(%i, 0))
 *         …, %i, %p)                                       %here = matmul(%x, transpose(%p)), of no negatives -1e30
 *                                                          %sum = logsumexp(cat(%rest, %here * %s))
 *                                                          %loss = softplus(%sum - %own * %s)
 *
 * The own class is left out of the sum and not subtracted from it, so nothing is lost where it alone has all the weight. Of rows
 * without negatives, loss and gradient are 0.
 *
 * The stream's gradient has no gradient itself. Where a function takes one of a gradient, all is written out: the matrix of features
 * and classes, [N, C], and what is no negative in it as -1e30.
 */
import { type AttributeValue, type Op, type TensorType, type Value, walkOps } from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";
import { specOf } from "../registry/index.js";
import { overFunctions } from "./pass.js";
import { type Replay, rewrite } from "./replay.js";

/** The cosine of what is no negative: in f32 finite, also times a scale. */
export const NONE = -1e30;
/** From here on log(1 + e^x) is x, in f64 too. */
const LINEAR = 40;

const DOC = "Heads are a stream over their classes, and plain ops.";

export const heads = overFunctions("heads", DOC, (fn, _, count) => {
  const differentiatesTwice = Array.from(walkOps(fn.body)).some(({ op }) => op === "gradient_of");
  const Form = differentiatesTwice ? WrittenOut : Streamed;
  return rewrite(fn, (op, replay) => {
    if (op.op !== "margin_softmax") return undefined;
    count("heads");
    return new Form(op, replay).results();
  });
});

/** What a value is, if that is known now. */
function constantOf({ builder }: Replay, value: Value): AttributeValue | undefined {
  const maker = builder.makerOf(value);
  return maker?.op === "constant" ? maker.attributes.value : undefined;
}

/** What both forms have in common. */
abstract class Head {
  protected readonly given: Readonly<Record<string, Value | undefined>>;
  protected readonly features: Value;
  protected readonly target: Value;
  private readonly knownScale: AttributeValue | undefined;

  constructor(
    protected readonly op: Op,
    private readonly replay: Replay,
  ) {
    const operands = replay.operands(op);
    this.given = Object.fromEntries(specOf(op).operands.map(({ name }, i) => [name, operands[i]]));
    this.features = this.given.features!;
    this.target = this.given.target!;
    this.knownScale = constantOf(replay, this.given.scale!);
  }

  protected each(
    name: OpName,
    operands: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): readonly Value[] {
    return this.replay.emit(name, operands, attributes, this.op.location);
  }

  protected emit(...op: Parameters<Head["each"]>): Value {
    return this.each(...op)[0]!;
  }

  protected number(value: number, kind: "f64" | "i64" = "f64"): Value {
    return this.replay.number(value, this.op.location, kind);
  }

  protected column(values: Value): Value {
    return this.emit("unsqueeze", [values], { dim: 1 });
  }

  /** The loss, the largest negative cosine, and the mean of the largest ones. */
  abstract results(): readonly Value[];

  /** log(1 + sum of exp(scale * (other - own))) from the logarithm of the sum over the others; 0 where there is no target. */
  protected loss(others: Value): Value {
    const margin = this.emit("sub", [others, this.scaled(this.given.own!)]);
    const loss = this.emit("softplus", [margin], { threshold: LINEAR });
    const hasClass = this.emit("ge", [this.target, this.number(0, "i64")]);
    return this.emit("where", [hasClass, loss, this.number(0)]);
  }

  protected logsumexp(logits: Value): Value {
    return this.emit("logsumexp", [logits], { dim: [1], keepdim: false });
  }

  /** The results that are of cosines, from all that may be the largest. */
  protected largest(others: Value): readonly [nearest: Value, hardest: Value] {
    return [this.emit("amax", [others], { dim: [1], keepdim: false }), this.hardest(others)];
  }

  protected scaled(values: Value): Value {
    return this.knownScale === 1 ? values : this.emit("mul", [values, this.given.scale]);
  }

  /** Times the scale. By 0, which a schedule may begin with, what is no negative would become as large as all others. */
  protected logits(others: Value): Value {
    const logits = this.scaled(others);
    if ((this.knownScale as number) > 0) return logits;
    const isNone = this.emit("le", [others, this.number(NONE)]);
    return this.emit("masked_fill", [logits, isNone], { value: NONE });
  }

  /** Negatives above the bound, changed. */
  protected ruled(others: Value): Value {
    const { bound, square, slope, offset } = this.given;
    if (!bound) return others;
    const bent = this.emit("add", [this.emit("mul", [others, square]), slope]);
    const changed = this.emit("add", [this.emit("mul", [others, bent]), offset]);
    return this.emit("where", [this.emit("gt", [others, this.column(bound)]), changed, others]);
  }

  protected product(rows: Value): Value {
    return this.emit("matmul", [this.features, this.emit("transpose", [this.wide(rows)], { a: 0, b: 1 })]);
  }

  /** Rows of a bank that keeps them in fewer bits, as the features are. */
  protected wide(rows: Value): Value {
    const { dtype } = this.features.type as TensorType;
    return (rows.type as TensorType).dtype === dtype ? rows : this.emit("to", [rows], { dtype });
  }

  /** The mean of the largest cosines, those below 0 counting as 0. */
  private hardest(others: Value): Value {
    const k = this.op.attributes.hardest as number;
    if (k === 0) return this.emit("mul", [this.given.own, this.number(0)]);
    const [largest] = this.replay.emit("topk", [others], { k }, this.op.location);
    return this.emit("mean", [this.emit("clamp", [largest], { min: 0 })], { dim: [1], keepdim: false });
  }
}

class WrittenOut extends Head {
  results(): readonly Value[] {
    const others = this.others();
    const loss = this.loss(this.logsumexp(this.logits(this.ruled(others))));
    return [loss, ...this.largest(others)];
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
}

class Streamed extends Head {
  private get centres(): number {
    return this.op.attributes.centres as number;
  }

  results(): readonly Value[] {
    const { rows, ids, limit, bound, square, slope, offset, touched, scale } = this.given;
    const nearest = Math.max(this.op.attributes.hardest as number, 1);
    const groups = touched && this.emit("unsqueeze", [touched], { dim: 0 });
    const [rest, classes] = this.each(
      "negatives_logsumexp",
      [this.features, rows, this.target, scale, ids, limit, bound, square, slope, offset, groups],
      { centres: this.centres, nearest },
    );
    const found = this.cosinesTo(classes!, nearest);
    if (!touched) return [this.loss(rest!), ...this.largest(found)];
    const here = this.patched(touched);
    const all = this.emit("cat", [this.column(rest!), this.logits(this.ruled(here))], { dim: 1 });
    return [this.loss(this.logsumexp(all)), ...this.largest(this.emit("cat", [found, here], { dim: 1 }))];
  }

  /** The cosines [N, K] to classes of each row; of class -1, which is none, -1e30. */
  private cosinesTo(classes: Value, count: number): Value {
    const [, dim] = (this.features.type as TensorType).dims;
    const flat = this.emit("flatten", [this.emit("clamp", [classes], { min: 0 })], { start: 0 });
    const all = this.given.rows!;
    const each =
      this.centres === 1 ? all : this.emit("reshape", [all], { shape: [-1, this.centres, dim as number] });
    const shape = [-1, count, ...(this.centres === 1 ? [] : [this.centres]), dim as number];
    const selected = this.wide(this.emit("index_select", [each, flat], { dim: 0 }));
    const rows = this.emit("reshape", [selected], { shape });
    let features = this.emit("unsqueeze", [this.features], { dim: 1 });
    if (this.centres > 1) features = this.emit("unsqueeze", [features], { dim: 1 });
    const products = this.emit("mul", [features, rows]);
    let cosines = this.emit("sum", [products], { dim: [-1], keepdim: false });
    if (this.centres > 1) cosines = this.emit("amax", [cosines], { dim: [2], keepdim: false });
    return this.without(cosines, this.emit("lt", [classes, this.number(0, "i64")]));
  }

  /** The cosines [N, P] to what stands in the touched places; of no negatives -1e30. */
  private patched(touched: Value): Value {
    const { ids, limit, patch } = this.given;
    const names = ids ? this.emit("index_select", [ids, touched], { dim: 0 }) : touched;
    const row = this.emit("unsqueeze", [names], { dim: 0 });
    let cosines = this.without(this.product(patch!), this.emit("eq", [row, this.column(this.target)]));
    if (ids) cosines = this.without(cosines, this.emit("lt", [names, this.number(0, "i64")]));
    return limit ? this.without(cosines, this.emit("ge", [touched, limit])) : cosines;
  }

  private without(cosines: Value, mask: Value): Value {
    return this.emit("masked_fill", [cosines, mask], { value: NONE });
  }
}
