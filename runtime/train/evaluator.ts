/** @file What a run measures: verification of people that training never saw, before it, during it and at its end. */
import type { Program } from "../../compiler/index.js";
import { makePairs, type Pairs } from "../evaluate/pairs.js";
import { type Curve, rocSvg } from "../evaluate/roc-plot.js";
import { roc, tarAtFar, tenFold } from "../evaluate/verification.js";
import type { RunFolder } from "../run/run-folder.js";
import type { HostSession } from "./host-session.js";

const FOLDS = 10;

export interface Evaluation {
  readonly accuracy: number;
  readonly std: number;
  readonly pairs: number;
  readonly tarAtFar: Readonly<Record<string, number | null>>;
}

export interface Baselines {
  readonly untrained: number | null;
  readonly rawPixels: number | null;
}

type Subject = "raw pixels" | "untrained net" | "trained net";

const CURVES = "curves.json";
const BASELINES = "baselines.json";

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
    const { evaluate, seed } = program.experiment;
    this.pairs = makePairs(program.heldOut.offsets, { ...evaluate!, folds: FOLDS, seed });
    this.far = evaluate!.far;
    this.curves = folder.readJson<Curve[]>(CURVES) ?? [];
    this.baselines = folder.readJson<Baselines>(BASELINES) ?? { untrained: null, rawPixels: null };
  }

  get count(): number {
    return this.pairs.same.length;
  }

  /** What a trained net is compared with: the net as it starts, and no net at all. */
  async measureBaselines(host: HostSession): Promise<Baselines> {
    this.curves = [];
    const untrained = await this.measure(host, "untrained net");
    const rawPixels = await this.measure(host, "raw pixels");
    this.baselines = { untrained: untrained.accuracy, rawPixels: rawPixels.accuracy };
    this.folder.writeJson(BASELINES, this.baselines);
    return this.baselines;
  }

  async measure(host: HostSession, subject: Subject): Promise<Evaluation> {
    const similarity = await host.similarities(
      this.pairs,
      subject === "raw pixels" ? "pixels" : "embeddings",
    );
    this.curves = [
      { label: subject, points: roc(similarity, this.pairs.same) },
      ...this.curves.filter((curve) => curve.label !== subject),
    ];
    this.folder.writeJson(CURVES, this.curves);
    return {
      ...tenFold(similarity, this.pairs.same, FOLDS),
      pairs: this.count,
      tarAtFar: tarAtFar(similarity, this.pairs.same, this.far),
    };
  }

  /** Draws the ROC of all that was measured. */
  plot(): void {
    if (this.curves.length) this.folder.write("roc.svg", rocSvg(this.curves));
  }
}
