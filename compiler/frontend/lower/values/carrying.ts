/**
 * @file Loops of the program, and the variables that they carry from turn to turn. Which these are is found by lowering a turn; it
 * is lowered again, and what came before thrown away, until no other is found to change.
 *
 *     TypeScript in                                       IR out
 *     for (let i = 0; i < plan.n; i++) y = y.add(x)       %y' = for(%plan.n, %y) { (%i, %y#1)
 *                                                           %y#2 = add(%y#1, %x);  yield %y#2 }
 */
import type { OpenRegion } from "../../../build/function-builder.js";
import type { Value } from "../../../ir/module.js";
import { printType } from "../../../ir/print-type.js";
import type { ts } from "../../typescript.js";
import { assignmentTo } from "../forms/assigned.js";
import type { Lowering } from "../lowering.js";
import { AlreadyRefused } from "../refusals/refusal.js";
import { describe } from "../refusals/words.js";
import { opened } from "./joining.js";
import { type Binding, dynamic, fixed, joinedOf, type Operand } from "./operand.js";
import { nameValue } from "./regions.js";
import { isNumber, isReal, scalar, scalarKind } from "./scalars.js";
import { inOrderOf, isSamePart, partsOf, rebuild, sameStructure } from "./structure.js";

/** Variables that a run-time loop carries from turn to turn. */
interface Carried {
  readonly binding: Binding;
  /** What it is before the loop. */
  readonly shape: Operand;
  /** Its parts as values; none for one that no turn may change: a string, a function, a module. */
  readonly initial: readonly (Value | undefined)[];
}

/** What a loop is lowered with, and what is found while it is. */
class Carrying {
  /** Variables that a turn assigned. */
  readonly assigned = new Set<Binding>();
  /** Variables that are whole numbers before the loop and others after a turn. */
  readonly real = new Set<Binding>();
  constructor(readonly carried: readonly Carried[]) {}

  get initial(): readonly Value[] {
    return this.carried.flatMap((c) => c.initial.filter((v) => v !== undefined));
  }
  get args() {
    return this.carried.flatMap((c) =>
      c.initial.flatMap((v) => (v ? [{ name: c.binding.name, type: v.type }] : [])),
    );
  }
}

/** A region that is lowered with `body` as a turn; what it assigns is noted. */
function turnOf<T>(
  lowering: Lowering,
  carrying: Carrying,
  first: readonly { name: string; type: Value["type"] }[],
  body: (first: readonly Value[], args: readonly Value[]) => T,
): { region: OpenRegion; result: T } {
  const { region, result } = lowering.builder.region([...first, ...carrying.args], (args) =>
    lowering.branch(() => body(args.slice(0, first.length), args.slice(first.length))),
  );
  for (const binding of result.assigned.keys()) carrying.assigned.add(binding);
  return { region, result: result.result };
}

/**
 * Lowers a loop that carries `bindings`: as often as its turns are found to assign others, in functions that they call. What
 * was lowered before is thrown away.
 */
function carry<T>(
  lowering: Lowering,
  node: ts.Node,
  bindings: readonly Binding[],
  lower: (carrying: Carrying) => T,
): { carrying: Carrying; result: T } {
  const names = new Set(bindings);
  const real = new Set<Binding>();
  for (;;) {
    const carrying = new Carrying(carriedOf(lowering, node, [...names], real));
    const result = lower(carrying);
    const more = [...carrying.assigned].filter((b) => !names.has(b) && !b.hidden);
    const wider = [...carrying.real].filter((b) => !real.has(b));
    if (more.length + wider.length === 0) return { carrying, result };
    for (const binding of more) names.add(binding);
    for (const binding of wider) real.add(binding);
  }
}

function carriedOf(
  lowering: Lowering,
  node: ts.Node,
  bindings: readonly Binding[],
  real: ReadonlySet<Binding>,
): Carried[] {
  return bindings.map((binding) => {
    const shape = opened(lowering, binding.current);
    const initial = partsOf(shape).map((part) => {
      if (part.kind === "value")
        return real.has(binding) && scalarKind(part) === "i64"
          ? lowering.emit(node, "scalar_to_f64", [part.value])[0]!
          : part.value;
      if (isNumber(part)) return scalar(lowering, part, node);
      if (part.kind === "poison") throw new AlreadyRefused();
      return undefined;
    });
    return { binding, shape, initial };
  });
}

function loopBody(
  lowering: Lowering,
  node: ts.Node,
  carrying: Carrying,
  args: readonly Value[],
  body: () => void,
): readonly Value[] {
  bindCarried(lowering, carrying.carried, args);
  body();
  return carrying.carried.flatMap(({ binding, shape, initial }) => {
    const current = opened(lowering, binding.current);
    const changed = (before: string, after: string): never =>
      lowering.refuse(assignmentTo(node, binding.name) ?? node, "loop-changes-type", {
        name: binding.name,
        before,
        after,
      });
    const unset = (): never =>
      lowering.refuse(assignmentTo(node, binding.name) ?? node, "loop-changes-type.unset", {
        name: binding.name,
        before: describe(shape),
      });
    const isUnset = shape.kind === "static" && (shape.value === undefined || shape.value === null);
    if (isUnset && !isSamePart(shape, current)) unset();
    if (!sameStructure(shape, current)) changed(describe(shape), describe(current));
    const first = partsOf(shape);
    return partsOf(inOrderOf(shape, current)).flatMap((part, i): Value[] => {
      const before = initial[i];
      if (part.kind === "poison") throw new AlreadyRefused();
      if (!before) return isSamePart(first[i]!, part) ? [] : changed(describe(first[i]!), describe(part));
      if (part.kind !== "value" && !isNumber(part)) changed(printType(before.type), describe(part));
      const [was, is] = [printType(before.type), isReal(part) ? "f64" : scalarKind(part)];
      if (was === "i64" && is === "f64") {
        carrying.real.add(binding);
        return [before];
      }
      let after = part.kind === "value" ? part.value : scalar(lowering, part, node, was === "i64");
      if (was === "f64" && printType(after.type) === "i64")
        after = lowering.emit(node, "scalar_to_f64", [after])[0]!;
      if (was !== printType(after.type)) changed(was, printType(after.type));
      return [after];
    });
  });
}

/** Lets values stand for carried variables. */
function bindCarried(lowering: Lowering, carried: readonly Carried[], values: readonly Value[]): void {
  const rest = [...values];
  for (const { binding, shape, initial } of carried) {
    const first = partsOf(shape);
    const parts = initial.map((v, i) => (v ? dynamic(rest.shift()!) : first[i]!));
    const value = joinedOf(rebuild(shape, parts));
    nameValue(lowering, value, binding.name);
    lowering.assign(binding, value);
  }
}

/** What `body` gives in a loop that carries `bindings`, lowered into a region that is thrown away. */
export function onTrial<T>(
  lowering: Lowering,
  node: ts.Node,
  bindings: readonly Binding[],
  body: () => T,
): T {
  return carry(lowering, node, bindings, (carrying) => {
    const trial = turnOf(lowering, carrying, [], (_, args) => {
      bindCarried(lowering, carrying.carried, args);
      return body();
    });
    return trial.result;
  }).result;
}

/** A loop of `count` turns, known only at run time. `body` gets the turn's number. */
export function lowerFor(
  lowering: Lowering,
  node: ts.Node,
  count: Value,
  assigned: readonly Binding[],
  body: (index: Value) => void,
): void {
  const at = lowering.locate(node);
  const index = { name: "index", type: { kind: "scalar", scalar: "i64" } as const };
  const { carrying, result } = carry(lowering, node, assigned, (c) =>
    turnOf(lowering, c, [index], ([i], args) => loopBody(lowering, node, c, args, () => body(i!))),
  );
  const { carried, initial } = carrying;
  const finished = lowering.builder.finish(result.region, result.result, at);
  const types = initial.map((v) => v.type);
  const values = lowering.builder.structured("for", [count, ...initial], [finished], types, at);
  bindCarried(lowering, carried, values);
}

/** A loop that ends when a run-time condition fails; the condition writes and assigns nothing. */
export function lowerWhile(
  lowering: Lowering,
  node: ts.Node,
  assigned: readonly Binding[],
  test: () => boolean | Value,
  body: () => void,
): void {
  const at = lowering.locate(node);
  const { carrying, result } = carry(lowering, node, assigned, (c) => {
    const asked = turnOf(lowering, c, [], (_, args) => {
      bindCarried(lowering, c.carried, args);
      const answer = test();
      return typeof answer === "boolean" ? scalar(lowering, fixed(answer), node) : answer;
    });
    const turn = turnOf(lowering, c, [], (_, args) => loopBody(lowering, node, c, args, body));
    return { asked, turn };
  });
  const { carried, initial } = carrying;
  const regions = [
    lowering.builder.finish(result.asked.region, [result.asked.result], at),
    lowering.builder.finish(result.turn.region, result.turn.result, at),
  ];
  const types = initial.map((v) => v.type);
  bindCarried(lowering, carried, lowering.builder.structured("while", initial, regions, types, at));
}
