/** @file What a run leaves behind: sources, IR, configuration, metrics, checkpoints, the trained net, the summary. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { bridgeError } from "../bridge/bridge-error.js";
import { ProcessLock } from "../bridge/process-lock.js";
import { unreadableConfig } from "./config.js";
import { makeFolder, writeWhole } from "./files.js";
import { History } from "./history.js";
import { takeRunLock } from "./lock.js";

/** What a loaded experiment is made of: its own file, all files, and the links by which some of them are imported. */
interface Sources {
  readonly path: string;
  readonly texts: ReadonlyMap<string, string>;
  readonly links: ReadonlyMap<string, string>;
}

const CONFIG = "config.json";
const METRICS = "metrics.jsonl";
const CHECKPOINTS = "checkpoints";
const LOCK = ".lock";

/** Whether a process works in a run's folder. */
export const isBusy = (folder: string): boolean => ProcessLock.isHeld(join(folder, LOCK));

/** A run's folder, locked by this process until it ends or lets go. */
export class RunFolder {
  readonly history: History;

  private constructor(
    readonly path: string,
    private readonly lock: ProcessLock,
  ) {
    this.history = new History(join(path, METRICS));
  }

  /**
   * A new folder: `path`, or `runs/<name>-<time>`. Refuses one that holds a run: metrics, or checkpoints, at which this run would
   * begin. One that failed before its first step is none.
   */
  static create(path: string | undefined, name: string, now = new Date()): RunFolder {
    const folder = path === undefined ? freshFolder(name, now) : resolve(path);
    makeFolder(folder);
    const lock = takeRunLock(join(folder, LOCK), folder);
    if (holdsRun(folder)) {
      lock.release();
      throw bridgeError("run-folder-occupied", "user", { folder });
    }
    return new RunFolder(folder, lock);
  }

  /** The folder of a run to continue: `path`, or the newest run of that name. */
  static reopen(path: string | undefined, name: string): RunFolder {
    const found = path ?? newest("runs", name);
    if (found !== undefined && !existsSync(join(found, CONFIG)) && holdsRun(found))
      throw unreadableConfig(found, "it is missing");
    if (found === undefined || !existsSync(join(found, CONFIG))) {
      throw path === undefined
        ? bridgeError("nothing-to-resume.name", "user", { name })
        : bridgeError("nothing-to-resume", "user", { folder: path });
    }
    const folder = resolve(found);
    return new RunFolder(folder, takeRunLock(join(folder, LOCK), folder));
  }

  file(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /**
   * Copies the experiment's sources into `folder`, keeping their places relative to each other, so that what is copied runs as it did.
   * Returns where the experiment's own file lies now, relative to the run folder.
   */
  copySources({ path, texts, links }: Sources, folder = "source"): string {
    const files = new Set([path, ...texts.keys()]);
    const home = folderOf([...files, ...links.keys()]);
    // Copied beside: what is copied may be the very copy that lies there, from which this run was started.
    const partial = `${folder}.partial`;
    rmSync(this.file(partial), { recursive: true, force: true });
    const targetOf = (file: string) => {
      const target = this.file(partial, relative(home, file));
      makeFolder(dirname(target));
      return target;
    };
    for (const file of files) copyFileSync(file, targetOf(file));
    for (const [name, file] of links) {
      const target = targetOf(name);
      symlinkSync(relative(dirname(target), targetOf(file)), target);
    }
    rmSync(this.file(folder), { recursive: true, force: true });
    renameSync(this.file(partial), this.file(folder));
    return join(folder, relative(home, path));
  }

  write(name: string, text: string): void {
    writeWhole(this.file(name), text);
  }

  writeJson(name: string, value: unknown): void {
    this.write(name, `${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** A JSON file of the run, if it is there. Throws F2C6407 if it cannot be read, or is not what it `is` to be. */
  readJson<T>(name: string, is: (value: unknown) => value is T): T | undefined {
    const path = this.file(name);
    if (!existsSync(path)) return undefined;
    try {
      const value: unknown = JSON.parse(readFileSync(path, "utf8"));
      if (!is(value)) throw new Error("it does not hold what was written");
      return value;
    } catch (error) {
      throw bridgeError("run-file-damaged", "user", { file: path, problem: (error as Error).message });
    }
  }

  release(): void {
    this.lock.release();
  }
}

/** Whether there is something in it that a new run would go on from, or write over. */
function holdsRun(folder: string): boolean {
  const checkpoints = join(folder, CHECKPOINTS);
  if (existsSync(join(folder, METRICS))) return true;
  return (
    statSync(checkpoints, { throwIfNoEntry: false })?.isDirectory() === true &&
    readdirSync(checkpoints).some((name) => !name.startsWith("."))
  );
}

/** `runs/<name>-<time>`; of two runs that begin in one second the later one gets a number. */
function freshFolder(name: string, now: Date): string {
  const time = now
    .toISOString()
    .replace(/\.\d+Z$/, "")
    .replaceAll(/[:T]/g, "-");
  makeFolder(resolve("runs"));
  for (let number = 1; ; number++) {
    const folder = resolve("runs", `${name}-${time}${number === 1 ? "" : `-${number}`}`);
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

/** The innermost folder that holds all of these files. */
function folderOf(files: readonly string[]): string {
  let home = dirname(files[0]!);
  while (files.some((file) => relative(home, file).startsWith(`..${sep}`))) home = dirname(home);
  return home;
}

/** The run of exactly this name that was started last. */
function newest(folder: string, name: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const runs = readdirSync(folder).flatMap((entry) => {
    const config = join(folder, entry, CONFIG);
    if (!existsSync(config)) return [];
    const begun = (startedAt: string) => [{ path: join(folder, entry), order: `${startedAt} ${entry}` }];
    try {
      const { name: found, startedAt = "" } = JSON.parse(readFileSync(config, "utf8"));
      return found === name ? begun(startedAt) : [];
    } catch {
      // Whose configuration is damaged is told by its folder: to go on with the run before it, in silence, would be worse than to stop.
      const [, day, time] = entry.startsWith(`${name}-`)
        ? (entry.slice(name.length).match(/^-(\d{4}-\d\d-\d\d)-(\d\d-\d\d-\d\d)(-\d+)?$/) ?? [])
        : [];
      return day === undefined ? [] : begun(`${day}T${time!.replaceAll("-", ":")}`);
    }
  });
  return runs.sort((a, b) => (a.order < b.order ? -1 : 1)).at(-1)?.path;
}
