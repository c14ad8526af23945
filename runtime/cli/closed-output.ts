/**
 * @file Who reads what a command says may stop early, as `head` does. The command ends then, and says nothing of it; a run goes
 * on. SIGPIPE ends other tools, but Node ignores it and fails to write instead.
 */
import { EXIT } from "./exit.js";

let goesOn = false;

/** A terminal or pipe that nobody reads any more ends no run: what it would have shown stands in the run folder. */
export function outliveClosedOutput(): void {
  goesOn = true;
}

for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (goesOn) return;
    if (error.code !== "EPIPE") throw error;
    process.exit(EXIT.unread);
  });
