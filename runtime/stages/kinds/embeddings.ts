/** @file A data set as the matrix of its embeddings (`embed`): rows that are appended to a file, which goes on where it ends. */
import { join, resolve } from "node:path";
import { experimentError } from "../../../compiler/diagnostics/catalogue.js";
import {
  compileNet,
  type EmbedProgram,
  EXPORTED_NET,
  embedProgram,
  type IrModule,
  NET_FILE,
  openingContext,
  showingOption,
} from "../../../compiler/index.js";
import { EMBED, type Embeddings, isExperiment, type MadeEmbeddings, type Stage } from "../../../dsl/index.js";
import { Observers } from "../../observe/observer.js";
import { RunLog } from "../../observe/run-log.js";
import { hashOf, makeFolder } from "../../run/files.js";
import { dataHash } from "../../run/identity/data-hash.js";
import { readProgram } from "../../run/kept-program.js";
import { takeRunLock } from "../../run/lock.js";
import { Embedder } from "../embedder.js";
import { grouped } from "../facts.js";
import type { LoadOptions, WeightsFile } from "../host.js";
import type { Planning, StageMaker, StagePlan } from "../maker.js";
import { filesOf, madeFrom, trainedNet } from "../trained-net.js";

const ROWS_FILE = "embeddings.safetensors";

export interface EmbeddingPlan extends StagePlan {
  readonly program: EmbedProgram;
  readonly batch: number;
  /** The files with the weights, once they are there. */
  readonly files: () => NonNullable<LoadOptions["files"]>;
}

export const embeddings: StageMaker<Embeddings, EmbeddingPlan> = {
  plan(stage, planning) {
    const { program, files, net, notes, needs } = showingOption(planning.file, () =>
      planned(stage, planning),
    );
    const { batch, of, ...given } = stage[EMBED];
    const { device = given.device, backend = given.backend } = planning.options;
    const { module, rows, columns } = program;
    planning.observe({ name: "extracted", statistics: {}, module });
    return {
      program,
      batch,
      files,
      module,
      needs,
      inputs: {
        ...net,
        ...Object.fromEntries(program.sets.map((set, i) => [`data.${i}`, dataHash(stage[EMBED].data, set)])),
      },
      options: { of, batch, device, backend },
      device,
      backend,
      says: [...notes, `${grouped(rows)} rows of ${columns}`],
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
        files: stage.files(),
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

interface PlannedNet {
  readonly program: EmbedProgram;
  readonly files: EmbeddingPlan["files"];
  /** The hashes of files that no stage makes. */
  readonly net: Readonly<Record<string, string>>;
  /** Stages that make its weights, beside the one that `embed` names. */
  readonly needs: readonly Stage[];
  readonly notes: readonly string[];
}

/** The program of a stage, and where the weights of its net are. */
function planned(stage: Embeddings, { name, file, made, planned }: Planning): PlannedNet {
  const { net, data } = stage[EMBED];
  const opened = data.open(openingContext({ directory: file.directory, made }));
  if (isExperiment(net)) {
    const trained = planned(net);
    return {
      program: embedProgram(name, stage, opened, trained.module),
      files: () => ({ [EXPORTED_NET]: trainedNet(trained) }),
      net: {},
      needs: [],
      notes: [],
    };
  }
  if (typeof net === "string") {
    const folder = resolve(file.directory, net);
    const weights = fileOf(folder, join(folder, NET_FILE));
    const program = embedProgram(name, stage, opened, moduleIn(folder));
    return {
      program,
      files: () => ({ [EXPORTED_NET]: weights }),
      net: { net: weights.sha256 },
      needs: [],
      notes: [],
    };
  }
  const set = opened.train.offsets.at(-1)! > 0 ? opened.train : opened.heldOut;
  const {
    module,
    starting: { files, notes },
  } = compileNet({ ...file, made }, name, net, set);
  const { needs, hashes } = madeFrom(files);
  return {
    program: embedProgram(name, stage, opened, module, null),
    files: () => filesOf(files),
    net: hashes,
    needs,
    notes,
  };
}

function fileOf(named: string, path: string): WeightsFile {
  try {
    return { path, sha256: hashOf(path).sha256 };
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
