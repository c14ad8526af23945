/** @file From an `embed` stage to its program: the function that embeds, alone, of a net whose weights are in a file. */
import {
  type Catalogue,
  EMBED,
  type Embeddings,
  embeddedOf,
  methodParts,
  netAlone,
  type OpenedData,
  type Weights,
} from "../../dsl/index.js";
import { experimentError } from "../diagnostics/catalogue.js";
import type { IrModule } from "../ir/module.js";
import { exportedNames, extract } from "../passes/extract.js";
import { verify } from "../verify/verify.js";
import { checkEmbedding, INFER, lowerInference } from "./build/embedding.js";
import { methodSources, storagesOf } from "./build/experiment.js";
import { Findings } from "./build/findings.js";
import { finish } from "./build/finish.js";
import type { LoadedFile } from "./load/load.js";
import { SourceTexts } from "./lower/function-source.js";

/** A program that embeds, and the images that it is given. */
export interface EmbedProgram {
  readonly stage: Embeddings;
  readonly module: IrModule;
  /** The name of the file with the weights in the program. */
  readonly file: string;
  readonly function: string;
  readonly result: string;
  /** Sets of images whose rows follow each other. */
  readonly sets: readonly Catalogue[];
  readonly rows: number;
  readonly columns: number;
}

const FILE = "net";

/** The program of an `embed` stage called `name` whose net is the `infer` of `module`; `names`: those of its tensors in the file, if not as exported. */
export function embedProgram(
  name: string,
  stage: Embeddings,
  data: OpenedData,
  module: IrModule,
  names?: (tensor: string) => string,
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
  const tensorsOf = (storages: readonly string[]) => {
    const exported = exportedNames(storages);
    return (storage: string) => (names === undefined ? exported(storage) : names(exported(storage)));
  };
  const program = extract(module, { name, function: INFER, file: FILE, tensorsOf });
  const [violation] = verify(program);
  if (violation)
    throw new Error(`internal: the extracted program breaks ${violation.constraint}: ${violation.message}`);
  return {
    stage,
    module: program,
    file: FILE,
    function: INFER,
    result: result.name,
    sets,
    rows: sets.reduce((rows, set) => rows + set.offsets.at(-1)!, 0),
    columns,
  };
}

/** Compiles a net of which only the weights are given, for images such as those of `train`. */
export function compileNet(
  loaded: Omit<LoadedFile, "declared">,
  name: string,
  { net }: Pick<Weights, "net">,
  train: Catalogue,
): IrModule {
  const texts = new SourceTexts(loaded.texts);
  const findings = new Findings(loaded, texts);
  const { state, parts: method } = methodParts(netAlone(net(train.shape)))!;
  const setting = { identities: 0, images: 0, shape: train.shape, streams: {}, seed: 0 };
  const { embed } = methodSources(method, texts, findings);
  const storages = storagesOf(state, embed, loaded);
  const lowering = { built: { method, state, setting, train }, storages, texts, findings };
  checkEmbedding(lowering, embed);
  findings.throwIfAny();
  const infer = lowerInference(lowering, embed);
  findings.throwIfAny();
  return finish(
    { name, sources: [], storages: storages.all, groups: storages.groups, functions: [infer!] },
    { precision: "f32", layout: "contiguous", accumulate: 1 },
    { texts, directory: loaded.directory, observe: () => {} },
  );
}
