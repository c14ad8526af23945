/** @file The file of a run's metrics, lines of JSON: to add one, to go back to a step, and what a resumed run needs to know of them. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import type { Measured } from "../../dsl/index.js";
import { naming } from "./files.js";
import { isMeasured, isRecord } from "./measured.js";

export type Entry = Readonly<Record<string, unknown>> & { readonly step: number };

/** What the kept lines say. */
export interface Past {
  /** The metrics of the last step. */
  readonly last: Entry | undefined;
  /** The last evaluation by each name. */
  readonly evaluations: Readonly<Record<string, Evaluated>>;
}

/** An evaluation in the log. */
export interface Evaluated {
  /** The step before which the net was evaluated. */
  readonly before: number;
  readonly measured: Measured;
}

const PIECE = 1 << 20;
const NEWLINE = 10;

export class History {
  constructor(private readonly path: string) {}

  get exists(): boolean {
    return existsSync(this.path);
  }

  /** Its lines, one after the other; undefined for one that is none, as of a line that is being written or was cut off. */
  *entries(): Generator<Entry | undefined> {
    for (const line of linesOf(this.path)) yield parsed(line);
  }

  /** Adds a line. */
  add(entry: Entry): void {
    naming(this.path, () => appendFileSync(this.path, `${JSON.stringify(entry)}\n`));
  }

  /** Keeps the lines of steps before `step`; a line that a crash cut off goes too. In bounded memory. */
  rewind(step: number): Past {
    let last: Entry | undefined;
    const evaluations: Record<string, Evaluated> = {};
    if (!existsSync(this.path)) return { last, evaluations };
    const partial = `${this.path}.partial`;
    const file = openSync(partial, "w");
    try {
      naming(this.path, () => {
        for (const line of linesOf(this.path)) {
          const entry = parsed(line);
          if (!entry || entry.step >= step) continue;
          if (isRecord(entry.evaluation)) {
            for (const [name, measured] of Object.entries(entry.evaluation))
              if (isMeasured(measured)) evaluations[name] = { before: entry.step + 1, measured };
          } else if (entry.event !== "resumed") last = entry;
          writeSync(file, `${line}\n`);
        }
        fsyncSync(file);
      });
      renameSync(partial, this.path);
    } catch (error) {
      rmSync(partial, { force: true });
      throw error;
    } finally {
      closeSync(file);
    }
    return { last, evaluations };
  }
}

function parsed(line: string): Entry | undefined {
  try {
    const entry = JSON.parse(line) as Entry;
    return typeof entry?.step === "number" ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** The lines of a file, one after the other: a long run's do not fit into one string. */
function* linesOf(path: string): Generator<string> {
  const file = openSync(path, "r");
  try {
    let rest = Buffer.alloc(0);
    for (;;) {
      const piece = Buffer.alloc(PIECE);
      const read = readSync(file, piece, 0, PIECE, null);
      const data = Buffer.concat([rest, piece.subarray(0, read)]);
      let from = 0;
      for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, from)) {
        yield data.toString("utf8", from, end);
        from = end + 1;
      }
      rest = data.subarray(from);
      if (read === 0) break;
    }
    if (rest.length) yield rest.toString("utf8");
  } finally {
    closeSync(file);
  }
}
