/**
 * @file How values pass through an op with regions: into them, around its loop, out of them; read from what the registry says of
 * the op's control. For programs that hold the constraint V8.
 */
import type { Op, Region, Type, Value } from "../ir/module.js";
import { scalarType } from "../ir/module.js";
import { specOf } from "./index.js";
import type { ControlSpec, RegionSpec } from "./spec.js";

export const controlOf = (op: Op): ControlSpec | undefined => specOf(op).control;

/** Whether what stands in the op's regions can run more than once. */
export const isLoop = (op: Op): boolean => ["count", "condition"].includes(controlOf(op)?.runs ?? "once");

/** What a region yields. */
export const yielded = (region: Region): Op["operands"] => region.ops.at(-1)!.operands;

/** How many of the op's operands come before those that its carried values begin with. */
export function fixedOperands(op: Op): number {
  const { operands, control } = specOf(op);
  return control?.carries === undefined
    ? op.operands.length
    : operands.findIndex((o) => o.name === control.carries);
}

/** The operands that decide which region runs, or how often. */
export const deciding = (op: Op): Op["operands"] => op.operands.slice(0, fixedOperands(op));

/** What the carried values begin with. */
export const initial = (op: Op): Op["operands"] => op.operands.slice(fixedOperands(op));

/** An op's regions with what the registry says of each. */
export const regionsOf = (op: Op): readonly (RegionSpec & { readonly region: Region })[] =>
  controlOf(op)?.regions.map((spec, i) => ({ ...spec, region: op.regions[i]! })) ?? [];

/** The values that result `i` of an op with regions may be; of a loop, also the i-th of those that it carries. */
export function sourcesOf(op: Op, i: number): readonly (Value | undefined)[] {
  const results = regionsOf(op).filter(({ yields }) => yields === "results");
  const ends = results.map(({ region }) => yielded(region)[i]);
  return controlOf(op)?.carries === undefined ? ends : [initial(op)[i], ...ends];
}

/** Whether a result of an op is one of several values. */
export const joins = ({ carries, regions }: ControlSpec): boolean =>
  regions.filter(({ yields }) => yields === "results").length + (carries === undefined ? 0 : 1) > 1;

/** The condition that a region of the op yields, asked before every turn. */
export function condition(op: Op): Value | undefined {
  const test = regionsOf(op).find(({ yields }) => yields === "condition");
  return test && yielded(test.region)[0];
}

/** The arguments of a region that carry values from turn to turn: all but a counter. */
export const carriedArgs = (op: Op, region: Region): readonly Value[] =>
  region.args.slice(fixedArgs(controlOf(op)!.regions[op.regions.indexOf(region)]!));

/** How many of a region's arguments come before those that carry values. */
export const fixedArgs = ({ arguments: roles }: RegionSpec): number =>
  roles.filter((role) => role === "counter").length;

/** The types of a region's arguments, where the op carries values of these. */
export const argTypes = ({ arguments: roles }: RegionSpec, carried: readonly Type[]): readonly Type[] =>
  roles.flatMap((role) => (role === "counter" ? [scalarType("i64")] : carried));
