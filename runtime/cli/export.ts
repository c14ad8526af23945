/** @file `f2c-dsl export`: the net of a checkpoint as a file, by the program that the run has kept. Needs neither its sources nor its data. */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { type IrModule, structureHash } from "../../compiler/index.js";
import { bridgeError } from "../bridge/bridge-error.js";
import { setUp } from "../bridge/python-environment.js";
import { type Checkpoint, Checkpoints, isDamage, stepOf } from "../run/checkpoints.js";
import { readConfig } from "../run/config.js";
import { PROGRAM_FILE, readProgram } from "../run/kept-program.js";
import { EXPORTED, exportNet } from "../stages/export-net.js";
import type { HostSession } from "../stages/host-session.js";
import { fail } from "./report.js";
import { startHost } from "./start-host.js";

export interface ExportOptions {
  /** Exporters, joined by commas. */
  readonly to: string;
  readonly out?: string;
  readonly checkpoint?: number;
}

export async function exportRun(run: string, options: ExportOptions): Promise<void> {
  let host: HostSession | undefined;
  let texts: ReadonlyMap<string, string> = new Map();
  try {
    const exporters = exportersOf(options);
    const folder = resolve(run);
    const { experiment, module } = programOf(folder, run);
    texts = new Map(module.sources.map(({ path, text }) => [path, text]));
    const found = checkpointsOf(folder, run, options.checkpoint);
    const say = (line: string) => process.stderr.write(`${line}\n`);
    const python = await setUp(say);
    host = await startHost(python);
    const endings = await host.exporters(exporters);
    // What is not exported need not be compiled.
    const functions = module.functions.filter(({ name }) => name === EXPORTED);
    const hosted = await host.load(
      experiment,
      { ...module, functions },
      { device: "cpu", backend: "torchscript" },
    );
    const { info } = await restored(
      found,
      async (checkpoint) => {
        refuseOtherProgram(checkpoint, module, run);
        const { info, tensors, tensorsHash } = checkpoint;
        await hosted.restore({ path: tensors, sha256: tensorsHash, next: info.step, seed: info.seed });
      },
      run,
      say,
    );
    const state = { module, experiment, folder, step: info.step };
    const stem = options.checkpoint === undefined ? "net" : `net-${options.checkpoint}`;
    for (const [to, ending] of Object.entries(endings)) {
      const file = options.out === undefined ? join(folder, `${stem}${ending}`) : resolve(options.out);
      const facts = await exportNet(hosted, to, file, state);
      const shown = relative(process.cwd(), file);
      process.stdout.write(`${[`${shown}: the net before step ${info.step}`, ...facts].join(", ")}\n`);
    }
  } catch (error) {
    fail(error, { texts });
  } finally {
    await host?.shutdown();
  }
}

function exportersOf({ to, out, checkpoint }: ExportOptions): readonly string[] {
  const names = [...new Set(to.split(",").map((name) => name.trim()))].filter(Boolean);
  if (names.length === 0) throw experimentError("bad-command-line.no-exporter", {});
  if (out !== undefined && names.length > 1)
    throw experimentError("bad-command-line.one-file", { count: names.length });
  if (checkpoint !== undefined && !(Number.isInteger(checkpoint) && checkpoint >= 1))
    throw experimentError("bad-command-line.count", { option: "checkpoint", least: 1, example: 2000 });
  return names;
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

/** The checkpoints to try, best first: the one that is asked for, or all, the newest first. */
function checkpointsOf(folder: string, run: string, step: number | undefined): readonly Candidate[] {
  const home = join(folder, "checkpoints");
  const checkpoints = existsSync(home) ? new Checkpoints(home) : undefined;
  const names = checkpoints?.names() ?? [];
  if (names.length === 0) throw bridgeError("nothing-to-export.no-checkpoint", "user", { folder: run });
  const wanted = step === undefined ? names : names.filter((name) => stepOf(name) === step);
  if (wanted.length === 0) {
    const known = names.map(stepOf).join(", ");
    throw bridgeError("nothing-to-export.no-such-checkpoint", "user", { folder: run, known, step: step! });
  }
  return wanted.map((name) => ({ name, read: () => checkpoints!.read(name) }));
}

interface Candidate {
  readonly name: string;
  readonly read: () => Checkpoint;
}

/** The first whole checkpoint, once `restore` has taken it. Throws the last one's error where none is whole. */
async function restored(
  candidates: readonly Candidate[],
  restore: (checkpoint: Checkpoint) => Promise<void>,
  run: string,
  say: (line: string) => void,
): Promise<Checkpoint> {
  for (const { name, read } of candidates) {
    try {
      const checkpoint = read();
      await restore(checkpoint);
      return checkpoint;
    } catch (error) {
      if (!isDamage(error)) throw error;
      say(`skipping ${name}, which is not whole: ${(error as Error).message}`);
    }
  }
  throw bridgeError("no-whole-checkpoint", "user", { count: candidates.length, folder: run });
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
