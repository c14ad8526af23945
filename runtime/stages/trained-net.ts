/** @file The net that a stage left, for those that are made from it. */
import { join } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { readArtefact } from "./artefact.js";
import type { WeightsFile } from "./host.js";
import type { PlannedStage } from "./maker.js";

/** What the exporter `safetensors` writes in the folder of a run. */
export const NET_FILE = "net.safetensors";

/** The weights of a stage that is made. Throws where it left none. */
export function trainedNet({ name, folder, recipe }: PlannedStage): WeightsFile {
  const file = readArtefact(folder, recipe)?.files[NET_FILE];
  if (!file)
    throw experimentError("bad-embed.folder", {
      folder,
      problem: `${name} left no ${NET_FILE}, which the exporter safetensors writes`,
    });
  return { path: join(folder, NET_FILE), sha256: file.sha256, strict: true };
}
