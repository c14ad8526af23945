/**
 * @file The net that a command is given: the folder of a run, a TorchScript or an ONNX file, or a file of weights with the experiment whose
 * net it is. Whatever it is, evaluations ask it for the same: `embed`, the embedding of an image and its mirror image, and `infer`.
 */
import { closeSync, openSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  EXPORTED_NET,
  type IrModule,
  type LoadedValue,
  loadValue,
  netOfExperiment,
  netOfFile,
} from "../../compiler/index.js";
import { readHeader } from "../../dsl/data/safetensors-header.js";
import { type Experiment, isExperiment, type Net } from "../../dsl/index.js";
import type { Embedded, EvaluatedProgram, Wanted } from "../evaluate/evaluated-program.js";
import {
  channelsOf,
  conventionOf,
  feedingOf,
  graphInput,
  type InputConvention,
  type InputOptions,
  inWordsOf,
  type KnownInput,
  overruled,
  statedInput,
  toldInput,
} from "../evaluate/input-convention.js";
import { hashOf } from "../run/files.js";
import type { LoadOptions } from "../stages/host.js";
import type { HostSession } from "../stages/host-session.js";
import { isRun, netOfRun, restoreNet, whichCheckpoint } from "./net-of-run.js";

export interface NetOptions extends InputOptions {
  /** Of a run. */
  readonly checkpoint?: string;
  /** Of a file of weights: the file that declares their net. */
  readonly net?: string;
  readonly flip?: string;
  readonly device?: string;
  readonly threads?: number;
}

/** What is added of an image and its mirror image; nothing where the image is embedded alone. */
export type Flip = "features" | "unit" | "none";

/** A net in a host. */
export interface NamedNet {
  /** As it was named. */
  readonly name: string;
  /** What it is, and how images are made ready for it; a line each. */
  readonly says: readonly string[];
  /** Channels, height and width of its images. */
  readonly shape: readonly number[];
  /** What is asked for embeddings. */
  readonly program: EvaluatedProgram;
}

/** A function of what is in the host. */
type Call = Pick<Wanted, "flip"> & { readonly function: string };
type Calls = Readonly<Record<"embed" | "infer", Call>>;

/** What a flip is called on the command line; undefined where protocols say it themselves. */
export function toldFlip(given: string | undefined): Flip | undefined {
  if (given === undefined || given === "features" || given === "unit" || given === "none") return given;
  throw experimentError("bad-command-line.flip", { given });
}

/** What kind of net is named. Throws F2C2568 where it is none. */
export function kindOf(net: string, options: NetOptions): "run" | "torchscript" | "onnx" | "weights" {
  const kind = kindAt(net);
  const whole = (option: string, is: string) => experimentError("no-such-net.whole", { net, option, is });
  if (options.checkpoint !== undefined && kind !== "run") throw whole("checkpoint", "is no run");
  if (options.net !== undefined && kind !== "weights") throw whole("net", "holds its net itself");
  if (options.net === undefined && kind === "weights") throw experimentError("no-such-net.weights", { net });
  return kind;
}

function kindAt(net: string) {
  const found = statSync(net, { throwIfNoEntry: false });
  if (!found) throw experimentError("no-such-net", { net });
  if (found.isDirectory()) {
    if (isRun(net)) return "run";
    throw experimentError("no-such-net.folder", { net });
  }
  if (/\.(pt|pth|torchscript)$/.test(net)) return "torchscript";
  if (/\.onnx$/.test(net)) return "onnx";
  if (/\.safetensors$/.test(net)) return "weights";
  throw experimentError("no-such-net.kind", { net });
}

/** Opens a net in a host. `say` hears of checkpoints that are skipped. */
export function openNet(
  net: string,
  options: NetOptions,
  host: HostSession,
  say: (line: string) => void,
): Promise<NamedNet> {
  const told = toldInput(options);
  const flip = toldFlip(options.flip);
  const kind = kindOf(net, options);
  const load: LoadOptions = {
    device: options.device ?? "auto",
    backend: "torchscript",
    threads: options.threads,
  };
  if (kind === "run") return openRun(net, options, { told, flip, load }, host, say);
  if (kind === "weights") return openWeights(net, options.net!, { told, flip, load }, host);
  return openFile(net, kind, { told, flip, load }, host);
}

interface Given {
  readonly told: KnownInput;
  readonly flip: Flip | undefined;
  readonly load: LoadOptions;
}

const LOADED = "net";

/** Evaluated as it was while it trained: its program makes images ready by itself. */
async function openRun(
  net: string,
  { checkpoint }: NetOptions,
  { told, flip, load }: Given,
  host: HostSession,
  say: (line: string) => void,
): Promise<NamedNet> {
  const found = netOfRun(net, whichCheckpoint(checkpoint));
  const functions = found.module.functions.filter(({ name }) => name === "embed" || name === "infer");
  const { dims, dtype } = imagesOf(found.module);
  const shape = dims.slice(1) as number[];
  const pixels = dtype === "u8" && (shape[0] === 1 || shape[0] === 3);
  const stated: KnownInput | undefined = pixels
    ? {
        size: [shape[1]!, shape[2]!],
        order: shape[0] === 1 ? "grey" : "rgb",
        type: "uint8",
        pixels: true,
      }
    : undefined;
  const convention = stated && conventionOf(net, stated, told);
  const hosted = await host.load(LOADED, { ...found.module, functions }, load);
  const { info } = await restoreNet(hosted, found, say);
  const says = [`${net}: ${found.experiment} before step ${info.step}`, ...overruled(stated ?? {}, told)];
  return named(net, says, shape, hosted, programCalls(flip), convention);
}

async function openFile(
  net: string,
  kind: "torchscript" | "onnx",
  { told, flip, load }: Given,
  host: HostSession,
): Promise<NamedNet> {
  const hosted = await host.loadNet(LOADED, kind, resolve(net), load);
  const { "f2c.input": text } = hosted.texts;
  const stated = { ...statedInput(net, text), ...defined(graphInput(hosted.input)) };
  const convention = conventionOf(net, stated, told);
  const alone = { function: "forward" };
  const both: Call = convention.flip
    ? alone // it adds the mirror image by itself
    : { ...alone, flip: flip === "unit" ? "unit" : "rows" };
  const says = [
    `${net}: ${kind === "onnx" ? "ONNX" : "TorchScript"}; ${inWordsOf(convention)}`,
    ...overruled(stated, told),
    ...(flip === undefined && givesUnitRows(hosted.texts) ? [UNIT_ROWS] : []),
  ];
  return named(net, says, shapeOf(convention), hosted, { embed: both, infer: alone }, convention);
}

const UNIT_ROWS =
  "its rows have length 1: with flip two of these are added, where a run adds what its method's `embed` gives (--flip unit: rows of length 1 there too)";

/** Whether the file says so: in a text of its own (ONNX), or in `about.json` (TorchScript). */
function givesUnitRows(texts: Readonly<Record<string, string>>): boolean {
  if (texts["embedding.norm"] === "1") return true;
  try {
    return JSON.parse(texts["about.json"] ?? "{}")["embedding.norm"] === "1";
  } catch {
    return false;
  }
}

const defined = (known: KnownInput): KnownInput =>
  Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));

/** Weights by the names of an export, in the net that a file declares. */
async function openWeights(
  net: string,
  declaredIn: string,
  { told, flip, load }: Given,
  host: HostSession,
): Promise<NamedNet> {
  const stated = statedInput(net, metadataOf(net)["f2c.input"]);
  const declared = loadValue(declaredIn, isNetOrExperiment, "default-export-of-another-kind.net");
  const { module, convention } = netOf(net, declared, stated, told);
  const files = { [EXPORTED_NET]: { path: resolve(net), sha256: hashOf(net).sha256 } };
  const hosted = await host.load(LOADED, module, { ...load, files });
  await hosted.initialise(0);
  const says = [
    `${net}: weights in the net of ${declaredIn}; ${inWordsOf(convention)}`,
    ...overruled(stated, told),
  ];
  return named(net, says, shapeOf(convention), hosted, programCalls(flip), convention);
}

function netOf(
  net: string,
  loaded: LoadedValue<Experiment | Net>,
  stated: KnownInput,
  told: KnownInput,
): { readonly module: IrModule; readonly convention: InputConvention } {
  const { declared, ...rest } = loaded;
  if (!isExperiment(declared)) {
    const convention = conventionOf(net, stated, told);
    return { module: netOfFile({ ...rest, declared }, shapeOf(convention)), convention };
  }
  const module = netOfExperiment({ ...rest, experiment: declared });
  const [, channels, height, width] = imagesOf(module).dims as [unknown, number, number, number];
  const own: KnownInput = { size: [height, width], ...(channels === 1 && { order: "grey" as const }) };
  // The size is that of the net, whatever the file was exported of.
  return { module, convention: conventionOf(net, { ...stated, ...own }, told) };
}

const isNetOrExperiment = (value: unknown): value is Experiment | Net =>
  isExperiment(value) || (typeof value === "function" && "embedding" in value);

const shapeOf = ({ size, order }: InputConvention): readonly [number, number, number] => [
  channelsOf(order),
  ...size,
];

function metadataOf(net: string): Readonly<Record<string, string>> {
  let file: number | undefined;
  try {
    file = openSync(net, "r");
    return readHeader(file).metadata;
  } catch (error) {
    throw experimentError("no-such-net.damaged", { net, problem: (error as Error).message });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function imagesOf(module: IrModule) {
  const type = module.functions.find(({ name }) => name === "infer")?.inputs[0]?.value.type;
  if (type?.kind !== "tensor") throw new Error(`internal: ${module.name} has no function that embeds`);
  return type;
}

/** Of a program whose `embed` adds features, and whose `infer` gives rows of length 1. */
const programCalls = (flip: Flip | undefined): Calls => ({
  embed: flip === "unit" ? { function: "infer", flip: "rows" } : { function: "embed" },
  infer: { function: "infer" },
});

function named(
  name: string,
  says: readonly string[],
  shape: readonly number[],
  hosted: EvaluatedProgram,
  calls: Calls,
  convention: InputConvention | undefined,
): NamedNet {
  const feeding = convention && feedingOf(convention);
  const program: EvaluatedProgram = {
    embed: ({ function: fn, ...wanted }: Wanted): Promise<Embedded> =>
      fn === null
        ? hosted.embed({ ...wanted, function: null })
        : hosted.embed({ ...wanted, ...calls[fn as keyof Calls], feeding }),
  };
  return { name, says, shape, program };
}
