/** @file One case: a run is struck, what it left is examined, it is resumed, and must end as the uninterrupted one did. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Case, nameOf } from "./cases.js";
import { Chance } from "./chance.js";
import { Disk } from "./disk.js";
import { FAULTS } from "./faults.js";
import { type Ended, Job, patience } from "./job.js";
import { PERIOD, type Reference } from "./reference.js";
import { checkpointsOf, differences, resultOf, stepsDone } from "./result.js";

/** `lost`: steps or results. `hung`: it did not end, or left a process. `unexplained`: its end, or what it said of it. */
export type Kind = "lost" | "hung" | "unexplained";

export interface Problem {
  readonly kind: Kind;
  readonly what: string;
}

export interface Verdict {
  /** Whether there was still something to strike. */
  readonly struck: boolean;
  readonly problems: readonly Problem[];
  /** What the run said, and its resume. */
  readonly said: string;
}

const MOST_LEFT_KIB = 16;
/** Seconds that a host may outlive its driver. */
const AFTERLIFE = 60;
const RESOURCE = 4;

/** Strikes a run in `folder` and judges it. `bound`: seconds after which a run that has not ended hangs. */
export async function trial(
  which: Case,
  folder: string,
  { result, seconds, cache }: Reference,
  bound: number,
): Promise<Verdict> {
  const fault = FAULTS[which.fault]!;
  const control = join(folder, "control");
  const disk = new Disk(folder, control);
  const problems: Problem[] = [];
  const problem = (kind: Kind, what: string) => problems.push({ kind, what });
  let said = "";
  try {
    const runFolder = join(which.fault === "disk-full" ? disk.path : folder, "run");
    // Where compiling is struck there must be something to compile.
    const compiled = which.moment === "compile" ? join(folder, "cache") : cache;
    const job = new Job({
      control,
      runFolder,
      cache: compiled,
      place: `${which.place}:${which.count}`,
      arguments: fault.arguments ?? [],
    });
    const chance = new Chance(nameOf(which));
    const strike = { job, disk, left: chance.one([0, chance.upTo(MOST_LEFT_KIB)]) };
    const there =
      which.place === "clock"
        ? await Promise.race([patience(which.count * seconds).then(() => true), job.ended.then(() => false)])
        : await Promise.race([job.here(), patience(bound).then(() => false)]);
    const struck = there && (await fault.strike(strike));
    job.go(fault.go ?? "on");
    if (struck) await fault.after?.(strike);
    const ended = await job.within(bound);
    const left = await job.leftOver(ended ? AFTERLIFE : 0);
    disk.free();
    const log = join(runFolder, "run.log");
    said = which.fault === "output-closed" && existsSync(log) ? readFileSync(log, "utf8") : job.err + job.out;
    if (!ended) problem("hung", `it had not ended ${bound} s after the fault`);
    else if (left > 0) problem("hung", `${left} processes outlived it by ${AFTERLIFE} s`);
    const { newest, torn } = checkpointsOf(runFolder);
    for (const what of torn) problem("lost", `a torn checkpoint, ${what}`);
    if (ended) {
      for (const what of unexplained(ended, said, which.fault, runFolder)) problem("unexplained", what);
      const done = stepsDone(runFolder);
      // The one that is due may still be in the making: the one before it is there.
      const due = (Math.floor(Math.max(0, done - 1) / PERIOD) - 1) * PERIOD;
      if (newest < due)
        problem("lost", `after ${done} steps the newest checkpoint is that of step ${newest}`);
      if (fault.saves && ended.code !== 0 && ended.signal === null && newest < done)
        problem(
          "lost",
          `it ended by itself after ${done} steps, and the newest checkpoint is of step ${newest}`,
        );
    }
    let forgiven = 0;
    if (ended?.code !== 0) {
      // An evaluation that failed between two steps is said, and not made again.
      if (which.fault === "reader-exception" && which.moment === "evaluation") forgiven = 1;
      said += await resume(join(folder, "resumed"), runFolder, compiled, bound, problem);
    }
    for (const what of differences(resultOf(existsSync(runFolder) ? runFolder : folder), result, forgiven))
      problem("lost", what);
    const after = checkpointsOf(runFolder);
    for (const what of after.torn) problem("lost", `a torn checkpoint at the end, ${what}`);
    return { struck, problems, said };
  } finally {
    disk.remove();
  }
}

/** Goes on with a run as a user does, who follows what the command says. Returns what it said. */
async function resume(
  control: string,
  runFolder: string,
  cache: string,
  bound: number,
  problem: (kind: Kind, what: string) => void,
): Promise<string> {
  let said = "";
  for (const [attempt, flags] of [["--resume"], []].entries()) {
    mkdirSync(control, { recursive: true });
    const job = new Job({ control: `${control}-${attempt}`, runFolder, cache, arguments: flags });
    const ended = await job.within(bound);
    const left = await job.leftOver(ended ? AFTERLIFE : 0);
    said += `\n--- f2c-dsl run ${flags.join(" ")}\n${job.err}`;
    if (!ended) problem("hung", `the resume had not ended after ${bound} s`);
    else if (left > 0) problem("hung", `${left} processes outlived the resume by ${AFTERLIFE} s`);
    // There was no run yet: then one is started.
    if (attempt === 0 && job.err.includes("F2C6402")) continue;
    if (ended && ended.code !== 0) problem("lost", `the resume ended with ${ended.code ?? ended.signal}`);
    return said;
  }
  return said;
}

/** What is wrong with how a run ended and with what it said. */
function unexplained({ code, signal }: Ended, said: string, fault: string, folder: string): string[] {
  const { exits } = FAULTS[fault]!;
  const wrong: string[] = [];
  if (signal !== null) {
    // Until Node has loaded the command, nobody hears a signal.
    const tooEarly = said === "" && !existsSync(folder);
    if (exits !== "killed" && !tooEarly) wrong.push(`it was ended by ${signal}`);
    return wrong;
  }
  if (exits !== "killed" && !exits.includes(code!)) wrong.push(`it ended with exit code ${code}`);
  if (/internal:|F2C9000/.test(said)) wrong.push("it calls the fault its own (`internal:`)");
  if (/^\s+at \S.*:\d+:\d+\)?$|Traceback \(most recent call last\)/m.test(said))
    wrong.push("it shows a stack trace");
  if (/^(error|warning) F2C\d+[^\n]*:\s*(?:$|\n\s*(?:\n|help|=))/m.test(said))
    wrong.push("an error ends in nothing");
  if (code === 0) return wrong;
  if (code === 130) {
    if (!/SIG(INT|TERM|HUP)/.test(said)) wrong.push("it does not say what ended it");
    if (!/--resume|nothing was saved|ended while (setting up|compiling)/.test(said))
      wrong.push("it does not say how to go on");
  } else if (!/error F2C\d{4}: \S|error F2C\d{4} \S/.test(said)) wrong.push("there is no error with a code");
  else if (code === RESOURCE && !/help:|hint|=/.test(said)) wrong.push("there is no remedy");
  return wrong;
}
