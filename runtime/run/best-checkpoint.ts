/**
 * @file The checkpoint whose net scored best, kept beside the newest ones in `checkpoints/best`. It is a checkpoint like them and one of
 * them when it is written: its large files are the same ones, by another name. A resume forgets those of steps that it makes again, so
 * the best of before must still be there: there is one such for each checkpoint that a resume may begin at.
 */
import { copyFileSync, linkSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CheckpointFolder, DESCRIPTION, PLANNER, stepOf, TENSORS } from "./checkpoints.js";
import { flushFolder, moveWhole, writeWhole } from "./files.js";

/** By what a checkpoint is the best. */
export interface Best {
  /** As the experiment names it: `lfw.accuracy`. */
  readonly by: string;
  readonly value: number;
  /** What it was measured on: values of other images or options do not compare. */
  readonly of: string;
}

const BEST = "best.json";
const BEST_FOLDER = "best";

export class BestCheckpoints extends CheckpointFolder {
  /** Of the run whose checkpoints lie in `folder`. */
  constructor(private readonly checkpoints: string) {
    super(join(checkpoints, BEST_FOLDER));
  }

  /** By what a checkpoint here is the best; undefined where that cannot be read. */
  bestOf(name: string): Best | undefined {
    try {
      const { by, value, of } = JSON.parse(readFileSync(join(this.folder, name, BEST), "utf8"));
      const whole = typeof by === "string" && Number.isFinite(value) && typeof of === "string";
      return whole ? { by, value, of } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Keeps the run's newest checkpoint, that of `step`. `oldest`: the step of the oldest one that a resume may begin at. */
  keep(step: number, best: Best, oldest: number): void {
    const [name] = new CheckpointFolder(this.checkpoints).names();
    if (name === undefined || stepOf(name) !== step)
      throw new Error(`internal: the newest checkpoint is ${name}, not that of step ${step}`);
    mkdirSync(this.folder, { recursive: true });
    const partial = join(this.folder, `.${name}.partial`);
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    for (const file of [TENSORS, PLANNER, DESCRIPTION])
      sameFile(join(this.checkpoints, name, file), join(partial, file));
    writeWhole(join(partial, BEST), `${JSON.stringify(best, undefined, 2)}\n`);
    flushFolder(partial);
    rmSync(join(this.folder, name), { recursive: true, force: true });
    moveWhole(partial, join(this.folder, name));
    this.forget((other) => other > step);
    this.forgetBefore(oldest);
  }

  /** Forgets those of steps after `step`: the run has gone back to it. */
  rewind(step: number): void {
    this.forget((other) => other > step);
  }

  /** A resume begins at `oldest` at the earliest: the best until then is needed, and none before it. */
  private forgetBefore(oldest: number): void {
    const until = this.names()
      .map(stepOf)
      .find((step) => step <= oldest);
    if (until !== undefined) this.forget((step) => step < until);
  }

  private forget(which: (step: number) => boolean): void {
    for (const name of this.names())
      if (which(stepOf(name))) rmSync(join(this.folder, name), { recursive: true, force: true });
  }
}

/** The same file under another name, or a copy of it where the file system has no such links. */
function sameFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
