/**
 * @file Mixed precision: matrix products and convolutions in a narrow type, sums and exponentials in f32; every cast is an op.
 * The registry says for each op where it may be computed. Parameters, states and gradients stay f32 (Micikevicius et al. 2018).
 *
 *     %y = conv2d(%x, %w, …) : f32[…]         %0 = to(%x, dtype = "bf16")
 *     %z = sum(%y, …) : f32[]                 %1 = to(%w, dtype = "bf16")
 *                                             %y = conv2d(%0, %1, …) : bf16[…]
 *                                             %2 = to(%y, dtype = "f32")
 *                                             %z = sum(%2, …) : f32[]
 *
 * f16 has a narrow range of exponents, so with it the loss is multiplied by a scale before the gradient is taken, and the
 * gradient divided by it. The scale is a state on the device: if a gradient is not finite, the update is undone and the scale
 * halved; after 2,000 steps without that it is doubled. Where gradients accumulate, one that is not finite is left out of their sum,
 * and the update of its steps is undone: a state on the device says whether all since the last update were finite.
 */
import {
  type AttributeValue,
  type DType,
  type IrFunction,
  type IrModule,
  type Op,
  type Storage,
  tensorType,
  type Value,
} from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";
import { specOf } from "../registry/index.js";
import { ACCUMULATE_LAST, isGradientSum } from "./accumulate.js";
import { takesGradient } from "./flatten.js";
import { isIsland } from "./islands.js";
import type { Pass } from "./pass.js";
import { type Replay, rewrite } from "./replay.js";
import { updateWrites } from "./written.js";

export type Narrow = "bf16" | "f16";
const FIRST_SCALE = 65_536;
const STEPS_TO_GROW = 2_000;
const SCALE = "precision.loss_scale";
const GOOD_STEPS = "precision.good_steps";
/** 1 where all gradients since the last update were finite. */
const ALL_FINITE = "precision.all_finite";

const WIDTH: Partial<Record<DType, number>> = { f16: 1, bf16: 1, f32: 2, f64: 3 };
const realType = (value: Value | undefined): DType | undefined =>
  value?.type.kind === "tensor" && value.type.dtype in WIDTH ? value.type.dtype : undefined;
const rank = (value: Value) => (value.type.kind === "tensor" ? value.type.dims.length : 0);

export const precision = (narrow: Narrow): Pass => ({
  name: "precision",
  doc: "Products are computed in the narrow type; every cast is an op.",
  run(module) {
    let casts = 0;
    const cast = (replay: Replay, value: Value, dtype: DType, at: Op["location"]): Value => {
      if (realType(value) === dtype) return value;
      casts++;
      return replay.emit("to", [value], { dtype }, at)[0]!;
    };
    const training = module.functions.some(takesGradient);
    const functions = module.functions.map((fn) => {
      if (!takesGradient(fn)) return fn;
      const scaling = narrow === "f16" ? new LossScale(fn, module) : undefined;
      const known = new Map<number, AttributeValue>();
      let islands = 0;
      return rewrite(
        fn,
        (op, replay) => {
          if (scaling && specOf(op).differentiates) return scaling.gradients(op, replay);
          if (scaling && specOf(op).derives) return scaling.values(op, replay);
          if (isIsland(op)) {
            islands++;
            const results = replay.inline(op.regions[0]!);
            islands--;
            scaling?.after(op, replay);
            return results;
          }
          if (op.regions.length) {
            const results = replay.copy(op);
            scaling?.after(op, replay);
            return results;
          }
          if (op.op === "constant") known.set(op.results[0]!.id, op.attributes.value!);
          const operands = replay.operands(op);
          const wanted = islands
            ? op.operands.map(realType)
            : wantedTypes(op, operands, numbersOf(op, known), narrow);
          const results = replay.copy(
            op,
            operands.map((v, i) => (v && wanted[i] ? cast(replay, v, wanted[i], op.location) : v)),
          );
          scaling?.after(op, replay);
          return results;
        },
        {
          keepJoined: true,
          fit: (value, type, at, replay) =>
            type.kind === "tensor" && realType(value) ? cast(replay, value, type.dtype, at) : value,
        },
      );
    });
    const kept = narrow === "f16" && training ? scaleStorages(module) : [];
    return {
      module: { ...module, storages: [...module.storages, ...kept], functions },
      statistics: { casts },
    };
  },
});

/** The finite numbers among an op's attributes and constant operands. */
function numbersOf(op: Op, known: ReadonlyMap<number, AttributeValue>): readonly number[] {
  const named = specOf(op).attributes.filter(({ type }) => type === "float" || type === "scalar");
  return [
    ...named.map(({ name }) => op.attributes[name]),
    ...op.operands.map((v) => v && known.get(v.id)),
  ].filter((n): n is number => typeof n === "number" && Number.isFinite(n));
}

/** By type: bits of the significand, the largest number, and the smallest positive one. */
const FORMATS: Readonly<Record<Narrow, readonly [number, number, number]>> = {
  bf16: [8, (2 - 2 ** -7) * 2 ** 127, 2 ** -133],
  f16: [11, 65_504, 2 ** -24],
};

/** Whether the narrow type cannot hold a number: it is out of range, or a limit of `clamp` that rounding would move. */
function loses(op: Op, number: number, narrow: Narrow): boolean {
  const [bits, largest, smallest] = FORMATS[narrow];
  const size = Math.abs(number);
  if (size === 0) return false;
  if (size > largest || size < smallest) return true;
  return (
    specOf(op).traits.limits === true &&
    !Number.isInteger(size / 2 ** (Math.floor(Math.log2(size)) - bits + 1))
  );
}

/** The type to which each operand of an op is cast; `undefined`: none. */
function wantedTypes(
  op: Op,
  operands: readonly (Value | undefined)[],
  numbers: readonly number[],
  narrow: Narrow,
): (DType | undefined)[] {
  const spec = specOf(op);
  const types = operands.map(realType);
  const each = (dtype: DType | undefined) => types.map((t) => (t && t !== "f64" ? dtype : undefined));
  if (types.every((t) => t === undefined)) return [];
  if (spec.effect === "write") return types.map((t, i) => (t && i > 0 ? types[0] : undefined));
  switch (spec.precision) {
    case "low":
      return types.includes("f64") ? [] : each(narrow);
    case "full":
      return each("f32");
    case "first":
      return each(types[0]);
    case "own":
      return [];
    case "declared":
      return op.operands.map(realType);
    default: {
      const present = operands.filter((v) => realType(v) !== undefined) as Value[];
      const ranked = present.some((v) => rank(v) > 0) ? present.filter((v) => rank(v) > 0) : present;
      const found = ranked.map((v) => realType(v)!);
      const least = numbers.some((n) => loses(op, n, narrow)) ? (["f32"] as const) : [];
      const widest = [...found, ...least].reduce((a, b) => (WIDTH[b]! > WIDTH[a]! ? b : a));
      return types.map((t) => t && widest);
    }
  }
}

const scalar = tensorType([], "f32");

const scaleStorages = (module: IrModule): readonly Storage[] => {
  const { location } = module.storages.find((s) => s.role === "parameter")!;
  const storage = (name: string, init: Storage["init"]): Storage => ({
    name,
    type: scalar,
    init,
    role: "optimizer",
    location,
  });
  const accumulates = module.functions.some((fn) => lastOfUpdate(fn));
  return [
    storage(SCALE, { kind: "constant", value: FIRST_SCALE }),
    storage(GOOD_STEPS, { kind: "zeros" }),
    ...(accumulates ? [storage(ALL_FINITE, { kind: "constant", value: 1 })] : []),
  ];
};

/** The input that says whether a step makes the update, where several do. */
const lastOfUpdate = (fn: IrFunction): Value | undefined =>
  fn.inputs.find(({ value }) => value.name === ACCUMULATE_LAST)?.value;

/** Scales the loss, unscales the gradients, and undoes an update that came from gradients that are not finite. */
class LossScale {
  /** The ops that name storages written by the update or by what depends on it. */
  private readonly written: readonly Op[];
  /** The gradients, of each loss one. */
  private readonly taken: readonly Op[];
  /** The last op that writes such; without one, the last gradient. */
  private readonly last: Op;
  private saved: readonly Saved[] = [];
  private finite: Value | undefined;
  /** The ops that name sums of gradients, and what these were before the step. */
  private readonly sums: readonly Op[];
  private sumsBefore: readonly Saved[] = [];
  private readonly lastOfUpdate: Value | undefined;
  /** Whether all gradients since the last update were finite; without accumulation those of the step. */
  private all: Value | undefined;

  constructor(fn: IrFunction, module: IrModule) {
    const { writes, written } = updateWrites(fn, module);
    this.lastOfUpdate = lastOfUpdate(fn);
    this.sums = written.filter(namesSum);
    this.written = written.filter((op) => !namesSum(op));
    this.taken = fn.body.ops.filter((op) => specOf(op).differentiates);
    this.last = writes.at(-1) ?? this.taken.at(-1)!;
  }

  gradients(op: Op, replay: Replay): readonly Value[] {
    const at = op.location;
    const [loss, group] = replay.operands(op) as [Value, Value];
    const emit = (name: OpName, operands: Value[], attributes = {}) =>
      replay.emit(name, operands, attributes, at)[0]!;
    if (this.lastOfUpdate && op === this.taken[0]) this.sumsBefore = this.copies(this.sums, at, replay);
    const [scale] = replay.emit("state", [], { name: SCALE }, at, [scalar]);
    const scaled = emit("gradients", [emit("mul", [loss, scale!]), group]);
    const gradients = emit("foreach_scale", [scaled, emit("pow", [scale!, replay.number(-1, at)])]);
    const own = emit("isfinite", [emit("foreach_norm", [gradients])]);
    this.finite = this.finite ? emit("logical_and", [this.finite, own]) : own;
    replay.builder.rename(this.finite, "finite");
    if (op !== this.taken.at(-1)) return [gradients];
    this.all = this.finite;
    if (this.lastOfUpdate) {
      const [flag] = replay.emit("state", [], { name: ALL_FINITE }, at, [scalar]);
      this.all = emit("logical_and", [emit("gt", [flag!, replay.number(0.5, at)]), this.finite]);
      replay.emit("copy_", [flag!, emit("to", [this.all], { dtype: "f32" })], {}, at);
    }
    this.saved = this.copies(this.written, at, replay);
    if (op === this.last) this.end(at, replay);
    return [gradients];
  }

  /** Copies of what ops name. */
  private copies(origins: readonly Op[], at: Op["location"], replay: Replay): readonly Saved[] {
    const emit = (name: OpName, operands: Value[]) => replay.emit(name, operands, {}, at)[0]!;
    const one = replay.number(1, at);
    // `where` with the same value twice works for every dtype, unlike a product with 1.
    const copied = (now: Value) =>
      now.type.kind === "group" ? emit("foreach_mul", [now, one]) : emit("where", [this.finite!, now, now]);
    return origins.map((origin) => ({ origin, copy: copied(named(origin, at, replay)) }));
  }

  /** Puts saved copies back unless `keep` holds. */
  private restore(saved: readonly Saved[], keep: Value, at: Op["location"], replay: Replay): void {
    for (const { origin, copy } of saved) {
      const now = named(origin, at, replay);
      if (origin.op === "group") replay.emit("foreach_restore_", [now, copy, keep], {}, at);
      else replay.emit("copy_", [now, replay.emit("where", [keep, now, copy], {}, at)[0]], {}, at);
    }
  }

  /** The derivative by values: of the scaled loss, in f32, and unscaled. */
  values(op: Op, replay: Replay): readonly Value[] {
    const at = op.location;
    const [loss, ...values] = replay.operands(op) as Value[];
    const emit = (name: OpName, operands: Value[], attributes = {}) =>
      replay.emit(name, operands, attributes, at);
    const [scale] = replay.emit("state", [], { name: SCALE }, at, [scalar]);
    const [scaled] = emit("mul", [loss!, scale!]);
    const [inverse] = emit("pow", [scale!, replay.number(-1, at)]);
    return emit("gradient_of", [scaled!, ...values]).map((gradient) => {
      const wide = realType(gradient) === "f16" ? emit("to", [gradient], { dtype: "f32" })[0]! : gradient;
      return emit("mul", [wide, inverse!])[0]!;
    });
  }

  after(op: Op, replay: Replay): void {
    const into = op.op === "foreach_add_" && this.sums.find((sum) => sum.results[0] === op.operands[0]);
    if (into && into === this.sums.at(-1)) this.restore(this.sumsBefore, this.finite!, op.location, replay);
    if (op === this.last) this.end(op.location, replay);
  }

  /** After the update: undoes it if the gradient was not finite, and changes the scale. */
  private end(at: Op["location"], replay: Replay): void {
    this.restore(this.saved, this.all!, at, replay);
    if (!this.lastOfUpdate) {
      this.rescale(at, replay);
      return;
    }
    const { builder } = replay;
    const closing = builder.region([], () => {
      this.rescale(at, replay);
      const [flag] = replay.emit("state", [], { name: ALL_FINITE }, at, [scalar]);
      replay.emit("copy_", [flag, replay.emit("full_like", [flag], { value: 1 }, at)[0]], {}, at);
    });
    const arms = [closing, builder.region([], () => {})];
    const regions = arms.map(({ region }) => builder.finish(region, [], at));
    builder.structured("if", [replay.value(this.lastOfUpdate)], regions, [], at);
  }

  /** The scale of the next update. */
  private rescale(at: Op["location"], replay: Replay): void {
    const finite = this.all!;
    const emit = (name: OpName, operands: Value[], attributes = {}) =>
      replay.emit(name, operands, attributes, at)[0]!;
    const number = (value: number) => replay.number(value, at);
    const [scale] = replay.emit("state", [], { name: SCALE }, at, [scalar]);
    const [good] = replay.emit("state", [], { name: GOOD_STEPS }, at, [scalar]);
    const grow = emit("ge", [good!, number(STEPS_TO_GROW - 1)]);
    const grown = emit("where", [grow, emit("mul", [scale!, number(2)]), scale!]);
    const halved = emit("clamp", [emit("mul", [scale!, number(0.5)])], { min: 1 });
    const counted = emit("where", [grow, number(0), emit("add", [good!, number(1)])]);
    const next = emit("where", [finite, grown, halved]);
    const kept = emit("where", [finite, counted, number(0)]);
    replay.emit("copy_", [scale!, next], {}, at);
    replay.emit("copy_", [good!, kept], {}, at);
  }
}

/** A copy of what an op names. */
interface Saved {
  readonly origin: Op;
  readonly copy: Value;
}

const namesSum = ({ attributes }: Op): boolean => isGradientSum(String(attributes.name));

/** The storage or group that an op of the old function names. */
const named = (origin: Op, at: Op["location"], replay: Replay): Value =>
  replay.emit(origin.op, [], origin.attributes, at, [origin.results[0]!.type])[0]!;
