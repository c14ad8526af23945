/** @file Regions without a meaning of their own are written out: `no_grad` where nothing is recorded anyway, `remat` likewise. */
import type { IrFunction, Op } from "../ir/module.js";
import { overFunctions } from "./pass.js";
import { rewrite } from "./replay.js";

/** The index of the last op of a body that takes derivatives; what comes after it is recorded by nobody. */
export const lastGradient = (ops: readonly Op[]): number =>
  ops.findLastIndex((op) => op.op === "gradients" || op.op === "vjp");

/** Whether a function takes the gradient of a loss: a step of training. */
export const takesGradient = (fn: IrFunction): boolean => fn.body.ops.some((op) => op.op === "gradients");

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
        if ((op.op === "no_grad" || op.op === "remat") && !recording) {
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
          if (op.op === "no_grad") recording = false;
        },
        leave: () => {
          recording = outer.pop()!;
        },
      },
    );
  },
);
