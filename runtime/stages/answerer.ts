/**
 * @file The stage with a driver: hands the calls of its driver to a host and the answers back. The order of calls and answers is a
 * function of the program alone: before a call beyond the window, the oldest answer is waited for, and only that one is handed
 * over, however many are there. At a checkpoint every call is answered; what broke off goes on there, and ends as the same bytes.
 */

import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  type AnsweredProgram,
  type CalledFunction,
  flattenPlan,
  PLAN,
  ROWS,
  structureHash,
  weightsHash,
} from "../../compiler/index.js";
import { ANSWERED, type AnyAnswer, type Call, type Driver, type Left, STAGE } from "../../dsl/index.js";
import type { PlanResult } from "../bridge/host-events.js";
import type { Observers } from "../observe/observer.js";
import { type Checkpoint, Checkpoints, isDamage, stepOf } from "../run/checkpoints.js";
import { answerOf, bytesOf } from "./answer.js";
import { asked } from "./asked.js";
import { Calls, type CallsOptions } from "./calls.js";
import type { Host, Plan } from "./host.js";

const DRIVER = "driver";

/** Has the functions of a program called as its driver says. */
export class Answerer extends Calls<Call, Left> {
  private readonly checkpoints: Checkpoints;
  /** What the host gave, and the driver has not heard yet. */
  private readonly arrived = new Map<number, PlanResult>();
  private readonly kind: string;
  private driver!: Driver;
  /** Calls that were handed out, of these those that were answered, and the checkpoint that there is. */
  private called = 0;
  private answered = 0;
  private saved = 0;

  constructor(
    name: string,
    private readonly program: AnsweredProgram,
    folder: string,
    observers: Observers,
    options: CallsOptions,
  ) {
    const largest = Math.max(...[...program.functions.values()].map(({ results }) => bytesOf(results)));
    super(name, program.module, largest, observers, options);
    this.kind = program.stage[STAGE].kind;
    this.checkpoints = new Checkpoints(folder);
  }

  whatIsSaved(): string {
    return this.saved === 0
      ? "nothing is saved yet: the same command begins anew"
      : `${this.saved} calls are saved: the same command goes on there`;
  }

  get progress(): number {
    return this.saved;
  }

  protected async begin(host: Host): Promise<void> {
    this.arrived.clear();
    await host.open(ROWS, this.program.data);
    this.called = this.answered = this.saved = (await this.restored()) ?? (await this.anew());
  }

  private async anew(): Promise<number> {
    this.driver = this.asked(() => this.program.driver());
    await this.watch.during(() => "the first state", this.hosted.initialise(0));
    return 0;
  }

  /** Goes to the newest whole checkpoint; the number of its next call. */
  private async restored(): Promise<number | undefined> {
    for (const name of this.checkpoints.names()) {
      const whole = await this.readBack(name);
      if (!whole) continue;
      const { books, info } = whole;
      this.answered = info.step;
      this.driver = this.asked(() => this.program.driver());
      this.asked(() => this.driver.restore(books[DRIVER]!));
      this.observers.note(`going on after ${info.step} calls`);
      return info.step;
    }
    return undefined;
  }

  /** Reads a checkpoint, here and in the host. All calls can be made again, so one that is damaged is passed over. */
  private async readBack(name: string): Promise<Checkpoint | undefined> {
    try {
      const checkpoint = this.checkpoints.read(name);
      const { tensors, tensorsHash, info } = checkpoint;
      const saved = { path: tensors, sha256: tensorsHash, next: info.step, seed: info.seed };
      await this.watch.during(() => `${name} to be read`, this.hosted.restore(saved));
      return checkpoint;
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.observers.note(
        `passing over the checkpoint of ${stepOf(name)} calls: ${(error as Error).message}`,
      );
      return undefined;
    }
  }

  protected async work(): Promise<Left | undefined> {
    const { checkpoint } = this.program.stage[ANSWERED];
    this.working = true;
    while (!this.stopped) {
      if (this.called % checkpoint === 0 && this.called > this.saved) await this.save();
      if (this.called - this.answered >= this.window && !(await this.answerOldest())) break;
      const next = this.asked(() => this.driver.next());
      if (next === "done") break;
      if (next !== "wait") await this.send(next);
      else if (this.called === this.answered)
        throw experimentError("bad-answered.waits", { kind: this.kind });
      else if (!(await this.answerOldest())) break;
    }
    await this.answerAll();
    this.working = false;
    return this.stopped ? undefined : this.asked(() => this.driver.result());
  }

  /** Waits for the oldest answer in flight and hands it to the driver. Returns false if a stop keeps it from coming. */
  private async answerOldest(): Promise<boolean> {
    const number = this.answered;
    await this.watch.during(
      () => `the answer to call ${number}`,
      this.flight.until(() => this.arrived.has(number) || this.stopped),
    );
    if (this.stopped) return false;
    const result = this.arrived.get(number)!;
    this.arrived.delete(number);
    const { function: called, answer } = this.flight.landed(number)!;
    const results = this.resultsOf(result, this.program.functions.get(called)!);
    this.answered++;
    this.asked(() => answer(results as never));
    const progress = this.driver.progress?.() ?? `${this.answered.toLocaleString("en-US")} calls answered`;
    this.observers.tell("part", progress);
    this.watch.progressed();
    return true;
  }

  private async answerAll(): Promise<void> {
    while (this.answered < this.called && (await this.answerOldest()));
  }

  /** Writes a checkpoint at which every call is answered. */
  private async save(): Promise<void> {
    await this.answerAll();
    if (this.stopped) return;
    const { module } = this.program;
    const info = {
      version: 1 as const,
      step: this.called,
      structureHash: structureHash(module),
      weightsHash: weightsHash(module),
      seed: 0,
      createdAt: new Date().toISOString(),
    };
    const books = { [DRIVER]: this.asked(() => this.driver.state()) };
    const written = this.checkpoints.write(info, books, (path) => this.hosted.save(path, []));
    await this.watch.during(() => `the checkpoint of ${this.called} calls`, written);
    this.saved = this.called;
    this.observers.tell("saved", this.saved);
  }

  private async send(call: Call): Promise<void> {
    const number = this.called++;
    this.flight.sent(number, call);
    await this.hosted.plan(this.planOf(number, call));
  }

  private planOf(number: number, { function: callable, rows, plan, wants }: Call): Plan {
    const { kind } = this;
    const { functions, data } = this.program;
    const called = functions.get(callable);
    if (!called) {
      const known = [...functions.values()].map(({ name }) => name).join(", ");
      throw experimentError("bad-answered.function", { kind, known });
    }
    const { name, results, signature } = called;
    const strange = wants?.find((want) => !(want in results));
    if (strange !== undefined) {
      const known = Object.keys(results).join(", ");
      throw experimentError("bad-answered.wants", { kind, function: name, name: strange, known });
    }
    const images = data.offsets.at(-1)!;
    const beyond = rows.find((row) => row < 0 || row >= images);
    if (beyond !== undefined)
      throw experimentError("bad-answered.image", { kind, function: name, row: beyond, rows: images });
    const flat = flattenPlan(plan, signature, number, PLAN);
    const isArray = (result: string) => {
      const type = results[result]!;
      return type.kind === "tensor" && type.dims.length > 0;
    };
    return {
      function: name,
      number,
      streams: rows.length > 0 ? { [ROWS]: ROWS } : {},
      scalars: flat.scalars,
      arrays: rows.length > 0 ? { ...flat.arrays, [`${ROWS}.images`]: rows } : flat.arrays,
      returns: (wants ?? Object.keys(results)).filter(isArray),
    };
  }

  private resultsOf({ metrics, tensors }: PlanResult, { name, results }: CalledFunction) {
    const answers: Record<string, AnyAnswer> = { ...metrics };
    for (const [result, { data }] of Object.entries(tensors))
      answers[result] = answerOf(data, results[result]!, (value) =>
        experimentError("bad-answered.wide", { kind: this.kind, function: name, name: result, value }),
      );
    return answers;
  }

  protected landed(result: PlanResult): void {
    this.arrived.set(result.number, result);
    this.flight.wake();
  }

  /** Asks the driver, which is its author's own TypeScript: what it throws is theirs to mend. */
  private asked<T>(question: () => T): T {
    return asked(question, (error) =>
      experimentError("bad-answered.driver", { kind: this.kind, calls: this.answered, error }),
    );
  }
}
