/**
 * @file Heads that a method writes by hand become the head's op, so that whatever serves it serves them. Two ways to write one:
 *
 *     %c = matmul(%x, transpose(%w))                      %r = index_select(%w, %t)
 *     %own = gather(%c, unsqueeze(%t, 1))                 %own = sum(%x * %r, 1)
 *     %z = scatter(%c, unsqueeze(%t, 1), f(%own)) * %s    %l, … = margin_softmax(%x, %w, %t, f(%own), %s)
 *     %l = cross_entropy(%z, %t)
 *
 *     %c = matmul(%q, transpose(%keys))                   %l, %near = margin_softmax(%q, %keys, %labels, %own, %s, %ids)
 *     %n = masked_fill(%c, %ids == %labels, -inf)
 *     %z = cat(%own, %n) * %s
 *     %l = cross_entropy(%z, zeros)
 *     %near = amax(%n)
 *
 * Margins that were written over all columns have become the first by `target-column`, which also serves what is left alone here: a
 * matrix that is used otherwise, for its largest column or another loss. Only what is equal for every value is taken: classes left out
 * have the cosine -inf, times a scale that is known to be above 0; nothing else sees the matrix; all of it is computed in one region, from
 * storages that are not written in between.
 */
import { type AttributeValue, type Op, type Value, walkOps } from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";
import { dropDeadCode } from "./dead-code.js";
import {
  dimsOf,
  type Head,
  HeadSearch,
  type LeftOut,
  MINUS_INFINITY,
  type Pick,
  type Product,
} from "./head-search.js";
import { NONE } from "./heads.js";
import { overFunctions } from "./pass.js";
import { type Replay, rewrite } from "./replay.js";

/** The op's other operands. */
const NO_RULE_OR_PATCH = Array<undefined>(6).fill(undefined);

export const handwrittenHeads = overFunctions(
  "handwritten-heads",
  "Heads that are written out are the head's op.",
  (fn, module, count) => {
    if (!Array.from(walkOps(fn.body)).some(({ op }) => op === "cross_entropy")) return fn;
    // What nobody uses, such as a margin over all columns that is computed in one now, is no other use.
    const live = dropDeadCode(fn).fn;
    const search = new HeadSearch(live, module);
    if (search.heads.size === 0) return fn;
    count("heads", search.heads.size);
    const nearest = new Map<Head, Value>();
    return rewrite(live, (op, replay) => {
      const written = new Written(replay, op);
      const pick = search.picks.get(op);
      if (pick) return [written.picked(pick)];
      const head = search.heads.get(op);
      if (head) {
        const [loss, largest] = written.head(head);
        nearest.set(head, largest!);
        return [loss!];
      }
      const of = search.nearest.get(op);
      return of && [written.nearest(nearest.get(of)!, op.attributes.keepdim === true)];
    });
  },
);

/** Emits heads. */
class Written {
  constructor(
    private readonly replay: Replay,
    private readonly op: Op,
  ) {}

  private emit(
    name: OpName,
    operands: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): readonly Value[] {
    return this.replay.emit(name, operands, attributes, this.op.location);
  }

  private one(...given: Parameters<Written["emit"]>): Value {
    return this.emit(...given)[0]!;
  }

  private number(value: number, kind: "f64" | "i64" = "i64"): Value {
    return this.replay.number(value, this.op.location, kind);
  }

  private rows({ rows, turned }: Product): Value {
    const now = this.replay.value(rows);
    return turned ? this.one("transpose", [now], { a: 0, b: 1 }) : now;
  }

  /** [N, 1], by an index that exists now. */
  private pick(product: Product, index: Value): Value {
    const centres = this.one("index_select", [this.rows(product), index], { dim: 0 });
    const products = this.one("mul", [this.replay.value(product.features), centres]);
    return this.one("sum", [products], { dim: [1], keepdim: true });
  }

  picked({ product, index }: Pick): Value {
    return this.pick(product, this.replay.value(index));
  }

  /** The loss, and the largest cosine to another class. */
  head({ product, target, own, apart, scale, leftOut }: Head): readonly Value[] {
    const now = this.replay.value(target);
    const changed = own ? this.replay.value(own) : this.pick(product, this.one("clamp", [now], { min: 0 }));
    const { same, limit } = leftOut;
    return this.emit("margin_softmax", [
      this.replay.value(product.features),
      this.rows(product),
      same ? this.identity(same.labels) : now,
      this.one("squeeze", [changed], { dim: 1 }),
      this.scale(scale),
      this.ids(product, apart, leftOut),
      limit && this.replay.value(limit),
      ...NO_RULE_OR_PATCH,
    ]);
  }

  private scale(scale: Head["scale"]): Value {
    if (!scale) return this.number(1);
    const by = this.replay.value(scale.by);
    if (!scale.divides) return by;
    const inverse = 1 / (scale.known ?? 0);
    return Number.isFinite(inverse)
      ? this.number(inverse, "f64")
      : this.one("scalar_div", [this.number(1, "f64"), by]);
  }

  /** Whose each class is: nobody's, -1, where it is left out. */
  private ids(product: Product, apart: boolean, { where, same }: LeftOut): Value | undefined {
    if (!apart && where.length === 0) return undefined;
    const size = dimsOf(product.op.results[0])[1] as number;
    // A target of zeros is none of 1, 1, …
    const all = same
      ? this.identity(same.ids)
      : apart
        ? this.one("full", [], { shape: [size], value: 1, dtype: "i64" })
        : this.one("arange", [], { size });
    return where.reduce((ids, mask) => {
      const now = this.replay.value(mask);
      const flat = dimsOf(now).length === 2 ? this.one("squeeze", [now], { dim: 0 }) : now;
      return this.one("where", [flat, this.number(-1), ids]);
    }, all);
  }

  /** 0, -1, 1, -2, … become 0, 1, 2, 3, …: to the op, what is negative is nobody. */
  private identity(of: Value): Value {
    const now = this.replay.value(of);
    const doubled = this.one("mul", [now, this.number(2)]);
    const negative = this.one("neg", [this.one("add", [doubled, this.number(1)])]);
    return this.one("where", [this.one("ge", [now, this.number(0)]), doubled, negative]);
  }

  nearest(largest: Value, keepdim: boolean): Value {
    const none = this.one("le", [largest, this.number(NONE, "f64")]);
    const value = this.one("masked_fill", [largest, none], { value: MINUS_INFINITY });
    return keepdim ? this.one("unsqueeze", [value], { dim: 1 }) : value;
  }
}
