/**
 * @file The net of a run's checkpoint, for commands that take a run's folder: by the program that the run has kept. Needs neither its
 * sources nor its data.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { type IrModule, structureHash } from "../../compiler/index.js";
import { bridgeError } from "../bridge/bridge-error.js";
import { BestCheckpoints } from "../run/best-checkpoint.js";
import { type Checkpoint, CheckpointFolder, isDamage, stepOf } from "../run/checkpoints.js";
import { readConfig } from "../run/config.js";
import { PROGRAM_FILE, readProgram } from "../run/kept-program.js";
import type { HostedProgram } from "../stages/host.js";

/** A step, the one that scored best, or the newest if none is named. */
export type WhichCheckpoint = number | "best" | undefined;

/** What `--checkpoint` says. */
export function whichCheckpoint(given: string | undefined): WhichCheckpoint {
  if (given === undefined || given === "best") return given;
  if (!/^[1-9]\d*$/.test(given)) throw experimentError("bad-command-line.checkpoint", { given });
  return Number(given);
}

/** A run's program, and checkpoints of it to try. */
export interface NetOfRun {
  /** The folder as it was named. */
  readonly run: string;
  readonly folder: string;
  readonly experiment: string;
  readonly module: IrModule;
  /** The checkpoint that is asked for; or all, the newest first. */
  readonly candidates: readonly Candidate[];
}

interface Candidate {
  readonly name: string;
  readonly read: () => Checkpoint;
}

export const isRun = (folder: string): boolean => existsSync(join(folder, "config.json"));

/** Throws F2C6408 where there is no such net. */
export function netOfRun(run: string, which: WhichCheckpoint): NetOfRun {
  const folder = resolve(run);
  return { run, folder, ...programOf(folder, run), candidates: candidatesIn(folder, run, which) };
}

/** Restores the program from the first checkpoint that is whole. Throws the last one's error where none is. */
export async function restoreNet(
  hosted: HostedProgram,
  { run, module, candidates }: NetOfRun,
  say: (line: string) => void,
): Promise<Checkpoint> {
  for (const { name, read } of candidates) {
    try {
      const checkpoint = read();
      refuseOtherProgram(checkpoint, module, run);
      const { info, tensors, tensorsHash } = checkpoint;
      await hosted.restore({ path: tensors, sha256: tensorsHash, next: info.step, seed: info.seed });
      return checkpoint;
    } catch (error) {
      if (!isDamage(error)) throw error;
      say(`skipping ${name}, which is not whole: ${(error as Error).message}`);
    }
  }
  throw bridgeError("no-whole-checkpoint", "user", { count: candidates.length, folder: run });
}

/** The program that a run executes, as its folder keeps it. */
function programOf(folder: string, run: string): { experiment: string; module: IrModule } {
  const config = readConfig(folder);
  if (config === undefined) throw bridgeError("nothing-to-export", "user", { folder: run });
  if (!existsSync(join(folder, PROGRAM_FILE)))
    throw bridgeError("nothing-to-export.no-program", "user", { folder: run });
  try {
    return { experiment: String(config.name), module: readProgram(folder) };
  } catch (error) {
    const reason = (error as Error).message.replace(/^internal: /, "");
    throw bridgeError("nothing-to-export.damaged-program", "user", { folder: run, reason });
  }
}

function candidatesIn(folder: string, run: string, which: WhichCheckpoint): readonly Candidate[] {
  const home = join(folder, "checkpoints");
  if (which === "best") {
    const best = new BestCheckpoints(home);
    const [name] = best.names();
    if (name === undefined) throw bridgeError("nothing-to-export.no-best", "user", { folder: run });
    return [{ name: `best/${name}`, read: () => best.read(name) }];
  }
  const checkpoints = new CheckpointFolder(home);
  const names = checkpoints.names();
  if (names.length === 0) throw bridgeError("nothing-to-export.no-checkpoint", "user", { folder: run });
  const wanted = which === undefined ? names : names.filter((name) => stepOf(name) === which);
  if (wanted.length === 0) {
    const known = names.map(stepOf).join(", ");
    throw bridgeError("nothing-to-export.no-such-checkpoint", "user", { folder: run, known, step: which! });
  }
  return wanted.map((name) => ({ name, read: () => checkpoints.read(name) }));
}

function refuseOtherProgram({ info }: Checkpoint, module: IrModule, run: string): void {
  const hash = structureHash(module);
  if (info.structureHash === hash) return;
  throw bridgeError("checkpoint-of-other-program", "user", {
    step: info.step,
    folder: run,
    was: info.structureHash,
    is: hash,
  });
}
