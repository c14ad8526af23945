/** @file The Python that hosts run in: found, or set up in a virtual environment of this package. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { libraryRoot } from "../../compiler/index.js";
import { bridgeError } from "./bridge-error.js";
import { type Environment, environmentHere, environmentToMake, prune } from "./environment-folder.js";
import type { ProcessLock } from "./process-lock.js";
import { Commands, runCommand, type Telling } from "./set-up-command.js";
import { takeSetUpLock } from "./set-up-lock.js";
import { chosenTorch, constraintsFor } from "./torch-release.js";

const EVERY_MS = 10_000;

/**
 * The environment of every Python that we start. Without PYTHONSAFEPATH, `-m` and `-c` take modules from the folder that one
 * happens to be in: a `queue.py` beside an experiment would be executed. What the user set otherwise stays as it is.
 */
export const pythonEnv = (): NodeJS.ProcessEnv => ({ ...process.env, PYTHONSAFEPATH: "1" });

const HUGE_PAGES = "glibc.malloc.hugetlb";

/**
 * The environment of a Python that trains. Its memory comes in huge pages where the system has them (Linux with glibc 2.35 or
 * later): a step on a CPU goes through hundreds of megabytes, and looks up fewer pages. What the user says of it stays.
 */
export function trainingEnv(): NodeJS.ProcessEnv {
  const env = pythonEnv();
  const tunables = env.GLIBC_TUNABLES?.split(":").filter(Boolean) ?? [];
  if (tunables.some((tunable) => tunable.startsWith(`${HUGE_PAGES}=`))) return env;
  return { ...env, GLIBC_TUNABLES: [...tunables, `${HUGE_PAGES}=1`].join(":") };
}

/** What goes into the package of the host: its sources, and what says how it is built. */
const PARTS = ["pyproject.toml", "constraints.txt", "README.md", "LICENSE", "src"];
const isSource = (name: string) => !/^(__pycache__|.*\.(egg-info|so))$/.test(name);

const ALL = /./;
const COMPILED = /\.[ch]$/;

/** What the environment was made from. Where the host is installed editable, its sources are always current, but for what was
 * compiled of them. In the cache it outlives much: a `python3` that the system has replaced by its next version finds none of the
 * packages. */
function fingerprint(environment: Environment): string {
  const { python, editable, interpreter } = environment;
  const hash = createHash("sha256").update(editable ? "" : realpathSync(interpreter));
  hash.update(chosenTorch(environment) ?? "");
  const add = (path: string, wanted: RegExp): void => {
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).filter(isSource).sort()) add(join(path, name), wanted);
    } else if (wanted.test(path)) hash.update(path.slice(python.length)).update(readFileSync(path));
  };
  for (const part of ["pyproject.toml", "constraints.txt"]) add(join(python, part), ALL);
  add(join(python, "src"), editable ? COMPILED : ALL);
  return hash.digest("hex");
}

const isMade = ({ interpreter, stamp }: Environment) => existsSync(interpreter) && existsSync(stamp);
const isUpToDate = (environment: Environment) =>
  isMade(environment) && readFileSync(environment.stamp, "utf8") === fingerprint(environment);

/** The Python of the host: `F2C_PYTHON`, or the environment that `setup` made. Undefined if there is none. */
export function findPython(root = libraryRoot): string | undefined {
  const chosen = process.env.F2C_PYTHON;
  if (chosen) return chosen;
  const found = environmentHere(root);
  return found && isMade(found) ? found.interpreter : undefined;
}

/** The Python of the host. Throws F2C6001 where there is none. */
export function requirePython(): string {
  const python = findPython();
  if (python !== undefined) return python;
  throw bridgeError("host-cannot-start", "host", {});
}

/** Whether the environment was made from the host's sources as they are. */
export function isCurrent(root = libraryRoot): boolean {
  if (process.env.F2C_PYTHON) return true;
  const found = environmentHere(root);
  return found !== undefined && isUpToDate(found);
}

export interface SetUp {
  /** Optional dependencies of the host's package: `test`. */
  readonly extras?: readonly string[];
  /** A release of torch that is allowed, `2.14.1`, or its line, `2.14`. Unless given, it is as before, and the tested one at first. */
  readonly torch?: string | undefined;
  /** The package's root. */
  readonly root?: string;
  /** How often at least it says what it is at, in milliseconds. */
  readonly everyMs?: number;
}

/** Makes the environment, or brings it up to date; nothing happens if it is current. */
export async function setUp(
  say: (line: string) => void,
  { extras = [], torch, root = libraryRoot, everyMs = EVERY_MS }: SetUp = {},
): Promise<string> {
  const chosen = process.env.F2C_PYTHON;
  const has = (environment: Environment) =>
    extras.every((extra) => existsSync(`${environment.stamp}.${extra}`)) &&
    (torch === undefined || torch === chosenTorch(environment));
  const done = (environment: Environment) => (chosen || isUpToDate(environment)) && has(environment);
  const found = environmentHere(root);
  if (chosen && ((extras.length === 0 && torch === undefined) || (found && has(found)))) return chosen;
  if (found && done(found)) return found.interpreter;
  const base = basePython();
  const environment = environmentToMake(root, base.version);
  await alone(environment, say, async (running) => {
    if (done(environment)) return;
    const wanted = { extras, torch: torch ?? (found && chosenTorch(found)) };
    await make(environment, base.command, wanted, { say, everyMs }, running);
    prune(environment, say);
  });
  return environment.interpreter;
}

async function make(
  environment: Environment,
  base: string,
  { extras, torch }: { readonly extras: readonly string[]; readonly torch: string | undefined },
  telling: Telling,
  running: Commands,
): Promise<void> {
  const { folder, interpreter, stamp, unfinished } = environment;
  const env = { ...pythonEnv(), PYTHONUNBUFFERED: "1" };
  const run = (...line: readonly [string, ...string[]]) => runCommand(line, env, telling, running);
  // What an interrupted pip left behind counts as installed for the next one, whole or not.
  if (!existsSync(interpreter) || existsSync(unfinished)) {
    telling.say(`making a virtual environment in ${folder}`);
    await run(base, "-m", "venv", "--clear", folder);
  }
  writeFileSync(unfinished, "");
  rmSync(stamp, { force: true });
  telling.say("installing PyTorch and the host (once; a few minutes at most)");
  const constraints = constraintsFor(environment, torch);
  const pip = (...args: readonly string[]) =>
    run(
      interpreter,
      ...["-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", "-c", constraints],
      ...args,
    );
  await pip("setuptools>=77");
  const source = environment.editable ? environment.python : copyOfSource(environment);
  const target = extras.length ? `${source}[${extras.join(",")}]` : source;
  await pip("--no-build-isolation", ...(environment.editable ? ["--editable"] : []), target);
  if (!environment.editable) rmSync(source, { recursive: true, force: true });
  for (const extra of extras) writeFileSync(`${stamp}.${extra}`, "");
  if (torch !== undefined) writeFileSync(environment.torch, torch);
  writeFileSync(stamp, fingerprint(environment));
  rmSync(unfinished);
}

/** Building writes beside the sources, and an installed package's folder is not ours to write to. */
function copyOfSource({ python, folder }: Environment): string {
  const source = join(folder, "host-source");
  rmSync(source, { recursive: true, force: true });
  for (const part of PARTS.filter((name) => existsSync(join(python, name))))
    cpSync(join(python, part), join(source, part), {
      recursive: true,
      filter: (path) => isSource(path.split("/").at(-1)!),
    });
  return source;
}

function basePython(): { command: string; version: string } {
  const candidates = process.env.F2C_BASE_PYTHON
    ? [process.env.F2C_BASE_PYTHON]
    : ["python3", "python3.13", "python3.12", "python3.11", "python"];
  for (const command of candidates) {
    // -I: a Python before 3.11 does not know PYTHONSAFEPATH.
    const { stdout, status } = spawnSync(command, ["-I", "-c", "import sys; print(*sys.version_info[:2])"], {
      encoding: "utf8",
      env: pythonEnv(),
    });
    const [major, minor] = (stdout ?? "").trim().split(" ").map(Number);
    if (status === 0 && major === 3 && minor! >= 11 && minor! <= 13)
      return { command, version: `${major}.${minor}` };
  }
  throw bridgeError("host-cannot-start.no-python", "host", {});
}

/** As a shell counts those that a signal ended. */
const ENDING = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const PATIENCE_MS = 2_000;

/** Does the work while no other process does it. However this process ends meanwhile, short of SIGKILL, what it started ends
 * with it and the lock is given back; the mark of an unfinished environment stays. */
async function alone(
  environment: Environment,
  say: (line: string) => void,
  work: (running: Commands) => Promise<void>,
): Promise<void> {
  const running = new Commands();
  let lock: ProcessLock | undefined;
  const clean = () => {
    running.kill("SIGKILL");
    lock?.release();
  };
  const interrupted = (signal: keyof typeof ENDING) => {
    if (running.ending) process.exit(ENDING[signal]);
    say("the set-up was interrupted; f2c-dsl setup begins it anew");
    void running.end(PATIENCE_MS).then(() => process.exit(ENDING[signal]));
  };
  const signals = Object.keys(ENDING) as (keyof typeof ENDING)[];
  for (const signal of signals) process.on(signal, interrupted);
  process.on("exit", clean);
  try {
    lock = await takeSetUpLock(environment.lock, say);
    await work(running);
  } catch (error) {
    if (running.ending) await new Promise(() => {}); // the process is about to end, and has said why
    throw asUnwritable(error, environment);
  } finally {
    clean();
    process.off("exit", clean);
    for (const signal of signals) process.off(signal, interrupted);
  }
}

/** An error of the file system, as one that says what to do. */
function asUnwritable(error: unknown, { folder }: Environment): unknown {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  return bridgeError("environment-unwritable.folder", "host", { folder, error: message });
}
