/** @file What a run found, for programs (`summary.json`) and for people. */
import type { Verified } from "../evaluate/verification.js";

export interface Summary {
  readonly name: string;
  readonly steps: number;
  readonly finalLoss: number | null;
  readonly verification: Omit<Verified, "curve"> | null;
  /** Accuracies on the same pairs. */
  readonly baselines: { readonly untrained: number | null; readonly rawPixels: number | null };
  readonly throughput: {
    readonly probeImagesPerSecond: number;
    readonly galleryImagesPerSecond: number;
    readonly stepMilliseconds: number;
  };
  readonly irHash: string;
  readonly interrupted: boolean;
}

export const isSummary = (value: unknown): value is Summary => {
  const { steps, throughput } = (value ?? {}) as Partial<Summary>;
  const { probeImagesPerSecond, galleryImagesPerSecond, stepMilliseconds } = throughput ?? {};
  return [steps, probeImagesPerSecond, galleryImagesPerSecond, stepMilliseconds].every(Number.isFinite);
};

const percent = (x: number | null): string => (x === null ? "-" : `${(100 * x).toFixed(2)} %`);

/** The summary as a person reads it. */
export function renderSummary(
  summary: Summary,
  folder: string,
  files: readonly (readonly [name: string, what: string])[],
): string {
  const { verification, baselines, throughput } = summary;
  const rows: (readonly [string, string])[] = [];
  if (verification) {
    rows.push([
      "verification",
      `${percent(verification.accuracy)} ± ${percent(verification.std)} on ${verification.pairs} pairs of unseen people, at a cosine of ${verification.threshold.toFixed(3)}`,
    ]);
    // A cosine of 1 is the protocol's first threshold, and what it stays with where none is better: cosines that all lie close to 1.
    if (verification.threshold === 1)
      rows.push([
        "",
        "(no threshold of the protocol, 0.005 apart as cosines, parts them: it calls no pair the same; TAR and ROC take the exact cosines)",
      ]);
    if (verification.genuine !== verification.impostor)
      rows.push([
        "rates",
        `of all ${verification.genuine} genuine and ${verification.impostor} impostor pairs`,
      ]);
    for (const [far, tar] of Object.entries(verification.tarAtFar))
      rows.push([
        `TAR at FAR ${far}`,
        tar === null ? `- (${verification.impostor} impostor pairs are too few)` : percent(tar),
      ]);
    if (baselines.untrained !== null) rows.push(["untrained net", percent(baselines.untrained)]);
    if (baselines.rawPixels !== null) rows.push(["raw pixels", percent(baselines.rawPixels)]);
  }
  rows.push(["final loss", summary.finalLoss === null ? "-" : summary.finalLoss.toFixed(4)]);
  const gallery =
    throughput.galleryImagesPerSecond > 0
      ? `, gallery ${throughput.galleryImagesPerSecond.toFixed(0)} images/s`
      : "";
  rows.push([
    "throughput",
    `probe ${throughput.probeImagesPerSecond.toFixed(0)} images/s${gallery}, ${throughput.stepMilliseconds.toFixed(0)} ms a step`,
  ]);
  const table = rows.map(([name, value]) => `  ${name.padEnd(18)}${value}`).join("\n");
  const listed = files.map(([name, what]) => `  ${name.padEnd(18)}${what}`).join("\n");
  const head = summary.interrupted
    ? `${summary.name}: interrupted after ${summary.steps} steps`
    : `${summary.name}: ${summary.steps} steps`;
  return `${head}\n${table}\n\n${folder}\n${listed}\n`;
}
