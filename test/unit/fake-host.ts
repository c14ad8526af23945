/** A host without Python: it executes what it is told to, one message after the other, and says what it was asked. */
import { writeFileSync } from "node:fs";
import type { BridgeError } from "#runtime/bridge/bridge-error";
import type { HostClient, HostEvents, StepDone } from "#runtime/bridge/host-client";
import type { Message, WireBuffer } from "#runtime/bridge/wire";
import { BridgeError as Failure } from "#runtime/index";

type Body = Readonly<Record<string, unknown>>;
export type Answer = { body?: Body; buffers?: Readonly<Record<string, WireBuffer>> } | undefined;

export interface FakeHostOptions {
  /** What a request does instead of what it usually does; it may wait, or throw. */
  readonly on?: Readonly<Record<string, (body: Body, host: FakeHost) => Answer | Promise<Answer> | "usual">>;
  /** Called before a plan's step is reported; a host that returns `false` keeps it to itself. */
  readonly onPlan?: (step: number, host: FakeHost) => boolean | undefined;
}

export const failure = (
  code: string,
  kind: "user" | "host" | "resource" | "fault" = "user",
  message = `it is ${code}`,
) => new Failure(code, kind, message);

/** Stands for a HostClient. `asked` lists kinds of requests, and `step n` for plans. */
export class FakeHost {
  readonly asked: string[] = [];
  events: Partial<HostEvents> = {};
  heartbeat = undefined;
  silentFor = 0;
  readonly died: Promise<BridgeError>;
  private kill!: (error: BridgeError) => void;
  private dead: BridgeError | undefined;
  private dropping = false;

  constructor(private readonly options: FakeHostOptions = {}) {
    this.died = new Promise((resolve) => {
      this.kill = resolve;
    });
  }

  get client(): HostClient {
    return this as unknown as HostClient;
  }

  /** The process ends. */
  die(error: BridgeError = failure("F2C6006", "host", "the host was killed by SIGKILL")): void {
    this.dead = error;
    this.kill(error);
  }

  async request(
    kind: string,
    body: Body = {},
    buffers: Readonly<Record<string, WireBuffer>> = {},
  ): Promise<Message> {
    if (this.dead) throw this.dead;
    this.asked.push(kind);
    const special = this.options.on?.[kind];
    const given = special ? await special(body, this) : "usual";
    if (this.dead) throw this.dead;
    const answer = given === "usual" ? usual(kind, body, buffers) : given;
    return { kind: "ok", body: answer?.body ?? {}, buffers: answer?.buffers ?? {} };
  }

  async plan({ step }: Body): Promise<void> {
    if (this.dead) throw this.dead;
    if (this.dropping) return;
    this.asked.push(`step ${step}`);
    await new Promise((resolve) => setImmediate(resolve));
    if (this.dropping || this.options.onPlan?.(step as number, this) === false) return;
    this.report(step as number);
  }

  report(step: number): void {
    const done: StepDone = { step, metrics: { loss: 10 - step / 10 }, seconds: 0.01, wait: 0 };
    this.events.onStep?.(done);
  }

  async stop(): Promise<void> {
    this.dropping = true;
    setImmediate(() => this.events.onStopped?.(0));
  }

  async shutdown(): Promise<void> {}
}

function usual(kind: string, body: Body, buffers: Readonly<Record<string, WireBuffer>>): Answer {
  if (kind === "save") {
    writeFileSync(body.path as string, "tensors");
    return { body: { bytes: 7, sha256: "of tensors" } };
  }
  if (kind === "similarities") {
    const pairs = buffers.pairs!.shape[0]!;
    const data = Float64Array.from({ length: pairs }, (_, i) => Math.sin(i));
    const broken = { dtype: "i32", shape: [0], data: new Int32Array(0) } as const;
    return { buffers: { similarity: { dtype: "f64", shape: [pairs], data }, broken } };
  }
  return {};
}
