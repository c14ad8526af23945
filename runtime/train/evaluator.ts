/** @file What a run measures: verification of people that training never saw, before it, during it and at its end. */
import type { Program } from "../../compiler/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import { makePairs, type Pairs } from "../evaluate/pairs.js";
import { type Curve, rocSvg } from "../evaluate/roc-plot.js";
import { type Verified, verify } from "../evaluate/verification.js";
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

/** Measures, and keeps in the run's folder what a resumed run shows beside its own. */
export class Evaluator {
  private readonly pairs: Pairs;
  private readonly far: readonly number[];
  private curves: readonly Curve[];
  baselines: Baselines;

  constructor(
    program: Program,
    private readonly folder: RunFolder,
  ) {
    this.pairs = pairsOf(program);
    this.far = program.experiment.evaluate!.far;
    this.curves = folder.readJson<Curve[]>(CURVES) ?? [];
    this.baselines = folder.readJson<Baselines>(BASELINES) ?? { untrained: null, rawPixels: null };
  }

  /** What a trained net is compared with: no net at all, and the net as it starts, whose evaluation is returned. */
  async measureBaselines(host: HostSession): Promise<Evaluation> {
    this.curves = [];
    const untrained = await this.measure(host, "untrained net");
    const rawPixels = await this.measure(host, "raw pixels");
    this.baselines = { untrained: untrained.accuracy, rawPixels: rawPixels.accuracy };
    this.folder.writeJson(BASELINES, this.baselines);
    return untrained;
  }

  async measure(host: HostSession, subject: Subject): Promise<Evaluation> {
    const measured = await host.similarities(this.pairs, subject === "raw pixels" ? "pixels" : "embeddings");
    const { curve, ...evaluation } = verify(measured.similarity, measured, this.far, FOLDS);
    if (evaluation.pairs < 2 * FOLDS) {
      const left = evaluation.pairs / 2;
      throw new BridgeError(
        "F2C2502",
        "user",
        `the held-out people make ${left} pairs of the same person, and ${FOLDS} folds need at least ${FOLDS}`,
        "pairs with broken images do not count: f2c-dsl data check lists these; mend them, or hold out more people",
      );
    }
    this.curves = [{ label: subject, ...curve }, ...this.curves.filter(({ label }) => label !== subject)];
    this.folder.writeJson(CURVES, this.curves);
    return evaluation;
  }

  /** Draws the ROC of all that was measured. */
  plot(): void {
    if (this.curves.length) this.folder.write("roc.svg", rocSvg(this.curves));
  }
}
