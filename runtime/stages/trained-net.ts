/** @file The files of weights that programs start from, and among them the net that a stage left. */
import { join } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { NET_FILE, type StartingFile } from "../../compiler/index.js";
import type { Stage } from "../../dsl/index.js";
import { readArtefact } from "./artefact.js";
import type { LoadOptions, WeightsFile } from "./host.js";
import type { PlannedStage } from "./maker.js";

/** The files that a program starts from, as the host is told. */
export const filesOf = (files: Readonly<Record<string, StartingFile>>): NonNullable<LoadOptions["files"]> =>
  Object.fromEntries(Object.entries(files).map(([name, file]) => [name, file.file()]));

/** What a program that starts from files is made from: stages that make some of them, and the hashes of all. */
export const madeFrom = (
  files: Readonly<Record<string, StartingFile>>,
): { readonly needs: readonly Stage[]; readonly hashes: Readonly<Record<string, string>> } => ({
  needs: Object.values(files).flatMap(({ stage }) => stage ?? []),
  hashes: Object.fromEntries(Object.entries(files).map(([name, { hash }]) => [name, hash])),
});

/** The weights of a stage that is made. Throws where it left none. */
export function trainedNet({ name, folder, recipe }: PlannedStage): WeightsFile {
  const file = readArtefact(folder, recipe)?.files[NET_FILE];
  if (!file)
    throw experimentError("bad-embed.folder", {
      folder,
      problem: `${name} left no ${NET_FILE}, which the exporter safetensors writes`,
    });
  return { path: join(folder, NET_FILE), sha256: file.sha256 };
}
