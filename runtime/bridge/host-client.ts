/** @file The driver's end of the bridge: starts a host, agrees on versions, sends requests and plans, hears of steps. */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Dealer, Pull } from "zeromq";
import { BridgeError, bridgeError } from "./bridge-error.js";
import type { Heartbeat, HostEvents, PlanResult } from "./host-events.js";
import { type Exit, HostProcess } from "./host-process.js";
import { Recording } from "./recording.js";
import { decode, encode, type Message, type WireBuffer } from "./wire.js";

export const PROTOCOL = [2, 0] as const;

export interface HostOptions {
  /** The interpreter that has the package f2c_host. */
  readonly python: string;
  readonly registryHash: string;
  readonly irVersion: readonly [number, number];
  /** Defaults for the host's environment; what this process has in its own goes before. */
  readonly env?: NodeJS.ProcessEnv;
  readonly startTimeoutMs?: number;
  /** Seconds without a sign of life after which a host is taken for dead and killed. */
  readonly patience?: number | undefined;
  /** Hears of the client as soon as its process is started, before it has said hello. */
  readonly onStart?: (client: HostClient) => void;
  /** A line that the host wrote to stdout or stderr. */
  readonly onLine?: (line: string) => void;
  /** Records what is sent on `work` into this file. */
  readonly record?: string | undefined;
}

/** What the host says of itself. */
export interface Hello {
  readonly protocol: readonly number[];
  readonly ir: readonly number[];
  readonly registry: string;
  readonly host: string;
  readonly python: string;
  readonly torch: string;
  /** Of a torch that is allowed and that nobody has run the tests with: a sentence that says so. */
  readonly untried?: string | null;
  /** Of kernels in C that are not built: likewise. */
  readonly kernels?: string | null;
  /** The CUDA that torch was built for; none where it was built without. */
  readonly cuda?: string | null;
  /** The names of its GPUs, in order. */
  readonly gpus?: readonly string[];
  readonly devices: readonly string[];
  readonly pid: number;
}

const PATIENCE = 60;
const START_TIMEOUT_MS = 300_000;
const TICK_MS = 1000;
/** How long after a socket the end of its host is heard of. */
const UNKNOWN_MS = 5000;
/** Messages that wait here until they are heard; more wait in the host, which then begins no more plans. */
const REPORTS = 64;

interface Pending {
  resolve(answer: Message): void;
  reject(error: Error): void;
}

/** A host that said hello. Every method rejects with a BridgeError; when the host dies, all of them do. */
export class HostClient {
  hello!: Hello;
  events: Partial<HostEvents> = {};
  private readonly control = new Dealer({ linger: 0 });
  private readonly work = new Dealer({ linger: 0, sendHighWaterMark: 0 });
  private readonly reports = new Pull({ linger: 0, receiveHighWaterMark: REPORTS });
  private readonly pending = new Map<number, Pending>();
  private readonly process: HostProcess;
  private readonly recording: Recording | undefined;
  private readonly bound: Promise<PromiseSettledResult<void>[]>;
  /** The last heartbeat, once one came. */
  heartbeat: Heartbeat | undefined;
  /** Seconds since the last heartbeat in which this process ran: those of a laptop that slept are not the host's. */
  silentFor = 0;
  private pulse: NodeJS.Timeout | undefined;
  /** Why the host was killed, if it was this end that did it. */
  private verdict: BridgeError | undefined;
  private nextId = 1;
  private sending: Promise<void> = Promise.resolve();
  private death: BridgeError | undefined;
  private leaving = false;
  private closed = false;
  readonly died: Promise<BridgeError>;

  private constructor(private readonly options: HostOptions) {
    // First what can fail: a host that was started for nothing would keep this process alive.
    this.recording = options.record === undefined ? undefined : new Recording(options.record);
    const token = randomBytes(16).toString("hex");
    this.token = token;
    const session = (folder: string) => ({
      protocol: PROTOCOL,
      endpoints: Object.fromEntries(
        ["control", "work", "events"].map((name) => [name, `ipc://${folder}/${name}`]),
      ),
      parent: process.pid,
      token,
    });
    this.process = new HostProcess(options.python, session, options.env ?? {}, options.onLine ?? (() => {}));
    const { folder } = this.process;
    this.bound = Promise.allSettled([
      this.control.bind(`ipc://${folder}/control`),
      this.work.bind(`ipc://${folder}/work`),
      this.reports.bind(`ipc://${folder}/events`),
    ]);
    this.died = this.process.exited.then(async (exit) => {
      await this.bound; // a socket cannot be closed while it is being bound
      const error = this.verdict ?? this.startError(exit) ?? this.diedError(exit);
      this.death = error;
      if (!this.leaving) this.rejectAll(error);
      this.pending.clear();
      this.close();
      return error;
    });
  }
  private readonly token: string;

  /** Starts a host. The process is spawned before this returns its promise, so that torch loads while others work. */
  static start(options: HostOptions): Promise<HostClient> {
    const client = new HostClient(options);
    options.onStart?.(client);
    return client.shake().then(() => client);
  }

  private diedError({ code, signal }: Exit): BridgeError {
    const when = this.hello === undefined ? " while it started" : "";
    const how = signal ? `was killed by ${signal}${when}` : `ended with exit code ${code}${when}`;
    const tail = this.process.tail(15);
    return bridgeError("host-died", "host", { how, output: tail ? `; it last wrote:\n${tail}` : "" });
  }

  private startError({ code, signal }: Exit): BridgeError | undefined {
    if (this.hello !== undefined || signal !== null) return undefined;
    const tail = this.process.tail(15);
    if (/No module named '?f2c_host/.test(tail))
      return bridgeError("host-cannot-start.no-package", "host", { python: this.options.python });
    if (code === 3 || /No module named '?torch/.test(tail))
      return bridgeError("torch-missing", "host", { error: tail.split("\n").at(-1) ?? "torch is missing" });
    if (code === null) return bridgeError("host-cannot-start.spawn", "host", { error: tail });
    return bridgeError("host-cannot-start.ended", "host", {
      code: String(code),
      output: tail ? `:\n${tail}` : "",
    });
  }

  private async shake(): Promise<void> {
    const timeout = this.options.startTimeoutMs ?? START_TIMEOUT_MS;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            bridgeError("host-silent", "host", {
              seconds: timeout / 1000,
              output: this.process.tail(5) ? `; it wrote:\n${this.process.tail(5)}` : "",
            }),
          ),
        timeout,
      );
    });
    try {
      const refused = (await this.bound).find((b) => b.status === "rejected");
      if (this.death || refused) throw this.death ?? (await Promise.race([this.died, late]));
      const frames = await Promise.race([
        // Closing the socket rejects this; why it was closed is what `died` says.
        this.control.receive().catch(() => new Promise<never>(() => {})),
        late,
        this.died.then((error) => Promise.reject(error)),
      ]);
      const hello = decode(frames as Buffer[]);
      this.hello = hello.body as unknown as Hello;
      const mismatch =
        hello.kind === "hello" && hello.body.token === this.token
          ? this.mismatch(this.hello)
          : bridgeError("versions-differ.stranger", "host", {});
      if (mismatch) {
        const { code, message, hint } = mismatch;
        await this.control.send(encode({ kind: "reject", body: { code, message, hint }, buffers: {} }));
        await this.process.end(2000);
        throw mismatch;
      }
      await this.control.send(encode({ kind: "welcome", body: { heartbeat: 1.0 }, buffers: {} }));
    } catch (error) {
      this.leaving = true;
      await this.process.end(500);
      throw error;
    } finally {
      clearTimeout(timer);
    }
    void this.listen(this.work, (m) => this.answered(m));
    void this.listen(this.reports, (m) => this.reported(m));
    void this.listen(this.control, (m) => this.controlled(m));
    this.pulse = setInterval(() => this.tick(), TICK_MS);
    this.pulse.unref();
  }

  /** A second in which this process ran. A host that gave no sign of life for too many of them is dead, or as good as dead. */
  private tick(): void {
    const patience = this.options.patience ?? PATIENCE;
    if (++this.silentFor <= patience || this.verdict) return;
    this.condemn(bridgeError("host-died.silent", "host", { seconds: patience }));
  }

  /** Kills a host that cannot be worked with any more; every call then fails with `why`. */
  private condemn(why: BridgeError): void {
    this.verdict ??= why;
    this.kill();
  }

  private mismatch(hello: Hello): BridgeError | undefined {
    const say = (what: string, theirs: unknown, ours: unknown) =>
      bridgeError("versions-differ", "host", { what, theirs: String(theirs), ours: String(ours) });
    if (hello.protocol?.[0] !== PROTOCOL[0])
      return say("protocol", hello.protocol?.join("."), PROTOCOL.join("."));
    const [major, minor] = this.options.irVersion;
    if (hello.ir?.[0] !== major || hello.ir[1]! < minor)
      return say("IR version", hello.ir?.join("."), this.options.irVersion.join("."));
    if (hello.registry !== this.options.registryHash)
      return say("op registry", hello.registry, this.options.registryHash);
    return undefined;
  }

  /** Hears messages until the socket is closed. After one that is not of the protocol nobody knows what the next would mean. */
  private async listen(socket: Dealer | Pull, hear: (message: Message) => void): Promise<void> {
    try {
      for await (const frames of socket) hear(decode(frames as Buffer[]));
    } catch (error) {
      if (this.closed) return;
      this.condemn(
        error instanceof BridgeError ? error : bridgeError("internal", "fault", { error: String(error) }),
      );
    }
  }

  private controlled({ kind, body }: Message): void {
    if (kind === "error") this.condemn(BridgeError.from(body));
    if (kind !== "heartbeat") return;
    this.silentFor = 0;
    this.heartbeat = body as unknown as Heartbeat;
  }

  private rejectAll(error: BridgeError): void {
    for (const { reject } of this.pending.values()) reject(error);
    this.pending.clear();
  }

  private answered(message: Message): void {
    const pending = message.re === undefined ? undefined : this.pending.get(message.re);
    if (!pending) return;
    this.pending.delete(message.re!);
    if (message.kind === "error") pending.reject(BridgeError.from(message.body));
    else pending.resolve(message);
  }

  private reported({ kind, body, buffers }: Message): void {
    if (kind === "result") this.events.onResult?.({ ...body, tensors: buffers } as unknown as PlanResult);
    if (kind === "failed")
      this.events.onFailed?.(
        BridgeError.from(body),
        body.program as string | undefined,
        body.number as number | undefined,
      );
    if (kind === "stopped") this.events.onStopped?.(body.numbers as Readonly<Record<string, number>>);
    if (kind === "part") this.events.onPart?.(body.done as number, body.total as number);
    if (kind === "log") this.events.onLog?.(String(body.level), String(body.message));
  }

  /** Sends a request on `work`; resolves with the answer. */
  request(
    kind: string,
    body: Readonly<Record<string, unknown>> = {},
    buffers: Readonly<Record<string, WireBuffer>> = {},
  ): Promise<Message> {
    if (this.death) return Promise.reject(this.death);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.post({ kind, id, body, buffers }).catch((error) => {
        this.pending.delete(id);
        reject(error);
      });
    });
  }

  /** Sends a plan; `events.onResult` tells what it gave. */
  plan(
    body: Readonly<Record<string, unknown>>,
    buffers: Readonly<Record<string, WireBuffer>>,
  ): Promise<void> {
    return this.post({ kind: "plan", id: this.nextId++, body, buffers });
  }

  private post(message: Message): Promise<void> {
    const frames = encode(message);
    this.recording?.append(frames);
    const sent = this.sending.then(() => this.work.send(frames));
    this.sending = sent.catch(() => {});
    return sent.catch((error: unknown) => this.unsent(error));
  }

  /** A socket refuses when the host has died, and may know of it first; it is closed then. That is what has to be said. */
  private async unsent(error: unknown): Promise<never> {
    const known =
      this.closed || this.verdict
        ? this.died
        : Promise.race([this.died, delay(UNKNOWN_MS, error, { ref: false })]);
    throw this.death ?? (await known);
  }

  /** Asks for a halt after the running step; `events.onStopped` tells its number. */
  async stop(): Promise<void> {
    await this.control.send(encode({ kind: "stop", body: {}, buffers: {} })).catch((e) => this.unsent(e));
  }

  /** Interrupts what the host is doing, between ops. */
  interrupt(): void {
    this.process.kill("SIGINT");
  }

  kill(): void {
    this.process.kill("SIGKILL");
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Lets the host finish and go; forces it if it does not. */
  async shutdown(): Promise<void> {
    if (!this.death) {
      this.leaving = true;
      if (this.hello === undefined)
        this.kill(); // it listens to nobody yet
      else
        await Promise.race([
          this.request("shutdown").catch(() => undefined),
          this.died,
          delay(3000, undefined, { ref: false }),
        ]);
      await this.process.end(2000);
    }
    this.close();
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.pulse);
    try {
      this.recording?.close();
    } catch {} // one that a full disk cut off is executed up to there
    for (const socket of [this.control, this.work, this.reports]) socket.close();
  }
}
