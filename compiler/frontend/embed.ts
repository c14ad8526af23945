/** @file From an `embed` stage, or a net whose weights are in files, to its program: the functions that embed, alone. */
import {
  type Catalogue,
  EMBED,
  type Embeddings,
  embeddedOf,
  methodParts,
  type Net,
  netAlone,
  type OpenedData,
} from "../../dsl/index.js";
import type { StartingWeights } from "../build/starting-weights.js";
import { experimentError } from "../diagnostics/catalogue.js";
import type { IrModule } from "../ir/module.js";
import { extract } from "../passes/extract.js";
import { verify } from "../verify/verify.js";
import { checkEmbedding, EMBED_FUNCTION, INFER, lowerEmbeddings, lowerInference } from "./build/embedding.js";
import { buildExperiment, methodSources, storagesOf } from "./build/experiment.js";
import { Findings } from "./build/findings.js";
import { AS_WRITTEN, finish } from "./build/finish.js";
import type { BuiltNet, Compilation } from "./build/lowering.js";
import type { LoadedExperiment, LoadedValue } from "./load/load.js";
import { type FunctionSource, SourceTexts } from "./lower/function-source.js";

/** A program that embeds, and the images that it is given. */
export interface EmbedProgram {
  readonly stage: Embeddings;
  readonly module: IrModule;
  readonly function: string;
  readonly result: string;
  /** Sets of images whose rows follow each other. */
  readonly sets: readonly Catalogue[];
  readonly rows: number;
  readonly columns: number;
}

/** The name in a program of the file that a run has exported. */
export const EXPORTED_NET = "net";

/**
 * The program of an `embed` stage called `name` whose net is the `infer` of `module`. Its weights are in the file that was exported
 * of it, unless `file` is null: then they start as they do there.
 */
export function embedProgram(
  name: string,
  stage: Embeddings,
  data: OpenedData,
  module: IrModule,
  file: string | null = EXPORTED_NET,
): EmbedProgram {
  const fn = module.functions.find((fn) => fn.name === INFER);
  const [images] = fn?.inputs ?? [];
  const [result] = fn?.results ?? [];
  if (images?.value.type.kind !== "tensor" || result?.type.kind !== "tensor")
    throw new Error(`internal: ${module.name} has no function that embeds`);
  const columns = result.type.dims.at(-1);
  if (result.type.dims.length !== 2 || typeof columns !== "number")
    throw experimentError("bad-embed.columns", { found: `[${result.type.dims.join(", ")}]` });
  const { dims, dtype } = images.value.type;
  const sets = embeddedOf(stage, data).filter((set) => set.offsets.at(-1)! > 0);
  for (const set of sets) {
    const [wanted, found] = [
      [dtype, ...dims.slice(1)],
      [set.dtype ?? "u8", ...set.shape],
    ].map(([kind, ...sizes]) => `${kind} [${sizes.join(", ")}]`);
    if (wanted !== found) throw experimentError("bad-embed.shape", { wanted: wanted!, found: found! });
  }
  if (sets.length === 0) throw experimentError("bad-embed.empty", { of: stage[EMBED].of });
  const program = extract(module, { name, functions: [INFER], ...(file !== null && { file }) });
  const [violation] = verify(program);
  if (violation)
    throw new Error(`internal: the extracted program breaks ${violation.constraint}: ${violation.message}`);
  return {
    stage,
    module: program,
    function: INFER,
    result: result.name,
    sets,
    rows: sets.reduce((rows, set) => rows + set.offsets.at(-1)!, 0),
    columns,
  };
}

/** Compiles a net that starts from files (`weights`), for images such as those of `train`. */
export function compileNet(
  loaded: Omit<LoadedExperiment, "experiment">,
  name: string,
  net: Net,
  train: Catalogue,
): { readonly module: IrModule; readonly starting: StartingWeights } {
  const texts = new SourceTexts(loaded.texts);
  const findings = new Findings(loaded, texts);
  const { state, parts: method } = methodParts(netAlone(net(train.shape)))!;
  const setting = { identities: 0, images: 0, shape: train.shape, streams: {}, seed: 0 };
  const { embed } = methodSources(method, texts, findings);
  const { storages, starting } = storagesOf(state, embed, loaded, { trains: false });
  if (Object.keys(starting.files).length === 0) throw experimentError("bad-embed.no-weights", {});
  const lowering = { built: { method, state, setting, train }, storages, texts, findings };
  checkEmbedding(lowering, embed);
  findings.throwIfAny();
  const infer = lowerInference(lowering, embed);
  findings.throwIfAny();
  const module = finish(
    { name, sources: [], storages: storages.all, groups: storages.groups, functions: [infer!] },
    AS_WRITTEN,
    { texts, directory: loaded.directory, observe: () => {} },
  );
  return { module, starting };
}

/**
 * The functions that embed (`embed` of both flips, `infer`) of an experiment's net, over images that were made ready before, f32. Its weights
 * are in the file EXPORTED_NET, by the names that an export gives them.
 */
export function netOfExperiment(loaded: LoadedExperiment): IrModule {
  const texts = new SourceTexts(loaded.texts);
  const findings = new Findings(loaded, texts);
  const built = buildExperiment(loaded, texts);
  const { step, embed } = methodSources(built.method, texts, findings);
  const { storages } = storagesOf(built.state, step, loaded, { trains: true });
  const { name } = loaded.experiment;
  return fedProgram(name, { built, storages, texts, findings }, embed, loaded.directory);
}

/** The same of a net that a file exports by itself, for images of this shape. */
export function netOfFile(loaded: LoadedValue<Net>, shape: Catalogue["shape"]): IrModule {
  const texts = new SourceTexts(loaded.texts);
  const findings = new Findings(loaded, texts);
  const { state, parts: method } = methodParts(netAlone(loaded.declared(shape)))!;
  const setting = { identities: 0, images: 0, shape, streams: {}, seed: 0 };
  const train = { spec: {}, offsets: new Int32Array(1), shape, buffers: {} };
  const { embed } = methodSources(method, texts, findings);
  const { storages } = storagesOf(state, embed, loaded, { trains: false });
  const built = { method, state, setting, train };
  return fedProgram("net", { built, storages, texts, findings }, embed, loaded.directory);
}

function fedProgram(
  name: string,
  { built, ...compilation }: Compilation<BuiltNet>,
  embed: FunctionSource,
  directory: string,
): IrModule {
  const { storages, texts, findings } = compilation;
  const lowering = { ...compilation, built: { ...built, train: { ...built.train, dtype: "f32" as const } } };
  checkEmbedding(lowering, embed);
  findings.throwIfAny();
  const functions = lowerEmbeddings(lowering, embed).filter((fn) => fn !== undefined);
  findings.throwIfAny();
  const module = finish(
    { name, sources: [], storages: storages.all, groups: storages.groups, functions },
    AS_WRITTEN,
    { texts, directory, observe: () => {} },
  );
  const program = extract(module, { name, functions: [EMBED_FUNCTION, INFER], file: EXPORTED_NET });
  const [violation] = verify(program);
  if (violation)
    throw new Error(`internal: the extracted program breaks ${violation.constraint}: ${violation.message}`);
  return program;
}
