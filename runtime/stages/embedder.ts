/**
 * @file The stage that embeds: plans of a batch each, a window of them in flight, and what they give appended to a file. It begins
 * where the file ends, so what broke off goes on, and ends as the same bytes.
 */
import type { EmbedProgram } from "../../compiler/index.js";
import { MATRIX } from "../../dsl/index.js";
import type { PlanResult } from "../bridge/host-events.js";
import type { Ending, Observers } from "../observe/observer.js";
import type { Written } from "../run/files.js";
import { RowsFile } from "../run/rows-file.js";
import { Flight } from "./flight.js";
import type { Host, HostedProgram, LoadOptions } from "./host.js";
import { type HostedWork, onHosts } from "./on-hosts.js";
import { Watch } from "./watch.js";

/** Plans in flight at most, and the bytes of what they give. */
const WINDOW = 4;
const BYTES = 64 << 20;
const FLOAT = 4;

export interface EmbedRunOptions extends LoadOptions {
  readonly batch: number;
  readonly restarts: number;
  readonly start: () => Promise<Host>;
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
export class Embedder implements HostedWork<Written | undefined> {
  private readonly rows: RowsFile;
  private readonly batches: readonly Batch[];
  private readonly flight = new Flight<Batch>();
  private readonly watch: Watch;
  private readonly window: number;
  private host: Host | undefined;
  private hosted!: HostedProgram;
  stopped = false;
  private working = false;

  constructor(
    private readonly name: string,
    private readonly program: EmbedProgram,
    path: string,
    private readonly observers: Observers,
    private readonly options: EmbedRunOptions,
  ) {
    const { sets, rows, columns } = program;
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
    this.window = Math.max(1, Math.min(WINDOW, Math.floor(BYTES / (options.batch * columns * FLOAT))));
    this.watch = new Watch(
      (text) => observers.note(text),
      () => this.host,
    );
  }

  /** Embeds what is not embedded yet. Resolves to the file, or to nothing if it was asked to stop. */
  async run(first: Promise<Host>): Promise<Written | undefined> {
    let how: Ending = "failed";
    try {
      const written = await onHosts(this, first, {
        start: this.options.start,
        restarts: this.options.restarts,
        watch: this.watch,
        note: (text) => this.observers.note(text),
      });
      how = written ? "complete" : "interrupted";
      return written;
    } finally {
      await this.observers.end(how);
    }
  }

  /** Asks to end after the plan that runs. Returns false while there is nothing to keep: then it can end at once. */
  stop(): boolean {
    if (!this.working) return false;
    this.stopped = true;
    this.flight.wake();
    this.host?.stop().catch(() => {});
    return true;
  }

  whatIsSaved(): string {
    return `${this.rows.count} of ${this.program.rows} rows are made: the same command goes on there`;
  }

  get progress(): number {
    return this.rows.count;
  }

  async attempt(host: Host): Promise<Written | undefined> {
    await this.prepare(host);
    await this.embed();
    await this.hosted.unload().catch(() => {});
    if (this.rows.count < this.program.rows) {
      this.rows.close();
      return undefined;
    }
    return this.rows.finish();
  }

  async broken(): Promise<void> {
    this.working = false;
    this.host = undefined;
    this.rows.flush();
  }

  private async prepare(host: Host): Promise<void> {
    this.host = host;
    this.flight.listen(host, {
      onResult: (result) => this.landed(result),
      onLog: (level, message) => this.observers.note(`host ${level}: ${message}`),
    });
    const { module, sets } = this.program;
    this.hosted = await this.watch.during(
      () => "the host to load the program",
      host.load(this.name, module, this.options),
    );
    for (const [i, set] of sets.entries()) await host.open(sourceOf(i), set);
    if (this.rows.count > 0)
      this.observers.note(`going on at row ${this.rows.count} of ${this.program.rows}`);
    await this.watch.during(() => "the weights", this.hosted.initialise(0, this.begun()));
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
  private landed({ number, tensors }: PlanResult): void {
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
