/** @file A net that is used as it is: counted, saved and exported, and moved by nothing. */
import { evaluating } from "../core/compiled.js";
import { type AnyModule, type Child, module, moduleParts, STORAGE } from "../core/module.js";
import { type AnyNet, changedNet, withStored } from "./changed-net.js";

/**
 * `net` with parameters that no optimizer moves, used as in evaluation: its BatchNorm normalises with its running statistics and
 * leaves them alone, its dropout drops nothing. Gradients pass through it, to what comes before it. It has tensors of its own.
 */
export const frozen = <N extends AnyNet>(net: N): N =>
  changedNet("frozen", net, <C extends Child>(given: C) => {
    const still = withStored(given, (stored) =>
      stored[STORAGE] === "parameter" ? { ...stored, trainable: false } : stored,
    );
    const { children, forward } = moduleParts(still)!;
    return module(children, (children, ...args) =>
      evaluating(() => forward(children, ...args)),
    ) as AnyModule as C;
  });
