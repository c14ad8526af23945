/** @file Checkpoints: everything that the next step depends on. A folder each, written beside and renamed when it is whole. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BookState } from "../../dsl/index.js";
import { flushFolder, moveWhole, writeWhole } from "./files.js";
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
}

export interface Checkpoint {
  readonly info: CheckpointInfo;
  readonly folder: string;
  /** The host's parameters and states. */
  readonly tensors: string;
  readonly books: Books;
}

const KEPT = 2;

export class Checkpoints {
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  /** Writes a checkpoint. `saveTensors` writes the host's file; the checkpoint appears only once all of it is on disk. */
  async write(
    info: CheckpointInfo,
    books: Books,
    saveTensors: (path: string) => Promise<void>,
  ): Promise<string> {
    const name = `step-${String(info.step).padStart(8, "0")}`;
    const partial = join(this.folder, `.${name}.partial`);
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    await saveTensors(join(partial, "state.safetensors"));
    const arrays: Record<string, Int32Array | Uint32Array | Uint8Array | Float64Array> = {};
    for (const [book, state] of Object.entries(books)) {
      for (const [field, value] of Object.entries(state))
        arrays[`${book}.${field}`] = typeof value === "number" ? Float64Array.of(value) : value;
    }
    const scalars = Object.entries(books).flatMap(([book, state]) =>
      Object.entries(state).flatMap(([field, value]) =>
        typeof value === "number" ? [`${book}.${field}`] : [],
      ),
    );
    writeSafetensors(join(partial, "planner.safetensors"), arrays);
    writeWhole(
      join(partial, "checkpoint.json"),
      `${JSON.stringify({ ...info, books: Object.keys(books), scalars }, undefined, 2)}\n`,
    );
    flushFolder(partial);
    const target = join(this.folder, name);
    rmSync(target, { recursive: true, force: true });
    moveWhole(partial, target);
    for (const old of this.names().slice(0, -KEPT))
      rmSync(join(this.folder, old), { recursive: true, force: true });
    return target;
  }

  private names(): string[] {
    return readdirSync(this.folder)
      .filter((n) => /^step-\d+$/.test(n))
      .sort();
  }

  /** The newest checkpoint that is whole; `skipped` hears of those that are not. */
  latest(skipped: (folder: string, why: string) => void = () => {}): Checkpoint | undefined {
    for (const name of this.names().reverse()) {
      const folder = join(this.folder, name);
      try {
        return read(folder);
      } catch (error) {
        skipped(folder, error instanceof Error ? error.message : String(error));
      }
    }
    return undefined;
  }
}

function read(folder: string): Checkpoint {
  const tensors = join(folder, "state.safetensors");
  if (!existsSync(tensors)) throw new Error(`${tensors} is missing`);
  const {
    books: names,
    scalars,
    ...info
  } = JSON.parse(readFileSync(join(folder, "checkpoint.json"), "utf8")) as CheckpointInfo & {
    books: string[];
    scalars: string[];
  };
  const arrays = readSafetensors(join(folder, "planner.safetensors"));
  const books = Object.fromEntries(
    names.map((book) => {
      const fields = Object.entries(arrays).filter(([key]) => key.startsWith(`${book}.`));
      return [
        book,
        Object.fromEntries(
          fields.map(([key, data]) => [key.slice(book.length + 1), scalars.includes(key) ? data[0]! : data]),
        ),
      ];
    }),
  );
  return { info, folder, tensors, books: books as Books };
}
