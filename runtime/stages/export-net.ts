/** @file The net as files of its own: one an exporter, each with the facts that whoever feeds it must know. */
import { basename } from "node:path";
import { type IrModule, structureHash } from "../../compiler/index.js";
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
    "input.layout": "NCHW",
    "input.type": images.dtype === "u8" ? "uint8" : "float32",
    "input.size": images.dims.slice(1).join(" x "),
    "input.colours": images.dims[1] === 1 ? "grey" : "RGB",
    "input.range": "0 to 255",
    "input.normalisation": NORMALISATION,
    "embedding.length": String(embedding.dims.at(-1)),
    "embedding.norm": "1",
  };
}

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
