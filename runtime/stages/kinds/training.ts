/** @file An experiment as a stage of a study: a run in the stage's folder, which goes on at its newest checkpoint. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type CompiledExperiment, compileExperiment, exportedTensors } from "../../../compiler/index.js";
import type { Experiment, MadeWeights } from "../../../dsl/index.js";
import { ofEveryRun } from "../../observe/every-run.js";
import { Observers } from "../../observe/observer.js";
import { hashOf } from "../../run/files.js";
import type { Json } from "../../run/identity/json.js";
import { identityOf } from "../../run/identity.js";
import { RunFolder } from "../../run/run-folder.js";
import { beginRun } from "../begin-run.js";
import { EXPORTED } from "../export-net.js";
import { saidOf } from "../facts.js";
import type { StageMaker, StagePlan } from "../maker.js";
import { madeFrom, trainedNet } from "../trained-net.js";
import { Trainer } from "../trainer.js";

export interface TrainingPlan extends StagePlan {
  readonly program: CompiledExperiment;
}

/** What a run leaves that others may be made from: the net, one file an exporter, and what is known of it. */
const LEFT = /^(net\.\w+|summary\.json|ir\.json)$/;

export const training: StageMaker<Experiment, TrainingPlan> = {
  plan(experiment, { file, options, made, observe }) {
    const { device = experiment.device, backend = experiment.backend, threads, steps } = options;
    const program = { ...compileExperiment({ ...file, experiment, made }, observe), stopAfter: steps };
    const { versions: _, ...identity } = identityOf(program, { device, backend, threads });
    return {
      program,
      module: program.module,
      needs: madeFrom(program.files).needs,
      inputs: {},
      options: { ...identity, stopAfter: steps ?? null } as unknown as Json,
      device,
      backend,
      says: saidOf(program),
      warnings: program.warnings,
    };
  },

  async make({ program, folder: path }, { file, options, terminal, restarts, start, begins, asText }) {
    const { experiment } = program;
    const { name } = experiment;
    const resume = existsSync(join(path, "config.json"));
    const folder = resume ? RunFolder.reopen(path, name) : RunFolder.create(path, name);
    try {
      const observers = new Observers(terminal, ...ofEveryRun(folder));
      const say = (line: string) => observers.note(line);
      const given = beginRun(folder, { ...file, experiment }, program, options, resume, say);
      for (const note of program.notes) observers.note(note);
      const trainer = new Trainer(program, folder, observers, { ...given, restarts, start });
      begins(trainer);
      const { summary, failedEvaluation } = await trainer.run(start());
      if (failedEvaluation) observers.note(asText(failedEvaluation));
      if (summary.interrupted) return undefined;
      const files = readdirSync(path).filter((name) => LEFT.test(name));
      return Object.fromEntries(files.sort().map((name) => [name, hashOf(folder.file(name))]));
    } finally {
      folder.release();
    }
  },

  made: (stage): MadeWeights => ({
    hash: stage.hash,
    tensors: new Map(
      [...exportedTensors(stage.module, EXPORTED)].map(([name, { dtype, dims }]) => [
        name,
        { dtype, shape: dims as readonly number[] },
      ]),
    ),
    file: () => trainedNet(stage),
  }),
};
