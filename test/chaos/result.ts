/** @file What a run left behind, and in what two of them differ. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Checkpoints } from "../../runtime/run/checkpoints.js";
import { hashOf } from "../../runtime/run/files.js";

type Line = Readonly<Record<string, unknown>> & { readonly step: number };

/** What two runs of one experiment have in common, to the last bit. */
export interface Result {
  /** By step. */
  readonly steps: readonly string[];
  readonly evaluations: readonly string[];
  readonly weights: readonly string[];
  readonly roc: string;
  readonly summary: string;
}

const read = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");

/** The lines of `metrics.jsonl`; one that a crash cut off is left out. */
function lines(folder: string): Line[] {
  return read(join(folder, "metrics.jsonl"))
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Line];
      } catch {
        return [];
      }
    });
}

/** Everything but how long it took. */
export function resultOf(folder: string): Result {
  const all = lines(folder).map(({ seconds, wait, elapsed, ...rest }) => rest);
  const { throughput, ...summary } = JSON.parse(read(join(folder, "summary.json")) || "{}");
  const weights = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  return {
    steps: all.filter((line) => "loss" in line).map((line) => JSON.stringify(line)),
    evaluations: all.filter((line) => "evaluation" in line).map((line) => JSON.stringify(line)),
    weights: weights.sort().map((name) => `${name} ${hashOf(join(folder, name)).sha256}`),
    roc: read(join(folder, "roc.svg")),
    summary: JSON.stringify(summary),
  };
}

/** In what a run differs from the uninterrupted one. `forgiven`: evaluations that may be missing. */
export function differences(found: Result, expected: Result, forgiven: number): string[] {
  const differs: string[] = [];
  const first = (a: readonly string[], b: readonly string[]) => {
    const at = b.findIndex((line, i) => a[i] !== line);
    return at < 0 ? `${a.length} instead of ${b.length}` : `${a[at] ?? "nothing"} instead of ${b[at]}`;
  };
  for (const what of ["steps", "weights"] as const)
    if (found[what].join() !== expected[what].join())
      differs.push(`${what}: ${first(found[what], expected[what])}`);
  const missing = expected.evaluations.filter((line) => !found.evaluations.includes(line));
  const unexpected = found.evaluations.length - (expected.evaluations.length - missing.length);
  if (missing.length > forgiven || unexpected !== 0)
    differs.push(`evaluations: ${first(found.evaluations, expected.evaluations)}`);
  for (const what of ["roc", "summary"] as const)
    if (found[what] !== expected[what])
      differs.push(what === "roc" ? "roc.svg" : `summary: ${found.summary} instead of ${expected.summary}`);
  return differs;
}

/** The step that the newest checkpoint continues with, and which checkpoints are not whole. */
export function checkpointsOf(folder: string): { newest: number; torn: string[] } {
  const place = join(folder, "checkpoints");
  if (!existsSync(place)) return { newest: 0, torn: [] };
  const checkpoints = new Checkpoints(place);
  const torn: string[] = [];
  for (const name of checkpoints.names()) {
    try {
      const { tensors, tensorsHash } = checkpoints.read(name);
      if (hashOf(tensors).sha256 !== tensorsHash)
        throw new Error("the tensors are not those that were written");
    } catch (error) {
      torn.push(`${name}: ${(error as Error).message}`);
    }
  }
  return { newest: checkpoints.newest ?? 0, torn };
}

/** How many steps were reported. */
export const stepsDone = (folder: string): number =>
  lines(folder).reduce((most, line) => ("loss" in line ? Math.max(most, line.step + 1) : most), 0);
