/**
 * @file Measures a net by the experiment's protocols: before the run, during it and at its end. The images that protocols want of one
 * source are embedded once; what a protocol makes of them is its own matter. Baselines and curves are kept in the run's folder.
 */
import { createHash } from "node:crypto";
import type { CompiledExperiment, Evaluation } from "../../compiler/index.js";
import type { Catalogue, Measured } from "../../dsl/index.js";
import { listingOf } from "../run/identity/listing.js";
import type { RunFolder } from "../run/run-folder.js";
import { curvesSvg, figuresOf } from "./curve-plot.js";
import type { EvaluatedProgram } from "./evaluated-program.js";
import { type Baselines, Keepsakes } from "./keepsakes.js";
import { functionOf, measureAll, type OnFailure } from "./measure.js";

/** What is measured; so its curves are called. */
export type Subject = "raw pixels" | "untrained net" | "trained net";

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
    const chosen = this.evaluations.filter(({ name }) => names.includes(name));
    await measureAll(program, chosen, functionFor(subject), {
      failed,
      found: (name, { curves, ...measured }) => {
        this.kept.keepCurves(name, { label: subject, curves });
        found[name] = measured;
      },
    });
    return found;
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

const functionFor =
  (subject: Subject) =>
  ({ protocol }: Evaluation): string | null =>
    subject === "raw pixels" ? null : functionOf(protocol);
