/** @file Regions without a meaning of their own are written out: `no_grad` where nothing is recorded anyway, `remat` likewise. */
import type { IrFunction, Op } from "../ir/module.js";
import { specOf } from "../registry/index.js";
import { overFunctions } from "./pass.js";
import { rewrite } from "./replay.js";

/** The index of the last op of a body that takes derivatives; what comes after it is recorded by nobody. */
export const lastGradient = (ops: readonly Op[]): number =>
  ops.findLastIndex((op) => specOf(op).differentiates);

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
