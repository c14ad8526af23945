/** @file Who listens to every run, beside the terminal and those whom the user asks for; what they hear stays in the run's folder. */
import type { RunFolder } from "../run/run-folder.js";
import { JsonLines } from "./json-lines.js";
import type { Observer } from "./observer.js";
import { RunLog } from "./run-log.js";

export const ofEveryRun = (folder: RunFolder): readonly Observer[] => [
  new RunLog(folder.file("run.log")),
  new JsonLines(folder.history),
];
