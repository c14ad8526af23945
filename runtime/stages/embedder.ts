/**
 * @file The stage that embeds: plans of a batch each, a window of them in flight, and what they give appended to a file. It begins
 * where the file ends, so what broke off goes on, and ends as the same bytes.
 */
import type { EmbedProgram } from "../../compiler/index.js";
import { MATRIX } from "../../dsl/index.js";
import type { PlanResult } from "../bridge/host-events.js";
import type { Observers } from "../observe/observer.js";
import type { Written } from "../run/files.js";
import { RowsFile } from "../run/rows-file.js";
import { Calls, type CallsOptions } from "./calls.js";
import type { Host } from "./host.js";

const FLOAT = 4;

export interface EmbedRunOptions extends CallsOptions {
  readonly batch: number;
  /** Bytes that a crash can cost. */
  readonly piece?: number;
}

/** A call of the function: rows of one set. */
interface Batch {
  readonly source: string;
  readonly first: number;
  readonly count: number;
}

/** Embeds the sets of a program into the file `path`. */
export class Embedder extends Calls<Batch, Written> {
  private readonly rows: RowsFile;
  private readonly batches: readonly Batch[];

  constructor(
    name: string,
    private readonly program: EmbedProgram,
    path: string,
    observers: Observers,
    options: EmbedRunOptions,
  ) {
    const { module, sets, rows, columns } = program;
    super(name, module, options.batch * columns * FLOAT, observers, options);
    const before = Object.fromEntries(sets.map((set, i) => [`offsets.${i}`, set.offsets]));
    this.rows = new RowsFile(path, { tensor: MATRIX, rows, columns, before }, options.piece);
    this.batches = sets.flatMap((set, i) => {
      const images = set.offsets.at(-1)!;
      return Array.from({ length: Math.ceil(images / options.batch) }, (_, n) => ({
        source: sourceOf(i),
        first: n * options.batch,
        count: Math.min(options.batch, images - n * options.batch),
      }));
    });
  }

  whatIsSaved(): string {
    return `${this.rows.count} of ${this.program.rows} rows are made: the same command goes on there`;
  }

  get progress(): number {
    return this.rows.count;
  }

  override async broken(): Promise<void> {
    await super.broken();
    this.rows.flush();
  }

  protected async begin(host: Host): Promise<void> {
    for (const [i, set] of this.program.sets.entries()) await host.open(sourceOf(i), set);
    if (this.rows.count > 0)
      this.observers.note(`going on at row ${this.rows.count} of ${this.program.rows}`);
    await this.watch.during(() => "the weights", this.hosted.initialise(0, this.begun()));
  }

  protected async work(): Promise<Written | undefined> {
    await this.embed();
    if (this.rows.count === this.program.rows) return this.rows.finish();
    this.rows.close();
    return undefined;
  }

  /** The number of the first batch that is not there. */
  private begun(): number {
    let rows = 0;
    const missing = this.batches.findIndex(({ count }) => {
      rows += count;
      return rows > this.rows.count;
    });
    return missing < 0 ? this.batches.length : missing;
  }

  private async embed(): Promise<void> {
    this.working = true;
    for (let number = this.begun(); number < this.batches.length && !this.stopped; number++) {
      await this.waiting(() => this.flight.size < this.window || this.stopped);
      if (this.stopped) break;
      await this.send(number, this.batches[number]!);
    }
    await this.waiting(() => this.flight.size === 0 || this.flight.dropped);
    this.rows.flush();
    this.working = false;
  }

  private waiting(ready: () => boolean): Promise<void> {
    return this.watch.during(() => `row ${this.rows.count}`, this.flight.until(ready));
  }

  private send(number: number, batch: Batch): Promise<void> {
    const { function: fn, result, module } = this.program;
    const [images] = module.functions[0]!.inputs;
    const stream = images!.value.name;
    this.flight.sent(number, batch);
    return this.hosted.plan({
      function: fn,
      number,
      streams: { [stream]: batch.source },
      scalars: {},
      arrays: { [`${stream}.images`]: Int32Array.from({ length: batch.count }, (_, i) => batch.first + i) },
      returns: [result],
    });
  }

  /** Appends what a plan gave; only then there is room for another one. */
  protected landed({ number, tensors }: PlanResult): void {
    const tensor = tensors[this.program.result];
    const batch = this.flight.landed(number);
    if (!batch || !tensor) return;
    if (tensor.shape[0] !== batch.count || tensor.shape[1] !== this.program.columns)
      throw new Error(`internal: plan ${number} gave [${tensor.shape.join(", ")}]`);
    this.rows.append(tensor.data as Float32Array);
    this.watch.progressed();
    const count = (n: number) => n.toLocaleString("en-US");
    this.observers.tell("part", `embedded ${count(this.rows.count)} of ${count(this.program.rows)} images`);
    this.flight.wake();
  }
}

const sourceOf = (set: number) => `set ${set}`;
