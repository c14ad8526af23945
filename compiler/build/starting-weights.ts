/**
 * @file Which tensors of a state start from files. What the DSL asks for, and the file holds,
 *
 *     weights(net, "net.safetensors")   conv.weight F32 [8, 3, 3, 3]
 *
 * becomes how a storage starts, `file(file = @weights.3f9a12bc44d0, tensor = @conv.weight)`. The name is of what the file holds, not
 * of where it lies: the program of a run does not change when files move, and it does when they are others. What the optimizer keeps of a
 * parameter may start there as well, from `optimizer.velocity.conv.weight`.
 */
import { closeSync, openSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { hashOf } from "../../dsl/data/file-hash.js";
import { readHeader } from "../../dsl/data/safetensors-header.js";
import {
  type Init as Asked,
  type MadeWeights,
  type MethodState,
  MOMENTUM,
  type OpeningContext,
  STAGE,
  STORAGE,
  type Stage,
  type Stored,
  type WeightsSource,
} from "../../dsl/index.js";
import { experimentError } from "../diagnostics/catalogue.js";
import type { Init } from "../ir/module.js";
import type { Updates } from "./parameter-groups.js";
import { type InitOf, slotName, storedIn, withoutFile } from "./storage-table.js";

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
  readonly initOf: InitOf;
  /** Parameters whose momentum starts from a file, and where that was asked for. */
  readonly withMomentum: ReadonlyMap<Stored, Error>;
  /** The files, by the names that the program gives them. */
  readonly files: Readonly<Record<string, StartingFile>>;
  /** What was taken, and what was not: a line for each use of `weights`. */
  readonly notes: readonly string[];
}

type Tensors = MadeWeights["tensors"];
type FromWeights = Extract<Asked, { readonly kind: "weights" }>;

/** A tensor that is sought in a file: for a stored tensor, or for what a slot of the optimizer keeps of it. */
interface Sought {
  readonly stored: Stored;
  readonly slot?: string;
  readonly tensor: string;
}

/**
 * Looks into the files that a state starts from; `trains`: it has an optimizer. Throws an ExperimentError where a file cannot be
 * read, or does not fit a net that wants it to.
 */
export function startingWeights(
  state: MethodState,
  context: OpeningContext,
  { trains }: { readonly trains: boolean },
): StartingWeights {
  const bySource = new Map<WeightsSource, Sought[]>();
  for (const stored of storedIn(state)) {
    if (stored.init.kind !== "weights") continue;
    const source = stored.init.source as WeightsSource;
    const sought = bySource.get(source) ?? [];
    bySource.set(source, sought);
    sought.push(...soughtFor(stored, stored.init, trains && source.momentum));
  }
  const inits = new Map<Stored, Map<string | undefined, Init>>();
  const withMomentum = new Map<Stored, Error>();
  const files: Record<string, StartingFile> = {};
  const notes: string[] = [];
  for (const [source, wanted] of bySource) {
    const { taken, said, name, file } = shownWhereAsked(source, () => {
      const { called, tensors, ...file } = opened(source.from, context);
      return { ...fitted(called, source, tensors, wanted), name: `weights.${file.hash.slice(0, 12)}`, file };
    });
    files[name] = file;
    for (const { stored, slot, tensor } of taken) {
      const ofStored = inits.get(stored) ?? new Map();
      inits.set(stored, ofStored.set(slot, { kind: "file", file: name, tensor }));
      if (slot !== undefined) withMomentum.set(stored, source.asked);
    }
    notes.push(said);
  }
  const initOf: InitOf = (stored, slot) => inits.get(stored)?.get(slot) ?? withoutFile(stored, slot);
  return { initOf, withMomentum, files, notes };
}

function soughtFor(stored: Stored, { tensor }: FromWeights, momentum: boolean): readonly Sought[] {
  const own = { stored, tensor };
  const isTrained = stored[STORAGE] === "parameter" && stored.trainable !== false;
  return momentum && isTrained
    ? [own, { stored, slot: MOMENTUM, tensor: slotName(MOMENTUM, tensor) }]
    : [own];
}

/** Does `work`; what it throws is shown where `weights` was called. */
function shownWhereAsked<T>({ asked }: Pick<WeightsSource, "asked">, work: () => T): T {
  try {
    return work();
  } catch (error) {
    (error as Error).cause ??= asked;
    throw error;
  }
}

/** Throws F2C2133 where momentum starts from a file and an optimizer keeps none of the parameter. */
export function refuseIdleMomentum(
  { withMomentum }: StartingWeights,
  nameOf: (stored: Stored) => string,
  { groups }: Updates,
): void {
  for (const [stored, asked] of withMomentum) {
    const name = nameOf(stored);
    const part = groups.flatMap(({ parts }) => parts).find(({ members }) => members.includes(name));
    if (part?.slots.includes(MOMENTUM)) continue;
    const kept = part?.slots.join(", ") || "none";
    shownWhereAsked({ asked }, () => {
      throw experimentError("bad-weights.momentum", { name, slot: MOMENTUM, kept });
    });
  }
}

/** Which of the tensors are taken from a file, and what is said of it. */
function fitted(
  called: string,
  { prefix, strict }: WeightsSource,
  tensors: Tensors,
  wanted: readonly Sought[],
) {
  const taken: Sought[] = [];
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const sought of wanted) {
    const { stored, tensor } = sought;
    const found = tensors.get(tensor);
    const [there, here] = [found, stored].map((t) => t && `${t.dtype}[${t.shape.join(", ")}]`);
    if (there === undefined) missing.push(tensor);
    else if (there !== here) misshapen.push(`${tensor} (${there} there, ${here} here)`);
    else taken.push(sought);
  }
  const sought = new Set(wanted.map(({ tensor }) => tensor));
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
