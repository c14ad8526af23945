/** @file A data set as the matrix of its embeddings (`embed`): rows that are appended to a file, which goes on where it ends. */
import { join, resolve } from "node:path";
import { experimentError } from "../../../compiler/diagnostics/catalogue.js";
import {
  compileNet,
  type EmbedProgram,
  embedProgram,
  type IrModule,
  openingContext,
  showingOption,
} from "../../../compiler/index.js";
import {
  type Catalogue,
  EMBED,
  type Embeddings,
  isExperiment,
  type MadeEmbeddings,
} from "../../../dsl/index.js";
import { Observers } from "../../observe/observer.js";
import { RunLog } from "../../observe/run-log.js";
import { hashOf, makeFolder } from "../../run/files.js";
import { shortHash } from "../../run/identity/json.js";
import { listingOf } from "../../run/identity/listing.js";
import { dataOptions } from "../../run/identity.js";
import { readProgram } from "../../run/kept-program.js";
import { takeRunLock } from "../../run/lock.js";
import { Embedder } from "../embedder.js";
import { grouped } from "../facts.js";
import type { WeightsFile } from "../host.js";
import type { Planning, StageMaker, StagePlan } from "../maker.js";
import { NET_FILE, trainedNet } from "../trained-net.js";

const ROWS_FILE = "embeddings.safetensors";

export interface EmbeddingPlan extends StagePlan {
  readonly program: EmbedProgram;
  readonly batch: number;
  /** The file with the weights, once there is one. */
  readonly weights: () => WeightsFile;
}

export const embeddings: StageMaker<Embeddings, EmbeddingPlan> = {
  plan(stage, planning) {
    const { program, weights, net } = showingOption(planning.file, () => planned(stage, planning));
    const { batch, of, ...given } = stage[EMBED];
    const { device = given.device, backend = given.backend } = planning.options;
    const { module, rows, columns } = program;
    planning.observe({ name: "extracted", statistics: {}, module });
    return {
      program,
      batch,
      weights,
      module,
      inputs: {
        ...net,
        ...Object.fromEntries(program.sets.map((set, i) => [`data.${i}`, dataHash(stage, set)])),
      },
      options: { of, batch, device, backend },
      device,
      backend,
      says: [`${grouped(rows)} rows of ${columns}`],
      warnings: [],
    };
  },

  async make(stage, { options, terminal, restarts, start, begins }) {
    const { name, folder, program, device, backend, batch } = stage;
    makeFolder(folder);
    const lock = takeRunLock(join(folder, ".lock"), folder);
    try {
      const observers = new Observers(terminal, new RunLog(join(folder, "run.log")));
      observers.note(
        `${name}: ${program.rows.toLocaleString("en-US")} images to rows of ${program.columns}; ${folder}`,
      );
      const embedder = new Embedder(name, program, join(folder, ROWS_FILE), observers, {
        device,
        backend,
        threads: options.threads,
        batch,
        weights: stage.weights(),
        restarts,
        start,
      });
      begins(embedder);
      const written = await embedder.run(start());
      return written && { [ROWS_FILE]: written };
    } finally {
      lock.release();
    }
  },

  made: ({ folder, hash, program: { columns } }): MadeEmbeddings => ({
    path: join(folder, ROWS_FILE),
    columns,
    hash,
  }),
};

/** What decides which images a set has, but for where they lie. */
function dataHash(stage: Embeddings, set: Catalogue): string {
  const options = JSON.stringify(dataOptions(stage[EMBED].data.kind, set));
  return shortHash(`${options} ${listingOf(set).hash}`);
}

interface PlannedNet {
  readonly program: EmbedProgram;
  readonly weights: () => WeightsFile;
  /** The hash of a net that no stage makes. */
  readonly net: Readonly<Record<string, string>>;
}

/** The program of a stage, and where the weights of its net are. */
function planned(stage: Embeddings, { name, file, made, planned }: Planning): PlannedNet {
  const { net, data } = stage[EMBED];
  const opened = data.open(openingContext({ directory: file.directory, made }));
  if (isExperiment(net)) {
    const trained = planned(net);
    return {
      program: embedProgram(name, stage, opened, trained.module),
      weights: () => trainedNet(trained),
      net: {},
    };
  }
  if (typeof net === "string") {
    const folder = resolve(file.directory, net);
    const weights = fileOf(folder, join(folder, NET_FILE), true);
    const program = embedProgram(name, stage, opened, moduleIn(folder));
    return { program, weights: () => weights, net: { net: weights.sha256 } };
  }
  const path = resolve(file.directory, net.from);
  const weights = fileOf(net.from, path, net.strict ?? true);
  const set = opened.train.offsets.at(-1)! > 0 ? opened.train : opened.heldOut;
  const module = compileNet(file, name, net, set);
  return {
    program: embedProgram(name, stage, opened, module, net.names),
    weights: () => weights,
    net: { net: weights.sha256 },
  };
}

function fileOf(named: string, path: string, strict: boolean): WeightsFile {
  try {
    return { path, sha256: hashOf(path).sha256, strict };
  } catch (error) {
    throw experimentError("bad-embed.folder", { folder: named, problem: (error as Error).message });
  }
}

/** The program that ran in a folder. */
function moduleIn(folder: string): IrModule {
  try {
    return readProgram(folder);
  } catch (error) {
    throw experimentError("bad-embed.folder", { folder, problem: (error as Error).message });
  }
}
