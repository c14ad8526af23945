/** @file The verifier of the IR: constraints V1 to V9 and V11, which docs/ir.md lists. The host checks them again on receipt. */
import {
  type IrFunction,
  type IrModule,
  isTrained,
  type Op,
  type Region,
  type Storage,
  type Type,
  type UnverifiedModule,
  type Value,
} from "../ir/module.js";
import { printType } from "../ir/print-type.js";
import { OPS } from "../registry/index.js";
import type { OpSpec, ShapeRule } from "../registry/spec.js";

/** A violated constraint: ours to mend, never the user's. */
export interface Violation {
  readonly constraint: string;
  readonly message: string;
}

/** Every violation of the constraints in a module; none for a module that the compiler built right. */
export function verify(module: UnverifiedModule): readonly Violation[] {
  const violations: Violation[] = [];
  const check = (holds: boolean, constraint: string, message: () => string) => {
    if (!holds) violations.push({ constraint, message: message() });
  };
  const storages = new Map(module.storages.map((s) => [s.name, s]));
  check(storages.size === module.storages.length, "V1", () => "two storages have one name");
  const groups = new Map(module.groups.map((g) => [g.name, g]));
  for (const group of module.groups) {
    for (const member of group.members)
      check(storages.has(member), "V2", () => `group ${group.name} names ${member}, which is no storage`);
  }
  for (const storage of storages.values()) {
    const { name, init } = storage;
    if (init.kind === "copy")
      check(storages.has(init.of), "V2", () => `${name} starts as a copy of ${init.of}, which is no storage`);
    const wrong = roleProblem(storage, storages);
    check(wrong === undefined, "V12", () => `${name} ${wrong}`);
  }
  for (const fn of module.functions) verifyFunction(fn, storages, groups, check);
  return violations;
}

/** The module, now that it breaks no constraint. Throws if it breaks one. */
export function verified(module: UnverifiedModule): IrModule {
  const [violation] = verify(module);
  if (violation)
    throw new Error(`internal: the program breaks ${violation.constraint}: ${violation.message}`);
  return module as IrModule;
}

/** What of a storage does not fit its role. */
function roleProblem(storage: Storage, storages: ReadonlyMap<string, Storage>): string | undefined {
  const { role, slotOf, twinOf, trainable } = storage;
  const shape = (s: Storage) => s.type.dims.join();
  if (trainable === false && role !== "parameter") return "is frozen and no parameter";
  if (slotOf !== undefined) {
    const of = storages.get(slotOf);
    if (role !== "optimizer" || !of || !isTrained(of) || shape(of) !== shape(storage))
      return `cannot be the optimizer's slot of ${slotOf}`;
  }
  if (twinOf !== undefined) {
    const of = storages.get(twinOf);
    if (role !== "state" || !of || of.twinOf !== undefined || printType(of.type) !== printType(storage.type))
      return `cannot be the twin of ${twinOf}`;
  }
  return undefined;
}

type Check = (holds: boolean, constraint: string, message: () => string) => void;

function verifyFunction(
  fn: IrFunction<string>,
  storages: ReadonlyMap<string, unknown>,
  groups: ReadonlyMap<string, unknown>,
  check: Check,
): void {
  for (const names of [fn.inputs.map((input) => input.value.name), fn.results.map((result) => result.name)])
    check(
      new Set(names).size === names.length,
      "V1",
      () => `${fn.name}: two of ${names.join(", ")} have one name`,
    );
  const origins = new Map<number, string>();
  const visit = (region: Region<string>, visible: ReadonlySet<number>, terminator: string): void => {
    const seen = new Set(visible);
    const define = (value: Value) => {
      check(!seen.has(value.id), "V3", () => `${fn.name}: value ${value.id} is defined twice`);
      seen.add(value.id);
    };
    for (const argument of region.args) define(argument);
    region.ops.forEach((op, i) => {
      const at = () => `${fn.name}: ${op.op} (${op.results.map((r) => r.name || r.id).join(", ")})`;
      const spec = OPS.get(op.op);
      check(spec !== undefined, "V4", () => `${at()} is not in the registry`);
      for (const operand of op.operands)
        if (operand)
          check(
            seen.has(operand.id),
            "V3",
            () => `${at()} uses ${operand.name || operand.id} before its definition`,
          );
      const last = i === region.ops.length - 1;
      check(
        last === (op.op === terminator),
        "V5",
        () => `${at()}: a region ends with ${terminator}, and nowhere else`,
      );
      const { name } = op.attributes;
      if (op.op === "state")
        check(storages.has(name as string), "V2", () => `${at()} reads ${String(name)}, which is no storage`);
      if (op.op === "group")
        check(groups.has(name as string), "V2", () => `${at()} names ${String(name)}, which is no group`);
      if (spec?.effect === "write") {
        const origin = op.operands[0] && origins.get(op.operands[0].id);
        check(
          origin === "state" || origin === "group",
          "V6",
          () => `${at()} writes to something that is no storage`,
        );
      }
      check(
        op.location.path !== "" && op.location.end >= op.location.start,
        "V7",
        () => `${at()} has no place in a source`,
      );
      for (const inner of op.regions) visit(inner, seen, "yield");
      if (op.op === "if") {
        const [a, b] = op.regions.map((r) => typesOf(r));
        check(
          a === b && a === types(op.results.map((r) => r.type)),
          "V8",
          () => `${at()}: the branches yield ${a} and ${b}`,
        );
      }
      if (op.op === "no_grad" || op.op === "remat")
        check(
          typesOf(op.regions[0]!) === types(op.results.map((r) => r.type)),
          "V8",
          () => `${at()}: yields another type than its results`,
        );
      if (op.op === "for" || op.op === "while") {
        const carried = types(op.results.map((r) => r.type));
        const initial = types(op.operands.slice(op.op === "for" ? 1 : 0).map((v) => v?.type));
        const turn = op.regions.at(-1)!;
        const args = types(turn.args.slice(op.op === "for" ? 1 : 0).map((a) => a.type));
        check(
          initial === carried && args === carried && typesOf(turn) === carried,
          "V8",
          () => `${at()}: carries ${carried}, begins with ${initial}, yields ${typesOf(turn)}`,
        );
      }
      if (spec && !op.regions.length && spec.shape !== "declared") {
        const wrong = resultsDiffer(op, spec, spec.shape);
        check(wrong === undefined, "V11", () => `${at()}: ${wrong}`);
      }
      for (const result of op.results) {
        define(result);
        origins.set(result.id, op.op);
      }
    });
  };
  visit(fn.body, new Set(fn.inputs.map((i) => i.value.id)), "return");
  const returned = fn.body.ops.at(-1)?.operands ?? [];
  check(
    types(returned.map((v) => v?.type)) === types(fn.results.map((r) => r.type)),
    "V9",
    () => `${fn.name}: returns another type than it declares`,
  );
}

/** What the registry says of an op's results, where it says something else. */
function resultsDiffer(op: Op<string>, { attributes }: OpSpec, shape: ShapeRule): string | undefined {
  const defaults = attributes.flatMap((a) => (a.default == null ? [] : [[a.name, a.default] as const]));
  const fail = (_kind: string, message: string): never => {
    throw new Refused(message);
  };
  try {
    const inferred = shape({
      op: op.op,
      operands: op.operands.map((v) => v?.type),
      attributes: { ...Object.fromEntries(defaults), ...op.attributes },
      fail,
    });
    const declared = types(op.results.map((r) => r.type));
    return types(inferred) === declared ? undefined : `gives ${types(inferred)}, not ${declared}`;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

class Refused extends Error {}

const types = (list: readonly (Type | undefined)[]) =>
  list.map((type) => (type ? printType(type) : "none")).join(", ");
const typesOf = (region: Region<string>) => types((region.ops.at(-1)?.operands ?? []).map((v) => v?.type));
