/** @file What happens to an option that differs when a run is to go on: one table. `docs/language.md` explains it to users. */
import type { Experiment } from "../../../dsl/index.js";

/**
 * `refused`: another run. `free`: may change while it goes on. `program`: refused where the compiled program differs too; an
 * option that leaves the program as it was does nothing.
 */
export type Fate = "refused" | "free" | "program";

/** What happens to an option that differs. A dotted name goes before what it is part of. */
export const FATES = {
  name: "free",
  seed: "refused",
  data: "refused",
  "data.broken": "free",
  "data.maxPixels": "free",
  method: "program",
  "method.ema": "free",
  "method.embed": "free",
  state: "refused",
  loader: "refused",
  sampler: "refused",
  optimizer: "program",
  "optimizer.lr": "free",
  "optimizer.from": "free",
  precision: "program",
  layout: "program",
  accumulate: "program",
  lr: "free",
  length: "free",
  stepsPerEpoch: "refused",
  evaluate: "free",
  observe: "free",
  checkpoint: "free",
  keepBest: "free",
  device: "free",
  backend: "free",
  threads: "free",
  export: "free",
  options: "free",
} as const satisfies Readonly<Record<string, Fate>>;

/** The options of an experiment. */
export type OptionName = Exclude<keyof Experiment, symbol>;
// A new option of an experiment is an error here until somebody decides.
const TABLE: Readonly<Record<string, Fate>> = FATES satisfies Readonly<Record<OptionName, Fate>>;

/** An option of a method that others are around, as that of the method alone: `method.of.of.ema` is `method.ema`. */
export const innerOption = (path: string): string => path.replace(/^method(\.of)+(?=\.)/, "method");

/** The fate of an option by its dotted name: its own, or that of the nearest thing that it is part of. */
export function fateOf(path: string): Fate {
  for (let name = innerOption(path); name !== ""; name = name.slice(0, Math.max(0, name.lastIndexOf("."))))
    if (Object.hasOwn(TABLE, name)) return TABLE[name]!;
  return "refused";
}
