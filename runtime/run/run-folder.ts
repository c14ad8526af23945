/** @file What a run leaves behind: sources, IR, configuration, metrics, checkpoints, the trained net, the summary. */
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { BridgeError } from "../bridge/bridge-error.js";
import { writeWhole } from "./files.js";

export class RunFolder {
  private constructor(readonly path: string) {}

  /** A new folder: `path`, or `runs/<name>-<time>`. Refuses one that holds a run; one that failed before its first step is none. */
  static create(path: string | undefined, name: string, now = new Date()): RunFolder {
    const time = now
      .toISOString()
      .replace(/\.\d+Z$/, "")
      .replaceAll(/[:T]/g, "-");
    const folder = resolve(path ?? join("runs", `${name}-${time}`));
    if (existsSync(join(folder, "config.json")) && existsSync(join(folder, "metrics.jsonl"))) {
      throw new BridgeError(
        "F2C6401",
        "user",
        `${folder} holds a run already`,
        "continue it with --resume, or choose another --run-dir",
      );
    }
    mkdirSync(folder, { recursive: true });
    return new RunFolder(folder);
  }

  /** The folder of a run to continue: `path`, or the newest run of that name. */
  static reopen(path: string | undefined, name: string): RunFolder {
    const found = path ?? newest("runs", name);
    if (found === undefined || !existsSync(join(found, "config.json"))) {
      throw new BridgeError(
        "F2C6402",
        "user",
        `there is no run to resume ${path === undefined ? `of "${name}" in runs/` : `in ${path}`}`,
        "start it without --resume, or name its folder with --run-dir",
      );
    }
    return new RunFolder(resolve(found));
  }

  file(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /** Copies the experiment's sources, keeping their places relative to the experiment. */
  copySources(directory: string, files: Iterable<string>): void {
    for (const file of files) {
      const place = relative(directory, file);
      const target = this.file("source", place.startsWith("..") ? basename(file) : place);
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(file, target);
    }
  }

  write(name: string, text: string): void {
    writeWhole(this.file(name), text);
  }

  writeJson(name: string, value: unknown): void {
    this.write(name, `${JSON.stringify(value, undefined, 2)}\n`);
  }

  /** A JSON file of the run, if it is there. */
  readJson<T>(name: string): T | undefined {
    return existsSync(this.file(name)) ? (JSON.parse(readFileSync(this.file(name), "utf8")) as T) : undefined;
  }

  /** Adds a line to the metrics. */
  log(entry: Readonly<Record<string, unknown>>): void {
    appendFileSync(this.file("metrics.jsonl"), `${JSON.stringify(entry)}\n`);
  }

  /** Drops metrics of steps from `step` on, which a resumed run will write again. */
  truncateMetrics(step: number): void {
    if (!existsSync(this.file("metrics.jsonl"))) return;
    const lines = readFileSync(this.file("metrics.jsonl"), "utf8").split("\n");
    const kept = lines.filter((line) => {
      try {
        return (JSON.parse(line) as { step: number }).step < step;
      } catch {
        return false;
      }
    });
    this.write("metrics.jsonl", kept.map((line) => `${line}\n`).join(""));
  }
}

function newest(folder: string, name: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const runs = readdirSync(folder)
    .filter((entry) => entry.startsWith(`${name}-`) && existsSync(join(folder, entry, "config.json")))
    .sort();
  return runs.length ? join(folder, runs.at(-1)!) : undefined;
}
