/** @file A stage with a driver (`answered`): it goes on at its newest checkpoint, and leaves what its driver says as two files. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type AnsweredProgram, compileAnswered } from "../../../compiler/index.js";
import { ANSWERED, type Answered, type Left, type MadeResult } from "../../../dsl/index.js";
import { Observers } from "../../observe/observer.js";
import { RunLog } from "../../observe/run-log.js";
import { hashOf, makeFolder, writeWhole } from "../../run/files.js";
import { dataHash } from "../../run/identity/data-hash.js";
import { functionsOf } from "../../run/identity/functions.js";
import { type Json, jsonOf } from "../../run/identity/json.js";
import { takeRunLock } from "../../run/lock.js";
import { readSafetensors, writeSafetensors } from "../../run/safetensors.js";
import { Answerer } from "../answerer.js";
import { readArtefact } from "../artefact.js";
import { grouped } from "../facts.js";
import type { PlannedStage, StageMaker, StagePlan } from "../maker.js";
import { filesOf, madeFrom } from "../trained-net.js";

const ARRAYS_FILE = "result.safetensors";
const NUMBERS_FILE = "result.json";
const CHECKPOINTS = "checkpoints";

export interface AnsweredPlan extends StagePlan {
  readonly program: AnsweredProgram;
}

export const answered: StageMaker<Answered, AnsweredPlan> = {
  plan(stage, { name, file, options: asked, made, observe }) {
    const { data, of, options, open, checkpoint, ...given } = stage[ANSWERED];
    const program = compileAnswered({ ...file, made }, name, stage, observe);
    const { device = given.device, backend = given.backend } = asked;
    const own = functionsOf({ open }, true) as unknown as Json;
    const { needs, hashes } = madeFrom(program.files);
    return {
      program,
      module: program.module,
      needs,
      inputs: {
        data: dataHash(data, program.data),
        ...hashes,
      },
      options: { of, device, backend, checkpoint, options: jsonOf(options), own },
      device,
      backend,
      says: [
        ...program.notes,
        `${grouped(program.data.offsets.at(-1)!)} rows of ${grouped(program.data.offsets.length - 1)} identities`,
      ],
      warnings: [],
    };
  },

  async make(
    { name, kind, folder, program, device, backend },
    { options, terminal, restarts, start, begins },
  ) {
    makeFolder(folder);
    const lock = takeRunLock(join(folder, ".lock"), folder);
    try {
      const observers = new Observers(terminal, new RunLog(join(folder, "run.log")));
      observers.note(`${name}: ${kind}; ${folder}`);
      const answerer = new Answerer(name, program, join(folder, CHECKPOINTS), observers, {
        device,
        backend,
        threads: options.threads,
        files: filesOf(program.files),
        restarts,
        start,
      });
      begins(answerer);
      const left = await answerer.run(start());
      if (left?.numbers) observers.note(`${name}: ${shown(left.numbers)}`);
      return left && leave(folder, left);
    } finally {
      lock.release();
    }
  },

  decides: true,

  made: (stage): MadeResult => ({ arrays: () => arraysIn(stage) }),
};

/** What a stage has left, if it is made. */
const arraysIn = ({ folder, recipe }: Pick<PlannedStage, "folder" | "recipe">): Left["arrays"] =>
  readArtefact(folder, recipe) && readSafetensors(join(folder, ARRAYS_FILE));

/** Numbers by their names, on a line. */
const shown = (numbers: NonNullable<Left["numbers"]>): string =>
  Object.entries(numbers)
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? grouped(value) : value.toPrecision(4)}`)
    .join(", ");

/** Writes what a stage leaves; what it would have gone on from is not needed any more. */
function leave(folder: string, { arrays = {}, numbers = {} }: Left) {
  const files = { [ARRAYS_FILE]: writeSafetensors(join(folder, ARRAYS_FILE), arrays) };
  const path = join(folder, NUMBERS_FILE);
  writeWhole(path, `${JSON.stringify(numbers, undefined, 2)}\n`);
  rmSync(join(folder, CHECKPOINTS), { recursive: true, force: true });
  return { ...files, [NUMBERS_FILE]: hashOf(path) };
}
