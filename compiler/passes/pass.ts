/** @file What a pass is: a pure function of modules that says what it did. */
import type { IrFunction, IrModule } from "../ir/module.js";

/** What a pass did, in words of its own: `{ merged: 12 }`. */
export type Statistics = Readonly<Record<string, number>>;

export interface PassResult {
  readonly module: IrModule;
  readonly statistics: Statistics;
}

export interface Pass {
  readonly name: string;
  /** One sentence: what the program has after it. */
  readonly doc: string;
  run(module: IrModule): PassResult;
}

/** A pass that looks at each function by itself. */
export const overFunctions = (
  name: string,
  doc: string,
  one: (fn: IrFunction, module: IrModule, count: (what: string, n?: number) => void) => IrFunction,
): Pass => ({
  name,
  doc,
  run(module) {
    const statistics: Record<string, number> = {};
    const count = (what: string, n = 1) => {
      if (n !== 0) statistics[what] = (statistics[what] ?? 0) + n;
    };
    return {
      module: { ...module, functions: module.functions.map((fn) => one(fn, module, count)) },
      statistics,
    };
  },
});
