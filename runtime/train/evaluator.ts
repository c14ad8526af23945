/** @file What a run measures: verification of people that training never saw, before it, during it and at its end. */
import { createHash } from "node:crypto";
import type { Program } from "../../compiler/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import { makePairs, type Pairs } from "../evaluate/pairs.js";
import { type Curve, rocSvg } from "../evaluate/roc-plot.js";
import { type Verified, verify } from "../evaluate/verification.js";
import { listingOf } from "../run/identity/listing.js";
import type { RunFolder } from "../run/run-folder.js";
import type { HostSession } from "./host-session.js";

const FOLDS = 10;

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

/** Measures, and keeps in the run's folder what a resumed run shows beside its own. */
export class Evaluator {
  private readonly pairs: Pairs;
  private readonly pairsHash: string;
  private readonly far: readonly number[];
  private curves: readonly Curve[];
  baselines: Baselines;

  constructor(
    program: Program,
    private readonly folder: RunFolder,
  ) {
    this.pairs = pairsOf(program);
    this.far = program.experiment.evaluate!.far;
    this.pairsHash = hashOf(this.pairs, program);
    this.curves = this.kept<readonly Curve[]>(CURVES) ?? [];
    this.baselines = this.kept<Baselines>(BASELINES) ?? { untrained: null, rawPixels: null };
  }

  private kept<T>(name: string): T | undefined {
    const kept = this.folder.readJson<Kept<T>>(name);
    return kept?.pairs === this.pairsHash ? kept.measured : undefined;
  }

  private keep<T>(name: string, measured: T): void {
    this.folder.writeJson(name, { pairs: this.pairsHash, measured } satisfies Kept<T>);
  }

  /** What a trained net is compared with: no net at all, and the net as it starts, whose evaluation is returned. */
  async measureBaselines(host: HostSession): Promise<Evaluation> {
    this.curves = [];
    const untrained = await this.measure(host, "untrained net");
    const rawPixels = await this.measure(host, "raw pixels");
    this.baselines = { untrained: untrained.accuracy, rawPixels: rawPixels.accuracy };
    this.keep(BASELINES, this.baselines);
    return untrained;
  }

  async measure(host: HostSession, subject: Subject): Promise<Evaluation> {
    const measured = await host.similarities(this.pairs, subject === "raw pixels" ? "pixels" : "embeddings");
    const { curve, ...evaluation } = verify(measured.similarity, measured, this.far, FOLDS);
    if (evaluation.pairs < 2 * FOLDS)
      throw new BridgeError(
        "F2C2502",
        "user",
        `without their broken images the held-out people make ${evaluation.genuine} pairs of the same person and ${evaluation.impostor} of two, and ${FOLDS} folds need at least ${FOLDS} of each`,
        "f2c-dsl data check lists what is broken; mend it, hold out more people, or ask for more pairs",
      );
    this.curves = [{ label: subject, ...curve }, ...this.curves.filter(({ label }) => label !== subject)];
    this.keep(CURVES, this.curves);
    return evaluation;
  }

  /** Draws the ROC of all that was measured. */
  plot(): void {
    if (this.curves.length) this.folder.write("roc.svg", rocSvg(this.curves));
  }
}
