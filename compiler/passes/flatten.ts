/**
 * @file Replaces regions that have no effect by their ops: `no_grad` where nothing is recorded anyway, `remat` where nothing
 * is kept for a gradient. Later passes then see these ops beside the others.
 *
 *     %y = no_grad() {                %a = relu(%x)         in a function without a gradient, after the gradient,
 *       %a = relu(%x)                 %y = neg(%a)          and inside another no_grad
 *       %b = neg(%a)
 *       yield(%b)
 *     }
 */
import type { IrFunction, Op } from "../ir/module.js";
import { takesDerivatives } from "../registry/history.js";
import { specOf } from "../registry/index.js";
import { overFunctions } from "./pass.js";
import { rewrite } from "./replay.js";

/** The index of the last op of a body that takes derivatives; nothing after it is recorded. */
export const lastGradient = (ops: readonly Op[]): number => ops.findLastIndex(takesDerivatives);

/** Whether a function takes the gradient of a loss: a step of training. */
export const takesGradient = (fn: IrFunction): boolean => lastGradient(fn.body.ops) >= 0;

export const flatten = overFunctions(
  "flatten",
  "`no_grad` and `remat` stand only where something is recorded.",
  (fn, _module, count) => {
    const end = lastGradient(fn.body.ops);
    const last = fn.body.ops[end];
    let recording = end >= 0;
    const outer: boolean[] = [];
    return rewrite(
      fn,
      (op, replay) => {
        if (specOf(op).control?.gradient && !recording) {
          count("written out");
          return replay.inline(op.regions[0]!);
        }
        const results = replay.copy(op);
        if (op === last) recording = false;
        return results;
      },
      {
        enter: (op) => {
          outer.push(recording);
          if (specOf(op).control?.gradient === "unrecorded") recording = false;
        },
        leave: () => {
          recording = outer.pop()!;
        },
      },
    );
  },
);
