/** @file What is written down when a run begins, and compared when it goes on. */
import { type CompiledExperiment, type LoadedExperiment, lastStep } from "../../compiler/index.js";
import { Checkpoints } from "../run/checkpoints.js";
import { type Circumstances, circumstancesIn } from "../run/circumstances.js";
import { type RunConfig, readConfig, recordChanges, unreadableConfig, writeConfig } from "../run/config.js";
import { compareIdentity, identityOf, type RunIdentity, refusalOf, savedIdentity } from "../run/identity.js";
import { writeProgram } from "../run/kept-program.js";
import type { RunFolder } from "../run/run-folder.js";
import type { HostSession } from "./host-session.js";

type Say = (line: string) => void;
/** Values of the experiment's options, as the command line has them. */
type Settings = Readonly<Record<string, string>>;

/** What the command line says of a run. */
interface Asked {
  readonly device?: string | undefined;
  readonly backend?: string | undefined;
  readonly threads?: number | undefined;
  /** The options that the command line set, now or when the run was begun. */
  readonly set?: Settings;
}

/** What a program is executed with: what the command line says, or the experiment. */
export const executedWith = (
  { experiment }: CompiledExperiment,
  asked: Asked,
  config: RunConfig | undefined,
) => ({
  device: asked.device ?? experiment.device,
  backend: asked.backend ?? experiment.backend,
  // Sums depend on how many threads share them: a run goes on with as many as it began with.
  threads: asked.threads ?? (config?.threads as number | undefined),
});

/** Describes a run in its folder, or compares it with the one that lies there. Returns what it is executed with. */
export function beginRun(
  folder: RunFolder,
  loaded: LoadedExperiment,
  program: CompiledExperiment,
  asked: Asked,
  resume: boolean,
  say: Say,
) {
  const config = resume ? readConfig(folder.path) : undefined;
  const given = executedWith(program, asked, config);
  const identity = identityOf(program, given);
  const circumstances = circumstancesIn(loaded.directory);
  const begun = { ...given, set: asked.set ?? {}, circumstances, identity };
  if (config) continueRun(folder, loaded, program, config, begun, say);
  else describeRun(folder, loaded, program, begun);
  const steps = lastStep(program);
  const { name } = program.experiment;
  say(
    `${name}: ${program.setting.identities.toLocaleString("en-US")} identities, ${program.setting.images.toLocaleString("en-US")} images, ${steps.toLocaleString("en-US")} ${steps === 1 ? "step" : "steps"}; ${folder.path}`,
  );
  return { ...given, resume, sameProgram: config === undefined || config.identity !== undefined };
}

function describeRun(
  folder: RunFolder,
  loaded: LoadedExperiment,
  program: CompiledExperiment,
  begun: Begun,
): void {
  const experiment = folder.copySources(loaded);
  writeProgram(folder, program.module);
  const { name, seed, length, checkpoint } = program.experiment;
  const { identity, set, circumstances, ...executed } = begun;
  writeConfig(folder.path, {
    name,
    startedAt: new Date().toISOString(),
    /** The copy of the experiment that ran, in this folder. */
    experiment,
    seed,
    options: program.experiment.options,
    set,
    ...executed,
    length,
    checkpoint,
    steps: program.steps,
    stopAfter: program.stopAfter,
    stepsPerEpoch: program.stepsPerEpoch,
    setting: program.setting,
    data: program.train.spec.kind,
    command: circumstances.command,
    versions: identity.versions,
    starts: [circumstances],
    identity,
  });
}

/** Adds to the start that was recorded last what only the host knows, once it is there; a host that does not come is told elsewhere. */
export function recordHost(folder: string, first: Promise<HostSession>): void {
  first
    .then(({ client: { hello } }) => {
      const config = readConfig(folder);
      const [last, ...before] = [...((config?.starts as Circumstances[] | undefined) ?? [])].reverse();
      if (!config || !last) return;
      const { python, torch, cuda, gpus } = hello;
      const versions = { ...last.versions, python, torch, ...(cuda != null && { cuda }) };
      const start = { ...last, versions, machine: { ...last.machine, gpus: gpus ?? [] } };
      writeConfig(folder, { ...config, starts: [...before.reverse(), start] });
    })
    .catch(() => {});
}

/** What a run is begun or continued with, beside its program. */
interface Begun {
  readonly device: string;
  readonly backend: string;
  readonly threads: number | undefined;
  readonly set: Settings;
  readonly circumstances: Circumstances;
  readonly identity: RunIdentity;
}

function compared(folder: RunFolder, config: RunConfig, identity: RunIdentity) {
  try {
    return compareIdentity(savedIdentity(config), identity);
  } catch {
    throw unreadableConfig(folder.path, "its identity is not what was written");
  }
}

/** Compares the experiment with the one that the run was begun with: what makes it another run is refused, what may change is said and recorded. */
function continueRun(
  folder: RunFolder,
  loaded: LoadedExperiment,
  program: CompiledExperiment,
  config: RunConfig,
  { identity, set, circumstances, ...executed }: Begun,
  say: Say,
): void {
  const { refused, changed } = compared(folder, config, identity);
  const refusal = refusalOf(folder.path, refused);
  if (refusal) throw refusal;
  for (const { option, was, is } of changed) say(`changed since: ${option} was ${was}, is ${is}`);
  if (config.identity === undefined)
    say(
      "this run was begun by an f2c-dsl that did not write down its identity: only what config.json knows was compared, and images are drawn in another order from here on",
    );
  // Of a run without an identity the checkpoints are still to say whether it is their program.
  if (config.identity !== undefined) writeProgram(folder, program.module);
  const step = new Checkpoints(folder.file("checkpoints")).newest ?? 0;
  const starts = [...((config.starts as Circumstances[] | undefined) ?? []), { ...circumstances, step }];
  const { options } = program.experiment;
  writeConfig(folder.path, {
    ...recordChanges(config, step, changed, identity),
    ...executed,
    options,
    set,
    starts,
  });
  if (changed.length > 0) folder.copySources(loaded, `source-from-${step}`);
}
