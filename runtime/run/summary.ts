/** @file What a run found, for programs (`summary.json`) and for people. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Measured } from "../../dsl/index.js";
import { headline, rowsOf } from "./measured.js";

export const SUMMARY = "summary.json";

/** What one protocol found; `null` where it was not measured. */
export interface Scored {
  readonly trained: Measured | null;
  /** The net as it starts, and no net at all, on the same images. */
  readonly untrained: Measured | null;
  readonly rawPixels: Measured | null;
}

export interface Summary {
  readonly name: string;
  readonly steps: number;
  readonly finalLoss: number | null;
  /** By the names of the experiment's evaluations. */
  readonly results: Readonly<Record<string, Scored>>;
  readonly throughput: {
    /** By the names of the loader's streams. */
    readonly imagesPerSecond: Readonly<Record<string, number>>;
    readonly stepMilliseconds: number;
  };
  /** The net whose checkpoint is kept as the best, where the experiment asks for that: before which step it was, and its value. */
  readonly best?: { readonly by: string; readonly value: number; readonly step: number };
  readonly irHash: string;
  readonly interrupted: boolean;
}

export const isSummary = (value: unknown): value is Summary => {
  const { steps, throughput } = (value ?? {}) as Partial<Summary>;
  const { imagesPerSecond, stepMilliseconds } = throughput ?? {};
  const rates = imagesPerSecond ? Object.values(imagesPerSecond) : [undefined];
  return [steps, stepMilliseconds, ...rates].every(Number.isFinite);
};

/** The summary in a run's folder, as far as it is one; `undefined` where there is none, or none that can be read: a run that goes on has none yet. */
export function readSummary(folder: string): Partial<Summary> | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, SUMMARY), "utf8")) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The summary as a person reads it. */
export function renderSummary(
  summary: Summary,
  folder: string,
  files: readonly (readonly [name: string, what: string])[],
): string {
  const { results, throughput } = summary;
  const rows: (readonly [string, string])[] = [];
  for (const [name, { trained, untrained, rawPixels }] of Object.entries(results)) {
    if (!trained) continue;
    rows.push(...rowsOf(name, trained));
    if (untrained) rows.push(["untrained net", headline(untrained).text]);
    if (rawPixels) rows.push(["raw pixels", headline(rawPixels).text]);
  }
  if (summary.best) rows.push([`best by ${summary.best.by}`, `step ${summary.best.step} (checkpoints/best)`]);
  rows.push(["final loss", summary.finalLoss === null ? "-" : summary.finalLoss.toFixed(4)]);
  const streams = Object.entries(throughput.imagesPerSecond);
  const rates = streams.map(([stream, images]) => `${stream} ${images.toFixed(0)}`).join(", ");
  rows.push(["throughput", `${rates} images/s, ${throughput.stepMilliseconds.toFixed(0)} ms a step`]);
  const width = Math.max(16, ...rows.map(([name]) => name.length)) + 2;
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`).join("\n");
  const column = Math.max(width, 2 + Math.max(0, ...files.map(([name]) => name.length)));
  const listed = files.map(([name, what]) => `  ${name.padEnd(column)}${what}`).join("\n");
  const head = summary.interrupted
    ? `${summary.name}: interrupted after ${summary.steps} steps`
    : `${summary.name}: ${summary.steps} steps`;
  return `${head}\n${table}\n\n${folder}\n${listed}\n`;
}
