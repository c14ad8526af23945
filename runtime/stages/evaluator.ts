/** @file What a run measures: verification of people that training never saw, before it, during it and at its end. */
import { createHash } from "node:crypto";
import type { Program } from "../../compiler/index.js";
import { BridgeError, bridgeError } from "../bridge/bridge-error.js";
import { withoutBroken } from "../evaluate/broken-pairs.js";
import { makePairs, type Pairs } from "../evaluate/pairs.js";
import { type Curve, rocSvg } from "../evaluate/roc-plot.js";
import { type Verified, verify } from "../evaluate/verification.js";
import { listingOf } from "../run/identity/listing.js";
import type { RunFolder } from "../run/run-folder.js";
import type { HostedProgram } from "./host.js";

const FOLDS = 10;
const BATCH = 64;

/** The source that holds the people kept back. */
export const HELD_OUT = "heldOut";

export type Evaluation = Omit<Verified, "curve">;

export interface Baselines {
  readonly untrained: number | null;
  readonly rawPixels: number | null;
}

type Subject = "raw pixels" | "untrained net" | "trained net";

const CURVES = "curves.json";
const BASELINES = "baselines.json";

/** The pairs that a program's evaluation is of. Throws an ExperimentError where the held-out people do not make them. */
export function pairsOf({ experiment: { evaluate, seed }, heldOut }: Program): Pairs {
  return makePairs(heldOut.offsets, { ...evaluate!, folds: FOLDS, seed });
}

/** Which photographs are compared, and whether each counts with its mirror image: other results say nothing beside these. */
function hashOf({ images, positions, same }: Pairs, { heldOut, experiment }: Program): string {
  const hash = createHash("sha256").update(`${listingOf(heldOut).hash} ${experiment.evaluate!.flip}`);
  for (const part of [images, positions, same]) hash.update(part);
  return hash.digest("hex");
}

/** A measurement in the run's folder, and the hash of the pairs that it is of. */
interface Kept<T> {
  readonly pairs: string;
  readonly measured: T;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isBaselines = (value: unknown): value is Baselines =>
  isRecord(value) && [value.untrained, value.rawPixels].every((share) => typeof share === "number");
const isCurves = (value: unknown): value is Curve[] =>
  Array.isArray(value) &&
  value.every(
    (c) =>
      isRecord(c) &&
      typeof c.label === "string" &&
      typeof c.impostor === "number" &&
      Array.isArray(c.fars) &&
      c.fars.every(Number.isFinite) &&
      Array.isArray(c.points) &&
      c.points.every((p) => isRecord(p) && Number.isFinite(p.far) && Number.isFinite(p.tar)),
  );

const UNKNOWN: Baselines = { untrained: null, rawPixels: null };

/** Measures, and keeps in the run's folder what a resumed run shows beside its own. */
export class Evaluator {
  private readonly pairs: Pairs;
  private readonly pairsHash: string;
  private readonly far: readonly number[];
  private curves: readonly Curve[];
  baselines: Baselines;
  /** Why a run that goes on lacks what was measured before its first step; undefined where it has all that the experiment asks for. */
  lacks: string | undefined;

  constructor(
    program: Program,
    private readonly folder: RunFolder,
  ) {
    this.pairs = pairsOf(program);
    this.far = program.experiment.evaluate!.far;
    this.pairsHash = hashOf(this.pairs, program);
    this.baselines = this.kept(BASELINES, isBaselines) ?? UNKNOWN;
    this.curves = this.kept(CURVES, isCurves) ?? [];
    const complete = this.baselines.untrained !== null && this.curves.length > 0;
    if (program.experiment.evaluate!.baselines && !complete) this.lacks ??= "the baselines are missing";
  }

  /** What a file of the folder holds of these pairs; where it is damaged, or of other pairs, `lacks` says so. */
  private kept<T>(name: string, is: (value: unknown) => value is T): T | undefined {
    const isKept = (value: unknown): value is Kept<T> =>
      isRecord(value) && typeof value.pairs === "string" && is(value.measured);
    try {
      const kept = this.folder.readJson(name, isKept);
      if (kept === undefined || kept.pairs === this.pairsHash) return kept?.measured;
      this.lacks = "the baselines are of other pairs";
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      this.lacks = error.message;
    }
    return undefined;
  }

  private keep<T>(name: string, measured: T): void {
    this.folder.writeJson(name, { pairs: this.pairsHash, measured } satisfies Kept<T>);
  }

  /** The run begins, or begins anew: nothing is measured yet. */
  forget(): void {
    this.curves = [];
    this.baselines = UNKNOWN;
  }

  /** What a trained net is compared with: no net at all, and the net as it starts, whose evaluation is returned. */
  async measureBaselines(host: HostedProgram): Promise<Evaluation> {
    const untrained = await this.measure(host, "untrained net");
    const rawPixels = await this.measure(host, "raw pixels");
    this.baselines = { untrained: untrained.accuracy, rawPixels: rawPixels.accuracy };
    this.keep(BASELINES, this.baselines);
    this.lacks = undefined;
    return untrained;
  }

  async measure(host: HostedProgram, subject: Subject): Promise<Evaluation> {
    const { similarity, broken } = await host.similarities({
      source: HELD_OUT,
      function: subject === "raw pixels" ? null : "embed",
      batch: BATCH,
      images: this.pairs.images,
      positions: this.pairs.positions,
    });
    const measured = withoutBroken(this.pairs, similarity, broken);
    const { curve, ...evaluation } = verify(measured.similarity, measured, this.far, FOLDS);
    if (evaluation.pairs < 2 * FOLDS)
      throw bridgeError("too-few-whole-pairs", "user", {
        genuine: evaluation.genuine,
        impostor: evaluation.impostor,
        folds: FOLDS,
        least: FOLDS,
      });
    this.curves = [{ label: subject, ...curve }, ...this.curves.filter(({ label }) => label !== subject)];
    this.keep(CURVES, this.curves);
    return evaluation;
  }

  /** Draws the ROC of all that was measured. */
  plot(): void {
    if (this.curves.length) this.folder.write("roc.svg", rocSvg(this.curves));
  }
}
