/** @file The stages of a study before they are made: their programs, what each is made from, its folder, and whether it is there. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  type CompiledExperiment,
  compileExperiment,
  compileNet,
  type EmbedProgram,
  embedProgram,
  type IrModule,
  type LoadedFile,
  openingContext,
  type PassRecord,
  showingOption,
  structureHash,
} from "../../compiler/index.js";
import {
  type Catalogue,
  EMBED,
  type Embeddings,
  inOrder,
  isEmbeddings,
  isExperiment,
  isStudy,
  type MadeEmbeddings,
  needsOf,
  type Stage,
  type Study,
} from "../../dsl/index.js";
import { hashOf } from "../run/files.js";
import { type Json, shortHash } from "../run/identity/json.js";
import { listingOf } from "../run/identity/listing.js";
import { dataOptions, identityOf } from "../run/identity.js";
import { readProgram } from "../run/kept-program.js";
import { hashOfRecipe, type Recipe, readArtefact } from "./artefact.js";
import type { WeightsFile } from "./host.js";

export const ROWS_FILE = "embeddings.safetensors";
export const NET_FILE = "net.safetensors";

/** What the command line says of every stage. */
export interface StudyOptions {
  /** The folder of the study: each stage has one in it. */
  readonly root: string;
  readonly device?: string | undefined;
  readonly backend?: string | undefined;
  readonly threads?: number | undefined;
  readonly steps?: number | undefined;
  /** Sees the program of a stage after every pass. */
  readonly observe?: (stage: string, record: PassRecord) => void;
}

interface PlannedBase {
  readonly name: string;
  readonly needs: readonly string[];
  readonly recipe: Recipe;
  readonly hash: string;
  /** `<root>/<name>-<the hash's first digits>`: another recipe has another folder, and leaves this one alone. */
  readonly folder: string;
  readonly device: string;
  readonly backend: string;
}

export interface PlannedTraining extends PlannedBase {
  readonly kind: "training";
  readonly program: CompiledExperiment;
}

export interface PlannedEmbedding extends PlannedBase {
  readonly kind: "embeddings";
  readonly program: EmbedProgram;
  readonly batch: number;
  /** The file with the weights, once there is one. */
  readonly weights: () => WeightsFile;
}

export type PlannedStage = PlannedTraining | PlannedEmbedding;

/** Whether a stage is made, was begun, or is not there. */
export function stateOf({ folder, recipe }: PlannedStage): "made" | "begun" | "missing" {
  if (readArtefact(folder, recipe)) return "made";
  return existsSync(folder) ? "begun" : "missing";
}

/** Whether a file declares a study. */
export const declaresStudy = (loaded: LoadedFile): loaded is LoadedFile & { readonly declared: Study } =>
  isStudy(loaded.declared);

/** The stages of a study in the order in which they are made. Throws a CompileError for one that does not compile. */
export function planStudy(
  loaded: LoadedFile & { readonly declared: Study },
  options: StudyOptions,
): readonly PlannedStage[] {
  const { declared, ...file } = loaded;
  const planned = new Map<Stage, PlannedStage>();
  const made = (source: unknown): MadeEmbeddings | undefined => {
    const stage = planned.get(source as Stage);
    if (stage?.kind !== "embeddings") return undefined;
    return { path: join(stage.folder, ROWS_FILE), columns: stage.program.columns, hash: stage.hash };
  };
  for (const [name, stage] of inOrder(declared)) {
    const needs = needsOf(stage).map((needed) => planned.get(needed)!.name);
    const inputs = Object.fromEntries(
      needsOf(stage).map((needed) => [planned.get(needed)!.name, planned.get(needed)!.hash]),
    );
    const { device, backend } = isEmbeddings(stage) ? stage[EMBED] : stage;
    const given = {
      device: options.device ?? device,
      backend: options.backend ?? backend,
      threads: options.threads,
    };
    const finished = <S extends PlannedStage>(recipe: Recipe, rest: Omit<S, keyof PlannedBase>) => {
      const hash = hashOfRecipe(recipe);
      const folder = join(resolve(options.root), `${name}-${hash.slice(0, 8)}`);
      return {
        name,
        needs,
        recipe,
        hash,
        folder,
        device: given.device,
        backend: given.backend,
        ...rest,
      } as unknown as S;
    };
    if (isExperiment(stage)) {
      const program = {
        ...compileExperiment({ ...file, experiment: stage, made }, (record) =>
          options.observe?.(name, record),
        ),
        stopAfter: options.steps,
      };
      const { versions: _, ...identity } = identityOf(program, given);
      const options_ = { ...identity, stopAfter: options.steps ?? null } as unknown as Json;
      planned.set(
        stage,
        finished<PlannedTraining>(
          { kind: "training", program: structureHash(program.module), inputs, options: options_ },
          { kind: "training", program },
        ),
      );
      continue;
    }
    const { program, weights, net } = showingOption(file, () =>
      embedding(name, stage, loaded, planned, made),
    );
    const { batch, of } = stage[EMBED];
    planned.set(
      stage,
      finished<PlannedEmbedding>(
        {
          kind: "embeddings",
          program: structureHash(program.module),
          inputs: {
            ...inputs,
            ...net,
            ...Object.fromEntries(program.sets.map((set, i) => [`data.${i}`, dataHash(stage, set)])),
          },
          options: { of, batch, device: given.device, backend: given.backend },
        },
        { kind: "embeddings", program, batch, weights },
      ),
    );
  }
  return [...planned.values()];
}

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

/** The program of an `embed` stage, and where the weights of its net are. */
function embedding(
  name: string,
  stage: Embeddings,
  loaded: LoadedFile,
  planned: ReadonlyMap<Stage, PlannedStage>,
  made: (source: unknown) => MadeEmbeddings | undefined,
): PlannedNet {
  const { net, data } = stage[EMBED];
  const opened = data.open(openingContext({ directory: loaded.directory, made }));
  if (isExperiment(net)) {
    const trained = planned.get(net) as PlannedTraining;
    return {
      program: embedProgram(name, stage, opened, trained.program.module),
      weights: () => weightsOf(trained),
      net: {},
    };
  }
  if (typeof net === "string") {
    const folder = resolve(loaded.directory, net);
    const weights = fileOf(folder, join(folder, NET_FILE), true);
    const program = embedProgram(name, stage, opened, moduleIn(folder));
    return { program, weights: () => weights, net: { net: weights.sha256 } };
  }
  const path = resolve(loaded.directory, net.from);
  const weights = fileOf(net.from, path, net.strict ?? true);
  const set = opened.train.offsets.at(-1)! > 0 ? opened.train : opened.heldOut;
  const module = compileNet(loaded, name, net, set);
  return {
    program: embedProgram(name, stage, opened, module, net.names),
    weights: () => weights,
    net: { net: weights.sha256 },
  };
}

function weightsOf({ name, folder, recipe }: PlannedTraining): WeightsFile {
  const file = readArtefact(folder, recipe)?.files[NET_FILE];
  if (!file)
    throw experimentError("bad-embed.folder", {
      folder,
      problem: `${name} left no ${NET_FILE}, which the exporter safetensors writes`,
    });
  return { path: join(folder, NET_FILE), sha256: file.sha256, strict: true };
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
