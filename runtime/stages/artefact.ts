/**
 * @file What a stage leaves: a folder of plain files and `artefact.json`, which is written last. The hash in it is of everything that
 * decides what the stage makes (its program, options, and the hashes of what it is made from), so it is known beforehand: a stage
 * whose artefact is there is not made again.
 */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { flushFolder, type Written, writeWhole } from "../run/files.js";
import type { Json } from "../run/identity/json.js";

export const ARTEFACT = "artefact.json";

/** What decides what a stage makes. */
export interface Recipe {
  /** The name of its kind. */
  readonly kind: string;
  /** The hash of its program. */
  readonly program: string;
  /** The hashes of what it is made from, by name. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly options: Json;
}

export interface Artefact extends Recipe {
  readonly version: 1;
  readonly hash: string;
  readonly files: Readonly<Record<string, Written>>;
}

/** Keys in order, so that the text depends on the values alone. */
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, item]) => [key, sorted(item)]),
        )
      : value;

export const hashOfRecipe = (recipe: Recipe): string =>
  createHash("sha256")
    .update(JSON.stringify(sorted(recipe)))
    .digest("hex");

/** The artefact of a recipe in a folder, if it is there and whole: every file as long as it was. */
export function readArtefact(folder: string, recipe: Recipe): Artefact | undefined {
  let artefact: Artefact;
  try {
    artefact = JSON.parse(readFileSync(join(folder, ARTEFACT), "utf8"));
  } catch {
    return undefined;
  }
  const whole =
    artefact?.version === 1 &&
    artefact.hash === hashOfRecipe(recipe) &&
    Object.entries(artefact.files ?? {}).every(
      ([name, { bytes }]) => statSync(join(folder, name), { throwIfNoEntry: false })?.size === bytes,
    );
  return whole ? artefact : undefined;
}

/** Says that a stage is made. Its files are on the disk before. */
export function writeArtefact(folder: string, recipe: Recipe, files: Artefact["files"]): Artefact {
  const artefact: Artefact = { version: 1, hash: hashOfRecipe(recipe), ...recipe, files };
  writeWhole(join(folder, ARTEFACT), `${JSON.stringify(artefact, undefined, 2)}\n`);
  flushFolder(folder);
  return artefact;
}
