/** @file Which storages an op names, and which of its operands it writes. */
import type { Group, Op, Value } from "../ir/module.js";
import { specOf } from "./index.js";

/** A module's groups by name. */
export type Members = ReadonlyMap<string, readonly string[]>;
export const membersOf = (groups: readonly Group[]): Members =>
  new Map(groups.map((group) => [group.name, group.members]));

/** The attribute by which an op names a storage, or a group of them. */
const naming = (op: Op) => specOf(op).attributes.find(({ type }) => type === "storage" || type === "group");

/** Whether an op gives storage itself: all of a name, or a group. */
export const namesStorage = (op: Op | undefined): op is Op => op !== undefined && naming(op) !== undefined;

/** The storages that an op gives; none of an op that computes something. */
export function storagesOf(op: Op | undefined, members: Members): readonly string[] {
  const attribute = op && naming(op);
  if (!attribute) return [];
  const name = op.attributes[attribute.name] as string;
  return attribute.type === "group" ? (members.get(name) ?? []) : [name];
}

/** The operands that the result of an op may share memory with. */
export function aliased(op: Op, operands: Op["operands"] = op.operands): Op["operands"] {
  const { alias, operands: specs } = specOf(op);
  if (!alias) return [];
  return specs[0]!.variadic ? operands : operands.slice(0, 1);
}

/** Whether an op is one that does nothing but write. */
export const isWrite = (op: Op): boolean => specOf(op).effect === "write";

/** The operands whose storage an op changes. */
export function written(op: Op, operands: Op["operands"] = op.operands): readonly Value[] {
  const { operands: specs, writes, writesIf } = specOf(op);
  if (writes.length === 0 || (writesIf !== undefined && !op.attributes[writesIf])) return [];
  return specs.flatMap(({ name }, i) => {
    const value = writes.includes(name) ? operands[i] : undefined;
    return value ? [value] : [];
  });
}
