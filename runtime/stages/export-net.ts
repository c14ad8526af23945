/** @file The net as files of its own: one an exporter, each with the facts that whoever feeds it must know. */
import { basename } from "node:path";
import { type IrModule, structureHash, type TensorType } from "../../compiler/index.js";
import { NORMALISATION } from "../../dsl/index.js";
import { packageVersion } from "../run/versions.js";
import type { HostedProgram } from "./host.js";

/** The compiled function that takes pixels and gives unit embeddings. */
export const EXPORTED = "infer";

/** The state that is exported: of which run, before which step. */
export interface ExportedState {
  readonly module: IrModule;
  readonly experiment: string;
  readonly folder: string;
  readonly step: number;
}

/** What a net's files say of it; texts, as every format can hold them. docs/exporting.md lists the fields. */
export function aboutNet({ module, experiment, folder, step }: ExportedState): Record<string, string> {
  const infer = module.functions.find(({ name }) => name === EXPORTED)!;
  const [images, embedding] = [infer.inputs[0]!.value.type, infer.results[0]!.type];
  if (images.kind !== "tensor" || embedding.kind !== "tensor")
    throw new Error(`internal: ${EXPORTED} takes and gives tensors`);
  return {
    experiment,
    run: basename(folder),
    step: String(step),
    "f2c-dsl": packageVersion(),
    program: structureHash(module),
    ...(images.dims.length === 4 ? aboutImages(images.dims) : aboutRows(images.dims)),
    "embedding.length": String(embedding.dims.at(-1)),
    "embedding.norm": "1",
  };
}

/** Of u8 pixels [B, C, H, W]. `f2c.input` says the same again for programs; safetensors and insightface change what differs there. */
function aboutImages([, channels, height, width]: TensorType["dims"]): Record<string, string> {
  const { mean, scale } = NORMALISATION;
  const order = channels === 1 ? "grey" : "rgb";
  return {
    "input.layout": "NCHW",
    "input.type": "uint8",
    "input.size": `${channels} x ${height} x ${width}`,
    "input.colours": order === "grey" ? "grey" : "RGB",
    "input.range": "0 to 255",
    "input.normalisation": `(x - ${mean}) / ${scale}`,
    "f2c.input": JSON.stringify({
      ...{ size: [height, width], channels, order, type: "uint8" },
      ...{ pixels: true, mean, scale, flip: false },
    }),
  };
}

/** Of the rows [B, D] of a matrix, which go in as they are. */
const aboutRows = ([, length]: TensorType["dims"]): Record<string, string> => ({
  "input.layout": "NC",
  "input.type": "float32",
  "input.size": String(length),
});

/** Writes the net as a file of the exporter `to`; resolves to what is to be said of the file, in words. */
export async function exportNet(
  hosted: HostedProgram,
  to: string,
  file: string,
  state: ExportedState,
): Promise<readonly string[]> {
  const { bytes: _, ...facts } = await hosted.export(EXPORTED, to, file, aboutNet(state));
  return Object.entries(facts).map(factInWords);
}

const factInWords = ([name, value]: [string, unknown]): string =>
  `${name} ${typeof value === "number" && !Number.isInteger(value) ? value.toExponential(1) : value}`;
