/** @file `f2c-dsl check`: type-checks and compiles an experiment, once or after every change. Needs no Python. */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { dirname, resolve } from "node:path";
import { toJson } from "../../compiler/diagnostics/render.js";
import {
  CompileError,
  compileExperiment,
  type Diagnostic,
  declaresStudy,
  experimentOf,
  type LoadedFile,
  type LoadedStudy,
  load,
} from "../../compiler/index.js";
import { saidOf } from "../stages/facts.js";
import { fail, warn } from "./report.js";
import { checkNoSettings, settingsOf } from "./settings.js";
import "./scanning.js";
import { rootOf } from "./study-root.js";

interface CheckOptions {
  readonly json?: boolean;
  readonly watch?: boolean;
  readonly set?: readonly string[];
}

export async function check(file: string, options: CheckOptions): Promise<void> {
  const paths = await checkOnce(file, options);
  if (options.watch) new Watch(file, options, paths);
}

/** Checks; says what it found; returns the files that it read. */
async function checkOnce(file: string, options: CheckOptions): Promise<readonly string[]> {
  process.exitCode = 0;
  try {
    const loaded = load(file);
    const { lines, warnings: found } = declaresStudy(loaded)
      ? await ofStudy(file, loaded, options)
      : ofExperiment(loaded, options);
    const warnings = [...loaded.warnings, ...found];
    if (options.json) {
      const told = toJson(warnings, (path) => loaded.texts.get(path));
      process.stdout.write(`${JSON.stringify(told, undefined, 2)}\n`);
    } else {
      process.stdout.write(`${lines.join("\n")}; no errors\n`);
      warn(warnings, loaded);
    }
    return [...loaded.texts.keys()];
  } catch (error) {
    fail(error, { json: options.json === true });
    return error instanceof CompileError ? [...error.texts.keys()] : [];
  }
}

/** What is said of a program, and what is probably a mistake in it. */
interface Checked {
  readonly lines: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

function ofExperiment(loaded: LoadedFile, { set }: CheckOptions): Checked {
  const program = compileExperiment(experimentOf(loaded, settingsOf(set)));
  return { lines: saidOf(program), warnings: program.warnings };
}

async function ofStudy(file: string, loaded: LoadedStudy, { set }: CheckOptions): Promise<Checked> {
  checkNoSettings(set);
  const { planStudy } = await import("../stages/study.js"); // the rooms of stages, for studies alone
  const stages = planStudy(loaded, { root: rootOf(file, undefined) });
  return {
    lines: stages.flatMap(({ name, kind, needs, awaits, says }) => [
      `${name}: ${kind}${needs.length > 0 ? `, from ${needs.join(", ")}` : ""}`,
      ...says.map((line) => `  ${line}`),
      ...(awaits === undefined
        ? []
        : [`  as if ${awaits} kept all: it is planned again once ${awaits} is made`]),
    ]),
    warnings: stages.flatMap(({ warnings }) => warnings),
  };
}

/** Editors save by writing, or by renaming a new file into place: so folders are watched, and a moment is waited. */
const MOMENT = 80;

class Watch {
  private readonly folders = new Map<string, FSWatcher>();
  private files: ReadonlySet<string> = new Set();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly file: string,
    private readonly options: CheckOptions,
    paths: readonly string[],
  ) {
    this.follow(paths);
    if (this.folders.size > 0) process.stdout.write("watching; Ctrl-C ends\n");
  }

  private follow(paths: readonly string[]): void {
    this.files = new Set([resolve(this.file), ...paths.map((p) => resolve(p))]);
    const wanted = new Set([...this.files].map(dirname));
    for (const [folder, watcher] of this.folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.folders.delete(folder);
    }
    for (const folder of wanted) {
      if (this.folders.has(folder) || !existsSync(folder)) continue;
      const watcher = watch(folder, (_event, name) => {
        if (name === null || this.files.has(resolve(folder, name))) this.changed();
      });
      watcher.on("error", () => this.folders.delete(folder));
      this.folders.set(folder, watcher);
    }
  }

  private changed(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const at = new Date().toLocaleTimeString("en-GB");
      process.stdout.write(`${process.stdout.isTTY ? "\u001bc" : ""}${at}\n`);
      this.follow(await checkOnce(this.file, this.options));
    }, MOMENT);
  }
}
