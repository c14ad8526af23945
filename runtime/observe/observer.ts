/** @file What a run tells, and who listens: the trainer says what happens, and writes and shows nothing itself. */

import type { Measured } from "../../dsl/index.js";

/** A step that is done. */
export interface StepReport {
  /** From 0. */
  readonly step: number;
  /** With how many the run ends. */
  readonly steps: number;
  readonly epoch: number;
  /** What the step returned. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The plan's policies, such as lr and ema. */
  readonly policies: Readonly<Record<string, number>>;
  /** What it took to compute it, to wait for its images, and all since the first plan of this process. In seconds. */
  readonly seconds: number;
  readonly wait: number;
  readonly elapsed: number;
  /** By the names of the loader's streams. */
  readonly imagesPerSecond: Readonly<Record<string, number>>;
  readonly secondsLeft: number;
}

/** What was measured of the net as it is before a step, by name. */
export interface EvaluationReport {
  readonly step: number;
  readonly results: Readonly<Record<string, Measured>>;
}

/** How a run ended. */
export type Ending = "complete" | "interrupted" | "failed";

/** One who listens. It hears what it has a method for. */
export interface Observer {
  /** How it is called where it fails. */
  readonly name: string;
  /** The run cannot go on without it: what it throws ends the run. Any other one that throws is said once, and hears no more. */
  readonly essential?: true;
  /** The first step is next, of a run that is new. */
  begun?(): void;
  /** `step` is next, of a run that goes on or begins anew: what was told of this step and of later ones does not hold any more. */
  resumed?(step: number): void;
  step?(done: StepReport): void;
  evaluated?(evaluation: EvaluationReport): void;
  /** There is a checkpoint that continues with `step`. */
  saved?(step: number): void;
  /** Something that a person should know. */
  note?(text: string): void;
  /** How far something is that is no step. */
  part?(text: string): void;
  /** What keeps the run from going on, in plain lines. Whoever started it shows it to people. */
  error?(text: string): void;
  /** No more is told of the run. It waits for what it returns. */
  ended?(how: Ending): void | Promise<void>;
}

type EventName = Exclude<keyof Observer, "name" | "essential">;
type Told<Event extends EventName> = Parameters<NonNullable<Observer[Event]>>;

/** Those who listen to a run, in the order in which they are told. */
export class Observers {
  private listening: readonly Observer[] = [];

  constructor(...observers: readonly Observer[]) {
    this.add(...observers);
  }

  add(...observers: readonly Observer[]): void {
    this.listening = [...this.listening, ...observers];
  }

  tell<Event extends Exclude<EventName, "ended">>(event: Event, ...told: Told<Event>): void {
    for (const observer of this.listening) {
      try {
        (observer[event] as ((...told: Told<Event>) => void) | undefined)?.(...told);
      } catch (error) {
        this.failed(observer, error);
      }
    }
  }

  note(text: string): void {
    this.tell("note", text);
  }

  /** Tells that the run has ended, and waits until everyone is done with it. */
  async end(how: Ending): Promise<void> {
    await Promise.all(
      this.listening.map(async (observer) => {
        try {
          await observer.ended?.(how);
        } catch (error) {
          this.failed(observer, error);
        }
      }),
    );
  }

  private failed(observer: Observer, error: unknown): void {
    if (observer.essential) throw error;
    this.listening = this.listening.filter((other) => other !== observer);
    this.note(`${observer.name} failed, and hears no more of this run: ${(error as Error).message}`);
  }
}
