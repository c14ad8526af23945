/**
 * @file How passes rewrite a function: its ops are replayed one by one through a builder, which infers every shape anew; a
 * pass says for an op what to emit instead. The old function is not changed.
 */
import { FunctionBuilder } from "../build/function-builder.js";
import {
  type AttributeValue,
  type FunctionInput,
  type IrFunction,
  type Location,
  type Op,
  type Region,
  scalarType,
  type Type,
  type Value,
} from "../ir/module.js";
import type { OpName } from "../ir/op-name.js";
import { specOf } from "../registry/index.js";
import { argTypes, fixedOperands, joins } from "../registry/regions.js";

/** Emits something in place of an op and returns the values that replace its results; `undefined`: the op is copied. */
export type Visit = (op: Op, replay: Replay) => readonly Value[] | undefined;

/** Makes a value that leaves a region, or the function, fit the type that is expected there. */
export type Fit = (value: Value, type: Type, at: Location, replay: Replay) => Value;

export interface ReplayOptions {
  readonly fit?: Fit;
  /**
   * The results of `if` and loops keep their types; otherwise they get those of the first arm, or of the loop's initial
   * values.
   */
  readonly keepJoined?: boolean;
  /** Another type for an input. */
  readonly inputType?: (input: FunctionInput) => Type;
  /** Runs before and after the ops of every region; `args` are its new arguments. */
  readonly enter?: (op: Op, args: readonly Value[]) => void;
  readonly leave?: (op: Op) => void;
}

export class Replay {
  readonly builder: FunctionBuilder;
  private readonly stands = new Map<number, Value>();

  constructor(
    readonly source: IrFunction,
    private readonly visit: Visit,
    private readonly options: ReplayOptions = {},
  ) {
    this.builder = new FunctionBuilder(source.name);
    for (const input of source.inputs) {
      const type = options.inputType?.(input) ?? input.value.type;
      this.stand(input.value, this.builder.input(input.value.name, type, input.source));
    }
  }

  /** The new value for a value of the old function, if there is one yet. */
  standing(old: Value): Value | undefined {
    return this.stands.get(old.id);
  }

  /** The new value for a value of the old function. */
  value(old: Value): Value {
    const now = this.standing(old);
    if (!now) throw new Error(`internal: a pass uses ${old.name || old.id} before it is made`);
    return now;
  }

  /** Makes `now` the new value for a value of the old function, under the same name. */
  stand(old: Value, now: Value): void {
    this.stands.set(old.id, now);
    if (old.name !== "") this.builder.rename(now, old.name);
  }

  operands(op: Op): readonly (Value | undefined)[] {
    return op.operands.map((v) => v && this.value(v));
  }

  emit(
    name: OpName,
    operands: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue>>,
    at: Location,
    types?: readonly Type[],
  ): readonly Value[] {
    return this.builder.emit(name, operands, attributes, at, types);
  }

  /** A number known now. */
  number(value: number, at: Location, scalar: "f64" | "i64" = "f64"): Value {
    return this.emit("constant", [], { value }, at, [scalarType(scalar)])[0]!;
  }

  /** Copies an op, with the new values of its operands or with others. */
  copy(op: Op, operands: readonly (Value | undefined)[] = this.operands(op)): readonly Value[] {
    const { shape, control } = specOf(op);
    if (!control) {
      const known = shape === "declared" || operands.every((v, i) => v?.type === op.operands[i]?.type);
      return known
        ? this.builder.again(op, operands)
        : this.emit(op.op, operands, op.attributes, op.location);
    }
    const kept = joins(control) && this.options.keepJoined ? op.results.map((v) => v.type) : undefined;
    const fixed = fixedOperands(op);
    const present = (operands as readonly Value[]).map((v, i) =>
      kept && i >= fixed ? this.fit(v, kept[i - fixed]!, op.location) : v,
    );
    const carried = present.slice(fixed).map((v) => v.type);
    const regions: Region[] = [];
    let wanted: readonly Type[] | undefined = control.carries === undefined ? kept : carried;
    for (const [i, spec] of control.regions.entries()) {
      const isTest = spec.yields === "condition";
      const built = this.region(op, i, argTypes(spec, carried), isTest ? undefined : wanted);
      if (!isTest) wanted ??= built.yields;
      regions.push(built.region);
    }
    return this.builder.structured(op.op, present, regions, wanted ?? [], op.location);
  }

  /** Replays one region of an op; `wanted` are the types that its yields must have. */
  region(
    op: Op,
    index: number,
    argTypes: readonly Type[],
    wanted: readonly Type[] | undefined,
  ): { region: Region; yields: readonly Type[] } {
    const region = op.regions[index]!;
    const args = region.args.map((a, i) => ({ name: a.name, type: argTypes[i] ?? a.type }));
    const built = this.builder.region(args, (values) => {
      for (const [i, value] of values.entries()) this.stands.set(region.args[i]!.id, value);
      this.options.enter?.(op, values);
      this.ops(region);
      return region.ops.at(-1)!.operands.map((v, i) => {
        const now = this.value(v!);
        return wanted ? this.fit(now, wanted[i]!, region.ops.at(-1)!.location) : now;
      });
    });
    this.options.leave?.(op);
    const finished = this.builder.finish(built.region, built.result, region.ops.at(-1)!.location);
    return { region: finished, yields: built.result.map((v) => v.type) };
  }

  fit(value: Value, type: Type, at: Location): Value {
    return this.options.fit?.(value, type, at, this) ?? value;
  }

  /** Replays the ops of a region here; returns the new values of what it yields. */
  inline(region: Region): readonly Value[] {
    this.ops(region);
    return region.ops.at(-1)!.operands.map((v) => this.value(v!));
  }

  /** The ops of a region but its last, which ends it. */
  ops(region: Region): void {
    for (const op of region.ops.slice(0, -1)) this.op(op);
  }

  op(op: Op): void {
    const results = this.visit(op, this) ?? this.copy(op);
    for (const [i, result] of op.results.entries()) this.stand(result, results[i]!);
  }

  /** Replays the whole function. */
  run(): IrFunction {
    const { body, results, location } = this.source;
    this.ops(body);
    return this.end(body.ops.at(-1)!, results, location);
  }

  private end(last: Op, results: IrFunction["results"], location: Location): IrFunction {
    const values = last.operands.map((v, i) => ({
      name: results[i]!.name,
      value: this.fit(this.value(v!), results[i]!.type, last.location),
    }));
    return this.builder.build(values, location);
  }
}

/** The function with `visit` asked about every op. */
export const rewrite = (fn: IrFunction, visit: Visit, options?: ReplayOptions): IrFunction =>
  new Replay(fn, visit, options).run();
