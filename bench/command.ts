/** @file Runs of the command line and of the host, as whole processes. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { requirePython, trainingEnv } from "../runtime/index.js";

export const root = fileURLToPath(new URL("../../", import.meta.url));
/** The command, as a file for Node. */
export const f2cProcess = join(root, "dist/runtime/cli/main.js");

export interface Done {
  readonly seconds: number;
  readonly out: string;
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Done {
  const start = performance.now();
  const { stdout, stderr, status } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(stderr);
  return { seconds: (performance.now() - start) / 1000, out: stdout };
}

export const f2c = (args: readonly string[], env?: NodeJS.ProcessEnv): Done =>
  run(process.execPath, [f2cProcess, ...args], env);
export const node = (args: readonly string[]): Done => run(process.execPath, args);
export const python = (args: readonly string[]): Done => run(requirePython(), args, trainingEnv());
