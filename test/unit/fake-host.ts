/** A host without Python and without sockets: it executes what it is told to, one thing after the other, and says what it was asked. */
import { writeFileSync } from "node:fs";
import type { Catalogue, Nearest, Parts } from "#dsl/index";
import type { BridgeError } from "#runtime/bridge/bridge-error";
import type { HostEvents, PlanResult } from "#runtime/bridge/host-events";
import type { Embedded, HostedMatrix, Wanted } from "#runtime/evaluate/evaluated-program";
import { BridgeError as Failure } from "#runtime/index";
import type { Written } from "#runtime/run/files";
import type { Host, HostedProgram, Plan, Saved } from "#runtime/stages/host";

/** What the host can be asked besides plans: what it is given, and what it answers. */
interface Requests {
  load(asked: undefined): HostedProgram;
  source(asked: { name: string; catalogue: Catalogue }): undefined;
  init(asked: { seed: number }): undefined;
  restore(asked: Saved): undefined;
  save(asked: { path: string; finite: readonly string[] }): Written;
  embed(asked: Wanted): Embedded;
  cosines(asked: { pairs: Int32Array }): Float64Array;
  topK(asked: { queries: Int32Array; among: Int32Array; k: number }): Nearest;
  means(asked: { groups: Int32Array; count: number }): HostedMatrix;
  sums(asked: { count: number; parts: Parts }): HostedMatrix;
  highest(asked: { queries: Int32Array; among: Int32Array; k: number }): Float64Array;
  release(asked: undefined): undefined;
  exporters(asked: readonly string[]): Readonly<Record<string, string>>;
  export(asked: { function: string; to: string; path: string }): Readonly<Record<string, unknown>>;
}
type Asked<K extends keyof Requests> = Parameters<Requests[K]>[0];
type Answer<K extends keyof Requests> = ReturnType<Requests[K]>;

export interface FakeHostOptions {
  /** What a request does instead of what it usually does; it may wait, or throw. */
  readonly on?: {
    readonly [K in keyof Requests]?: (
      asked: Asked<K>,
      host: FakeHost,
    ) => Answer<K> | "usual" | Promise<Answer<K> | "usual">;
  };
  /** The tensors that a plan gives. */
  readonly tensors?: (plan: Plan) => PlanResult["tensors"];
  /** The numbers that a plan gives; a loss unless given. */
  readonly metrics?: (plan: Plan) => PlanResult["metrics"];
  /** Called before a plan's step is reported; a host that returns `false` keeps it to itself. */
  readonly onPlan?: (step: number, host: FakeHost) => boolean | undefined;
}

export const failure = (
  code: string,
  kind: "user" | "host" | "resource" | "fault" = "user",
  message = `it is ${code}`,
) => new Failure(code, kind, message);

/** `asked` lists kinds of requests, and `step n` for plans. */
export class FakeHost implements Host, HostedProgram {
  readonly asked: string[] = [];
  events: Partial<HostEvents> = {};
  heartbeat = undefined;
  silentFor = 0;
  name = "";
  readonly parameters = 0;
  readonly bytes = 0;
  readonly seconds = 0;
  readonly died: Promise<BridgeError>;
  private kill!: (error: BridgeError) => void;
  private dead: BridgeError | undefined;
  private dropping = false;

  constructor(private readonly options: FakeHostOptions = {}) {
    this.died = new Promise((resolve) => {
      this.kill = resolve;
    });
  }

  /** The process ends. */
  die(error: BridgeError = failure("F2C6006", "host", "the host was killed by SIGKILL")): void {
    this.dead = error;
    this.kill(error);
  }

  private async answer<K extends keyof Requests>(
    kind: K,
    asked: Asked<K>,
    usual: () => Answer<K>,
    heard = true,
  ): Promise<Answer<K>> {
    if (this.dead) throw this.dead;
    if (heard) this.asked.push(kind);
    // What waits for an answer when the host dies gets its death, as on a bridge.
    const death = this.died.then((error) => Promise.reject(error));
    const given = (await Promise.race([this.options.on?.[kind]?.(asked, this), death])) ?? "usual";
    if (this.dead) throw this.dead;
    return given === "usual" ? usual() : given;
  }

  load(name: string): Promise<HostedProgram> {
    this.name = name;
    return this.answer("load", undefined, () => this);
  }

  async open(name: string, catalogue: Catalogue): Promise<void> {
    await this.answer("source", { name, catalogue }, () => undefined);
  }

  async initialise(seed: number): Promise<void> {
    await this.answer("init", { seed }, () => undefined);
  }

  async restore(saved: Saved): Promise<void> {
    await this.answer("restore", saved, () => undefined);
  }

  save(path: string, finite: readonly string[]): Promise<Written> {
    return this.answer("save", { path, finite }, () => {
      writeFileSync(path, "tensors");
      return { bytes: 7, sha256: "of tensors" };
    });
  }

  embed(wanted: Wanted): Promise<Embedded> {
    return this.answer("embed", wanted, () => ({ matrix: this.matrix(), broken: new Int32Array(0) }));
  }

  private matrix(): HostedMatrix {
    // `asked` tells of the embedding, and not of each of its reductions.
    const quietly = <K extends keyof Requests>(kind: K, asked: Asked<K>, usual: () => Answer<K>) =>
      this.answer(kind, asked, usual, false);
    return {
      width: 8,
      rows: async (_first, count) => new Float32Array(count),
      cosines: (pairs) =>
        quietly("cosines", { pairs }, () =>
          Float64Array.from({ length: pairs.length / 2 }, (_, i) => Math.sin(i)),
        ),
      topK: (queries, _gallery, among, k) =>
        quietly("topK", { queries, among, k }, () => ({
          positions: Int32Array.from({ length: queries.length * k }, (_, i) => i % k),
          scores: Float64Array.from({ length: queries.length * k }, (_, i) => 1 - (i % k) / k),
        })),
      means: (groups, count) => quietly("means", { groups, count }, () => this.matrix()),
      sums: (count, parts) => quietly("sums", { count, parts }, () => this.matrix()),
      highest: (queries, _gallery, among, k) =>
        quietly("highest", { queries, among, k }, () =>
          Float64Array.from({ length: k }, (_, i) => 1 - i / k),
        ),
      release: async () => {
        await quietly("release", undefined, () => undefined);
      },
    };
  }

  exporters(names: readonly string[]): Promise<Readonly<Record<string, string>>> {
    return this.answer("exporters", names, () => Object.fromEntries(names.map((name) => [name, `.${name}`])));
  }

  export(fn: string, to: string, path: string): Promise<Readonly<Record<string, unknown>>> {
    return this.answer("export", { function: fn, to, path }, () => ({ bytes: 1 }));
  }

  async plan(plan: Plan): Promise<void> {
    const { number: step } = plan;
    if (this.dead) throw this.dead;
    if (this.dropping) return;
    this.asked.push(`step ${step}`);
    await new Promise((resolve) => setImmediate(resolve));
    if (this.dropping || this.options.onPlan?.(step, this) === false) return;
    this.report(step, this.options.tensors?.(plan), this.options.metrics?.(plan));
  }

  report(
    step: number,
    tensors: PlanResult["tensors"] = {},
    metrics: PlanResult["metrics"] = { loss: 10 - step / 10 },
  ): void {
    this.events.onResult?.({
      program: this.name,
      number: step,
      metrics,
      tensors,
      seconds: 0.01,
      wait: 0,
    });
  }

  async stop(): Promise<void> {
    this.dropping = true;
    setImmediate(() => this.events.onStopped?.({ [this.name]: 0 }));
  }

  async unload(): Promise<void> {}

  async shutdown(): Promise<void> {}
}
