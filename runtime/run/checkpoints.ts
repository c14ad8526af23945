/** @file Checkpoints: everything that the next step depends on. A folder each, written beside and renamed when it is whole. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../compiler/diagnostics/catalogue.js";
import type { BookState } from "../../dsl/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import { flushFolder, hashOf, moveWhole, type Written, writeWhole } from "./files.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";

type Books = Readonly<Record<string, BookState>>;

/** What a checkpoint says of itself, beside the host's tensors. */
export interface CheckpointInfo {
  readonly version: 1;
  /** The step that comes next. */
  readonly step: number;
  readonly structureHash: string;
  readonly weightsHash: string;
  readonly seed: number;
  readonly createdAt: string;
  /** By evaluation, the step before which it was made last; absent in checkpoints of before. */
  readonly evaluated?: Readonly<Record<string, number>> | undefined;
}

export interface Checkpoint {
  readonly info: CheckpointInfo;
  readonly folder: string;
  /** The host's parameters and states, and their hash where the checkpoint has one. */
  readonly tensors: string;
  readonly tensorsHash: string | undefined;
  readonly books: Books;
}

const KEPT = 2;
/** The step that a checkpoint of this name continues with. */
export const stepOf = (name: string) => Number(name.slice("step-".length));
export const TENSORS = "state.safetensors";
export const PLANNER = "planner.safetensors";
/** What makes a folder a checkpoint. */
export const DESCRIPTION = "checkpoint.json";

/** The file `checkpoint.json`. */
interface Description extends CheckpointInfo {
  readonly books: readonly string[];
  /** Fields of books that are numbers and not arrays. */
  readonly scalars: readonly string[];
  /** Absent in checkpoints of before. */
  readonly files?: Readonly<Record<string, Written>>;
}

/** A folder of checkpoints. */
export class CheckpointFolder {
  constructor(readonly folder: string) {}

  /** Names of the checkpoints' folders, the newest first. */
  names(): readonly string[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder)
      .filter((n) => /^step-\d+$/.test(n))
      .sort((a, b) => stepOf(b) - stepOf(a));
  }

  /** The step that the newest checkpoint continues with. */
  get newest(): number | undefined {
    const [name] = this.names();
    return name === undefined ? undefined : stepOf(name);
  }

  /** Reads a checkpoint, but for the host's tensors, which the host checks. Throws a plain Error that says what is damaged. */
  read(name: string): Checkpoint {
    const folder = join(this.folder, name);
    const tensors = join(folder, TENSORS);
    if (!existsSync(tensors)) throw new Error(`${TENSORS} is missing`);
    const { books, scalars, files, ...info } = opened(readFileSync(join(folder, DESCRIPTION), "utf8"));
    const planner = join(folder, PLANNER);
    if (files && hashOf(planner).sha256 !== files[PLANNER]?.sha256)
      throw new Error(`${PLANNER} is damaged: its bytes are not those that were written`);
    const tensorsHash = files?.[TENSORS]?.sha256;
    return {
      info,
      folder,
      tensors,
      tensorsHash,
      books: unflattened(books, scalars, readSafetensors(planner)),
    };
  }
}

/** A run's checkpoints, to which new ones are added. */
export class Checkpoints extends CheckpointFolder {
  constructor(folder: string) {
    super(folder);
    mkdirSync(folder, { recursive: true });
  }

  /**
   * Writes a checkpoint. `saveTensors` writes the host's file; the checkpoint appears only once all of it is on disk. Then it and
   * the one before it are kept.
   */
  async write(
    info: CheckpointInfo,
    books: Books,
    saveTensors: (path: string) => Promise<Written>,
  ): Promise<string> {
    const name = `step-${String(info.step).padStart(8, "0")}`;
    const partial = join(this.folder, `.${name}.partial`);
    // Somebody made room: what was saved is gone, what is to be saved need not be.
    if (!existsSync(this.folder)) mkdirSync(this.folder);
    for (const left of readdirSync(this.folder).filter((n) => n.endsWith(".partial")))
      rmSync(join(this.folder, left), { recursive: true, force: true });
    mkdirSync(partial);
    try {
      const tensors = await saveTensors(join(partial, TENSORS));
      const { arrays, scalars } = flattened(books);
      const planner = writeSafetensors(join(partial, PLANNER), arrays);
      const files = { [TENSORS]: tensors, [PLANNER]: planner };
      const description: Description = { ...info, books: Object.keys(books), scalars, files };
      writeWhole(join(partial, DESCRIPTION), sealed(description));
      flushFolder(partial);
      const target = join(this.folder, name);
      rmSync(target, { recursive: true, force: true });
      moveWhole(partial, target);
      const names = this.names();
      // Those of later steps were skipped as damaged: they must not take the place of whole ones.
      const later = names.filter((other) => stepOf(other) > info.step);
      for (const old of [...later, ...names.slice(later.length + KEPT)])
        rmSync(join(this.folder, old), { recursive: true, force: true });
      return target;
    } catch (error) {
      rmSync(partial, { recursive: true, force: true });
      throw error;
    }
  }
}

const UNREADABLE = codeOf("checkpoint-unreadable");

/**
 * Whether it is the checkpoint that is at fault where reading it failed, here or in the host. A disk, a permission or a program
 * says nothing about the checkpoint: another one would be no better.
 */
export function isDamage(error: unknown): boolean {
  if (error instanceof BridgeError) return error.code === UNREADABLE;
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || code === "ENOENT";
}

type Arrays = Record<string, Exclude<BookState[string], number>>;

function flattened(books: Books): { arrays: Arrays; scalars: readonly string[] } {
  const arrays: Arrays = {};
  const scalars: string[] = [];
  for (const [book, state] of Object.entries(books)) {
    for (const [field, value] of Object.entries(state)) {
      const key = `${book}.${field}`;
      if (typeof value === "number") scalars.push(key);
      arrays[key] = typeof value === "number" ? Float64Array.of(value) : value;
    }
  }
  return { arrays, scalars };
}

function unflattened(books: readonly string[], scalars: readonly string[], arrays: Arrays): Books {
  const stateOf = (book: string): BookState =>
    Object.fromEntries(
      Object.entries(arrays)
        .filter(([key]) => key.startsWith(`${book}.`))
        .map(([key, data]) => [key.slice(book.length + 1), scalars.includes(key) ? data[0]! : data]),
    );
  return Object.fromEntries(books.map((book) => [book, stateOf(book)]));
}

const sealOf = (text: string) => createHash("sha256").update(text).digest("hex");

/** The description with a hash of itself as its last field. */
function sealed(description: Description): string {
  const seal = sealOf(JSON.stringify(description));
  return `${JSON.stringify({ ...description, seal }, undefined, 2)}\n`;
}

function opened(text: string): Description {
  const { seal, ...description } = JSON.parse(text) as Description & { seal?: string };
  if (seal !== undefined && seal !== sealOf(JSON.stringify(description)))
    throw new Error("checkpoint.json is damaged: it is not what was written");
  return description;
}
