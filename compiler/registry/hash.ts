import { createHash } from "node:crypto";
import { IR_VERSION } from "../ir/module.js";
import { REGISTRY } from "./index.js";

/** What both languages must agree on: operands, attributes, results, effects, torch calls. Words may change without it. */
export const registryHash = (): string => {
  const essence = REGISTRY.map(({ name, operands, attributes, results, effect, calls }) => ({
    name,
    operands,
    attributes,
    results,
    effect,
    calls,
  }));
  return createHash("sha256")
    .update(JSON.stringify([IR_VERSION, essence]))
    .digest("hex")
    .slice(0, 16);
};
