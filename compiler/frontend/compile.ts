/** @file From a loaded experiment to its program: builds it, lowers its functions, runs the passes, verifies what came out. */
import type { Updates } from "../build/parameter-groups.js";
import type { StartingFile } from "../build/starting-weights.js";
import { StorageTable } from "../build/storage-table.js";
import type { Diagnostic } from "../diagnostics/diagnostic.js";
import type { IrModule } from "../ir/module.js";
import type { PassRecord } from "../passes/pipeline.js";
import { checkEmbedding, lowerEmbeddings } from "./build/embedding.js";
import { type Evaluation, openEvaluations } from "./build/evaluations.js";
import {
  type BuiltExperiment,
  buildExperiment,
  groupsOf,
  methodSources,
  storagesOf,
} from "./build/experiment.js";
import { Findings } from "./build/findings.js";
import { finish } from "./build/finish.js";
import { lowerStep } from "./build/step.js";
import { lowerPreparation } from "./build/streams.js";
import { warningsOf } from "./build/warnings.js";
import type { LoadedExperiment } from "./load/load.js";
import { SourceTexts } from "./lower/function-source.js";

/** A compiled experiment: the program for the host, and what the planner needs to feed it. */
export interface CompiledExperiment extends BuiltExperiment {
  readonly module: IrModule;
  /** The optimizer's groups with their parameters. */
  readonly updates: Updates;
  /** The experiment's protocols, and what they drew. */
  readonly evaluations: readonly Evaluation[];
  /** The files that its state starts from, by the names that the program gives them. */
  readonly files: Readonly<Record<string, StartingFile>>;
  /** The run ends after this many steps, even if its schedule is longer. */
  readonly stopAfter?: number | undefined;
  /** About what compiles but is probably a mistake. */
  readonly warnings: readonly Diagnostic[];
}

/** Steps until a run of the program ends. */
export const lastStep = ({
  steps,
  stopAfter = steps,
}: Pick<CompiledExperiment, "steps" | "stopAfter">): number => Math.min(steps, stopAfter);

/** Compiles a loaded experiment. Throws a CompileError with every problem found. `observe` sees the program after every pass. */
export function compileExperiment(
  loaded: LoadedExperiment,
  observe: (record: PassRecord) => void = () => {},
): CompiledExperiment {
  const texts = new SourceTexts(loaded.texts);
  const findings = new Findings(loaded, texts);
  const built = buildExperiment(loaded, texts);
  const sources = methodSources(built.method, texts, findings);
  const stored = storagesOf(built.state, sources.step, loaded, { trains: true });
  const { storages, starting } = stored;
  const updates = groupsOf(built, stored, loaded);
  const lowering = { built, storages, texts, findings };

  const step = lowerStep(lowering, updates, sources.step);
  checkEmbedding(lowering, sources.embed);
  findings.throwIfAny();
  const embeddings = lowerEmbeddings(lowering, sources.embed);
  findings.throwIfAny();

  const module = finish(
    {
      name: built.experiment.name,
      sources: [],
      storages: storages.all,
      groups: storages.groups,
      functions: [step, ...embeddings].filter((fn) => fn !== undefined),
    },
    built.experiment,
    { texts, directory: loaded.directory, observe },
  );
  const { evaluations, notes } = openEvaluations(loaded, built);
  return {
    ...built,
    module,
    updates,
    evaluations,
    warnings: warningsOf(loaded, built, updates),
    files: starting.files,
    notes: [...built.notes, ...starting.notes, ...notes],
  };
}

/** What an experiment's loader makes of images, as a program of its own: a function `prepare`, which gives a result a stream. */
export function compilePreparation(
  loaded: LoadedExperiment,
): BuiltExperiment & { readonly module: IrModule } {
  const texts = new SourceTexts(loaded.texts);
  const findings = new Findings(loaded, texts);
  const built = buildExperiment(loaded, texts);
  const storages = new StorageTable({}, { path: loaded.path, start: 0, end: 0 });
  const prepare = lowerPreparation({ built, storages, texts, findings });
  findings.throwIfAny();
  const { name } = built.experiment;
  const functions = prepare ? [prepare] : [];
  const module = finish({ name, sources: [], storages: [], groups: [], functions }, built.experiment, {
    texts,
    directory: loaded.directory,
    observe: () => {},
  });
  return { ...built, module };
}
