import { createHash } from "node:crypto";
import { IR_VERSION } from "../ir/module.js";
import { REGISTRY } from "./index.js";

/** What both languages must agree on: what the host's table says of ops. Words, and what only passes ask, may change without it. */
export const registryHash = (): string => {
  const essence = REGISTRY.map((op) => ({
    name: op.name,
    operands: op.operands,
    attributes: op.attributes,
    results: op.results,
    effect: op.effect,
    calls: op.calls,
    declared: op.shape === "declared",
    scalarResult: op.scalarResult,
    ends: op.ends,
    writes: op.writes,
    writesIf: op.writesIf,
    history: op.history,
    alias: op.alias,
    control: op.control,
    differentiates: op.differentiates,
    derives: op.derives,
  }));
  return createHash("sha256")
    .update(JSON.stringify([IR_VERSION, essence]))
    .digest("hex")
    .slice(0, 16);
};
