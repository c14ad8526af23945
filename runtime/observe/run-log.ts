/** @file What a run says to people, with times, also after its terminal was closed. */
import { appendFileSync } from "node:fs";
import type { Observer } from "./observer.js";

/** Its lines stand in the order in which they were said. */
export class RunLog implements Observer {
  readonly name = "run.log";

  constructor(private readonly path: string) {}

  note(text: string): void {
    appendFileSync(this.path, `${new Date().toISOString()} ${text}\n`);
  }

  error(text: string): void {
    this.note(text);
  }
}
