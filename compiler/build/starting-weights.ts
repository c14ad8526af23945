/**
 * @file Which tensors of a state start from files. What the DSL asks for, and the file holds,
 *
 *     weights(net, "net.safetensors")   conv.weight F32 [8, 3, 3, 3]
 *
 * becomes how a storage starts, `file(file = @weights.3f9a12bc44d0, tensor = @conv.weight)`. The name is of what the file holds, not
 * of where it lies: the program of a run does not change when files move, and it does when they are others.
 */
import { closeSync, openSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { hashOf } from "../../dsl/data/file-hash.js";
import { readHeader } from "../../dsl/data/safetensors-header.js";
import {
  type Init as Asked,
  type MadeWeights,
  type MethodState,
  type OpeningContext,
  STAGE,
  type Stage,
  type Stored,
  type WeightsSource,
} from "../../dsl/index.js";
import { experimentError } from "../diagnostics/catalogue.js";
import type { Init } from "../ir/module.js";
import { storedIn, withoutFile } from "./storage-table.js";

/** What the exporter `safetensors` writes in the folder of a run. */
export const NET_FILE = "net.safetensors";

/** A file that storages start from. */
export interface StartingFile {
  /** Of what it holds. */
  readonly hash: string;
  /** The stage that makes it, if one does. */
  readonly stage?: Stage | undefined;
  /** Where it lies, once it is there. */
  file(): { readonly path: string; readonly sha256: string };
}

/** How the stored tensors of a state start. */
export interface StartingWeights {
  readonly initOf: (stored: Stored) => Init;
  /** The files, by the names that the program gives them. */
  readonly files: Readonly<Record<string, StartingFile>>;
  /** What was taken, and what was not: a line for each use of `weights`. */
  readonly notes: readonly string[];
}

type FromWeights = Extract<Asked, { readonly kind: "weights" }>;
type Tensors = MadeWeights["tensors"];

/** Looks into the files that a state starts from. Throws an ExperimentError where one cannot be read, or does not fit a net that wants it to. */
export function startingWeights(state: MethodState, context: OpeningContext): StartingWeights {
  const bySource = new Map<WeightsSource, (readonly [Stored, FromWeights])[]>();
  for (const stored of storedIn(state)) {
    if (stored.init.kind !== "weights") continue;
    const source = stored.init.source as WeightsSource;
    bySource.set(source, [...(bySource.get(source) ?? []), [stored, stored.init]]);
  }
  const inits = new Map<Stored, Init>();
  const files: Record<string, StartingFile> = {};
  const notes: string[] = [];
  for (const [source, wanted] of bySource) {
    const { called, tensors, ...file } = opened(source.from, context);
    const name = `weights.${file.hash.slice(0, 12)}`;
    files[name] = file;
    const { taken, said } = fitted(called, source, tensors, wanted);
    for (const [stored, { tensor }] of taken) inits.set(stored, { kind: "file", file: name, tensor });
    notes.push(said);
  }
  return { initOf: (stored) => inits.get(stored) ?? withoutFile(stored), files, notes };
}

/** Which of the tensors are taken from a file, and what is said of it. */
function fitted(
  called: string,
  { prefix, strict }: WeightsSource,
  tensors: Tensors,
  wanted: readonly (readonly [Stored, FromWeights])[],
) {
  const taken: (readonly [Stored, FromWeights])[] = [];
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const [stored, init] of wanted) {
    const found = tensors.get(init.tensor);
    const [there, here] = [found, stored].map((t) => t && `${t.dtype}[${t.shape.join(", ")}]`);
    if (there === undefined) missing.push(init.tensor);
    else if (there !== here) misshapen.push(`${init.tensor} (${there} there, ${here} here)`);
    else taken.push([stored, init]);
  }
  const sought = new Set(wanted.map(([, { tensor }]) => tensor));
  const left = [...tensors.keys()].filter((name) => name.startsWith(prefix) && !sought.has(name));
  const found = {
    file: called,
    taken: taken.length,
    wanted: wanted.length,
    missing: listed(missing),
    misshapen: listed(misshapen),
    left: listed(left),
  };
  if (taken.length === 0) throw experimentError("bad-weights.nothing", found);
  if (strict && taken.length < wanted.length) throw experimentError("bad-weights.fit", found);
  const parts = [
    `${taken.length} of ${wanted.length} tensors taken`,
    ...(missing.length > 0 ? [`missing: ${found.missing}`] : []),
    ...(misshapen.length > 0 ? [`of another shape: ${found.misshapen}`] : []),
    ...(left.length > 0 ? [`left over: ${found.left}`] : []),
  ];
  return { taken, said: `weights from ${called}: ${parts.join("; ")}` };
}

interface Opened extends StartingFile {
  readonly called: string;
  readonly tensors: Tensors;
}

function opened(from: WeightsSource["from"], { directory, made }: OpeningContext): Opened {
  if (typeof from === "string") return openedFile(from, resolve(directory, from));
  const called = from[STAGE].called(from);
  const weights = made?.(from) as MadeWeights | undefined;
  if (!weights) throw experimentError("bad-weights.stage", { what: called });
  return { called, stage: from, hash: weights.hash, tensors: weights.tensors, file: () => weights.file() };
}

function openedFile(called: string, given: string): Opened {
  try {
    const path = statSync(given).isDirectory() ? join(given, NET_FILE) : given;
    const { sha256 } = hashOf(path);
    return { called, hash: sha256, tensors: tensorsIn(path), file: () => ({ path, sha256 }) };
  } catch (error) {
    throw experimentError("bad-weights.file", { file: called, problem: (error as Error).message });
  }
}

function tensorsIn(path: string): Tensors {
  const file = openSync(path, "r");
  try {
    const { sections } = readHeader(file);
    return new Map(
      Object.entries(sections).map(([name, { dtype, shape }]) => [
        name,
        { dtype: dtype.toLowerCase(), shape },
      ]),
    );
  } finally {
    closeSync(file);
  }
}

const SHOWN = 6;
const listed = (names: readonly string[]): string => {
  if (names.length === 0) return "none";
  const shown = names.slice(0, SHOWN).join(", ");
  return names.length > SHOWN ? `${shown} and ${names.length - SHOWN} more` : shown;
};
