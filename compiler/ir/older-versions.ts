/**
 * @file What modules of older versions do not say, said as today's do.
 *
 *     before 1.2:  state @optimizer.velocity.w : f32[2] = zeros
 *     since 1.2:   optimizer @optimizer.velocity.w : f32[2] = zeros slot of @w
 */
import type { Storage } from "./module.js";

export type Version = readonly [major: number, minor: number];

/** Whether storages say what they are for. */
export const hasRoles = ([, minor]: Version): boolean => minor >= 2;

/**
 * The storages of a module before 1.2, which were parameters and states, with their roles: what the optimizer kept was told by
 * its name, `optimizer.velocity.net.weight`, and what was a twin's by how it started. Nothing else reads a role from these.
 */
export function rolesFromNames(storages: readonly Storage[]): readonly Storage[] {
  const parameters = new Set(storages.filter((s) => s.role === "parameter").map((s) => s.name));
  return storages.map((storage) => {
    const { role, name, init } = storage;
    if (role !== "state") return storage;
    if (init.kind === "copy") return { ...storage, twinOf: init.of };
    if (!/^(optimizer|accumulate)\./.test(name)) return storage;
    const slotOf = name.split(".").slice(2).join(".");
    return { ...storage, role: "optimizer", ...(parameters.has(slotOf) && { slotOf }) };
  });
}
