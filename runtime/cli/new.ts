/** @file `f2c-dsl new`: an experiment's file to start from, small or made of a config of arcface_torch. Needs no Python. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { ArcFaceConfig } from "../new/arcface-config.js";
import { fromArcFaceTorch } from "../new/from-arcface-torch.js";
import { ownFaces } from "../new/own-faces.js";
import { fail } from "./report.js";
import { shellWord } from "./shell.js";

export interface NewOptions {
  readonly from?: string;
  readonly out?: string;
  readonly gpus?: number;
  readonly faces?: string;
  readonly overwrite?: boolean;
}

export async function newExperiment(options: NewOptions): Promise<void> {
  try {
    refuseOddOptions(options);
    const config =
      options.from === undefined ? undefined : ArcFaceConfig.read(resolve(options.from), options.from);
    const out = resolve(options.out ?? (config ? `${config.name}.ts` : "experiment.ts"));
    const shown = relative(process.cwd(), out);
    if (existsSync(out) && !options.overwrite) throw experimentError("experiment-is-there", { path: shown });
    const text = config
      ? fromArcFaceTorch({
          config,
          path: options.from!,
          directory: dirname(out),
          calledIn: process.cwd(),
          gpus: options.gpus,
        })
      : ownFaces({ name: nameOf(out), folder: options.faces ?? "faces" });
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, text);
    process.stdout.write(`${shown} is written; next: f2c-dsl check ${shellWord(shown)}\n`);
  } catch (error) {
    fail(error);
  }
}

/** An experiment is called after its file. */
const nameOf = (file: string): string => basename(file, ".ts").replaceAll(/[^\w.-]/g, "-");

function refuseOddOptions({ from, out, gpus, faces }: NewOptions): void {
  if (out !== undefined && !out.endsWith(".ts"))
    throw experimentError("bad-command-line.not-typescript", { path: out });
  if (gpus !== undefined && !(Number.isInteger(gpus) && gpus >= 1))
    throw experimentError("bad-command-line.count", { option: "gpus", least: 1, example: 8 });
  if (gpus !== undefined && from === undefined)
    throw experimentError("bad-command-line.of-a-config", { option: "gpus" });
  if (faces !== undefined && from !== undefined)
    throw experimentError("bad-command-line.not-of-a-config", { option: "faces" });
}
