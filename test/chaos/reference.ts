/** @file The uninterrupted run: what all others must end as, and the places that it passes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Passes } from "./cases.js";
import { Job } from "./job.js";
import { type Result, resultOf } from "./result.js";

/** Steps from checkpoint to checkpoint, as the experiment has it. */
export const PERIOD = 6;

export interface Reference {
  readonly result: Result;
  readonly seconds: number;
  readonly passes: Passes;
  /** A folder with what was compiled, for those that need not compile again. */
  readonly cache: string;
}

export async function reference(folder: string): Promise<Reference> {
  const [control, runFolder, cache] = ["control", "run", "cache"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const began = performance.now();
  const job = new Job({ control, runFolder, cache, place: "trace" });
  const { code, signal } = await job.ended;
  if (code !== 0) throw new Error(`the uninterrupted run ended with ${code ?? signal}:\n${job.err}`);
  const passes = new Map<string, number>();
  for (const place of readFileSync(join(control, "trace"), "utf8").trim().split("\n"))
    passes.set(place, (passes.get(place) ?? 0) + 1);
  return { result: resultOf(runFolder), seconds: (performance.now() - began) / 1000, passes, cache };
}
