/**
 * @file Measures a net by the experiment's protocols: before the run, during it and at its end. The images that protocols want of one
 * source are embedded once; what a protocol makes of them is its own matter. Baselines and curves are kept in the run's folder.
 */
import { createHash } from "node:crypto";
import type { CompiledExperiment, Evaluation } from "../../compiler/index.js";
import { type Catalogue, ExperimentError, type Measured } from "../../dsl/index.js";
import { BridgeError, bridgeError } from "../bridge/bridge-error.js";
import { listingOf } from "../run/identity/listing.js";
import type { RunFolder } from "../run/run-folder.js";
import { curvesSvg, figuresOf } from "./curve-plot.js";
import type { Embedded, EvaluatedProgram, HostedMatrix } from "./evaluated-program.js";
import { type Baselines, Keepsakes } from "./keepsakes.js";
import { WantedImages } from "./view.js";

const BATCH = 64;

/** What is measured; so its curves are called. */
export type Subject = "raw pixels" | "untrained net" | "trained net";

/** Hears of an evaluation that failed; what it throws ends the others too. */
type OnFailure = (name: string, error: BridgeError) => void;

/** Whom a protocol compares, and how: results of others say nothing beside these. */
function hashOf({ protocol, people, opened }: Evaluation): string {
  const { kind, flip, options } = protocol;
  const hash = createHash("sha256").update(JSON.stringify([listingOf(people).hash, kind, flip, options]));
  for (const part of [opened.images, ...(opened.drawn ?? [])]) hash.update(part);
  return hash.digest("hex");
}

export class Evaluator {
  readonly evaluations: readonly Evaluation[];
  private readonly hashes: ReadonlyMap<string, string>;
  private readonly kept: Keepsakes;

  constructor(
    { evaluations }: Pick<CompiledExperiment, "evaluations">,
    private readonly folder: RunFolder,
  ) {
    this.evaluations = evaluations;
    this.hashes = new Map(evaluations.map((evaluation) => [evaluation.name, hashOf(evaluation)]));
    const asked = evaluations.filter(({ protocol }) => protocol.baselines).map(({ name }) => name);
    this.kept = new Keepsakes(folder, this.hashes, asked);
  }

  /** A hash of what an evaluation compares, and how. */
  hashOf(name: string): string {
    return this.hashes.get(name)!;
  }

  /** Why a run that goes on lacks what was measured before its first step; nothing the second time. */
  takeLacks(): readonly string[] {
    const { lacks } = this.kept;
    this.kept.lacks = [];
    return lacks;
  }

  /** Evaluations whose baselines are asked for and missing. */
  get missing(): readonly string[] {
    return this.kept.missing;
  }

  baselinesOf(name: string): Baselines {
    return this.kept.baselinesOf(name);
  }

  /** The run begins, or begins anew: nothing is measured yet. */
  forget(): void {
    this.kept.forget();
  }

  /** The sources that hold the people. */
  sources(): ReadonlyMap<string, Catalogue> {
    return new Map(this.evaluations.map(({ source, people }) => [source, people]));
  }

  /** What a trained net is compared with: no net at all, and the net as it starts. Throws what any of them fails with. */
  async measureBaselines(program: EvaluatedProgram, names: readonly string[]): Promise<void> {
    const failed: OnFailure = (_, error) => {
      throw error;
    };
    const untrained = await this.measure(program, "untrained net", names, failed);
    const rawPixels = await this.measure(program, "raw pixels", names, failed);
    for (const name of names)
      this.kept.keepBaselines(name, { untrained: untrained[name]!, rawPixels: rawPixels[name]! });
  }

  /** Evaluates by the protocols of these names. What fails is told, and is missing in the result. */
  async measure(
    program: EvaluatedProgram,
    subject: Subject,
    names: readonly string[],
    failed: OnFailure,
  ): Promise<Readonly<Record<string, Measured>>> {
    const found: Record<string, Measured> = {};
    for (const group of this.bySource(subject, names)) {
      const { source, function: fn, evaluations } = group;
      const wanted = new WantedImages(evaluations.map(({ opened }) => opened.images));
      let embedded: Embedded;
      try {
        embedded = await program.embed({ source, function: fn, batch: BATCH, images: wanted.images });
      } catch (error) {
        if (!(error instanceof BridgeError)) throw error;
        for (const { name } of evaluations) failed(name, error);
        continue;
      }
      const made: HostedMatrix[] = [embedded.matrix];
      try {
        for (const { name, opened } of evaluations) {
          try {
            const { curves, ...measured } = await opened.score(wanted.viewOf(opened.images, embedded, made));
            this.kept.keepCurves(name, { label: subject, curves });
            found[name] = measured;
          } catch (error) {
            failed(name, asBridgeError(name, error));
          }
        }
      } finally {
        await Promise.allSettled(made.map((matrix) => matrix.release()));
      }
    }
    return found;
  }

  /** Evaluations that want images of one source through one function. */
  private bySource(subject: Subject, names: readonly string[]) {
    const groups = new Map<string, { source: string; function: string | null; evaluations: Evaluation[] }>();
    for (const evaluation of this.evaluations) {
      if (!names.includes(evaluation.name)) continue;
      const { source, protocol } = evaluation;
      const fn = subject === "raw pixels" ? null : protocol.flip ? "embed" : "infer";
      const key = `${fn} ${source}`;
      const group = groups.get(key) ?? { source, function: fn, evaluations: [] };
      group.evaluations.push(evaluation);
      groups.set(key, group);
    }
    return groups.values();
  }

  /**
   * Draws the curves of all that was measured; `about` says of each protocol what stands below the title. Files are called by the
   * figure; of several protocols, by their names too.
   */
  async plot(about: (name: string) => readonly string[]): Promise<void> {
    const several = this.evaluations.length > 1;
    for (const { name } of this.evaluations) {
      const measured = this.kept.curvesOf(name);
      const figures = figuresOf(measured);
      for (const [figure, lines] of figures) {
        const file = !several ? figure : figures.size > 1 ? `${name}-${figure}` : name;
        this.folder.write(`${file}.svg`, await curvesSvg(lines, about(name)));
      }
    }
  }
}

/** What a protocol's `score` threw: a refusal, the host's error, or a fault of its author's. */
function asBridgeError(name: string, error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  if (error instanceof ExperimentError) return new BridgeError(error.code, "user", error.message, error.hint);
  const message = error instanceof Error ? error.message : String(error);
  return bridgeError("protocol-threw", "user", { name, problem: message.split("\n")[0]! });
}
