/** @file `f2c-dsl convert`: safetensors of what others left in files of PyTorch, which the host reads without running code of theirs. */
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { bridgeError } from "../bridge/bridge-error.js";
import { setUp } from "../bridge/python-environment.js";
import { grouped } from "../stages/facts.js";
import type { Converted, HostSession } from "../stages/host-session.js";
import { fail } from "./report.js";
import { startHost } from "./start-host.js";

export interface ConvertOptions {
  readonly to?: string;
  readonly overwrite?: boolean;
}

export async function convert(files: readonly string[], options: ConvertOptions): Promise<void> {
  let host: HostSession | undefined;
  try {
    const to = targetOf(files, options);
    const shown = relative(process.cwd(), to);
    if (existsSync(to) && !options.overwrite)
      throw bridgeError("conversion-over-file", "user", { path: shown });
    host = await startHost(await setUp((line) => process.stderr.write(`${line}\n`)));
    const paths = files.map((file) => resolve(file));
    const made = await host.convert(paths, to);
    process.stdout.write(`${[...tableOf(made), "", summaryOf(shown, made)].join("\n")}\n`);
  } catch (error) {
    fail(error);
  } finally {
    await host?.shutdown();
  }
}

function targetOf([first, ...more]: readonly string[], { to }: ConvertOptions): string {
  if (to !== undefined) return resolve(to);
  if (more.length > 0) throw experimentError("bad-command-line.no-target", {});
  return resolve(first!.replace(/\.\w+$/, "").concat(".safetensors"));
}

/** A row for each thing that was done: what, with how many, and how. */
function tableOf({ rows }: Converted): readonly string[] {
  const counts = rows.map(({ count }) => (count === 0 ? "" : grouped(count)));
  const [did, digits] = [rows.map((row) => row.did), counts].map((texts) =>
    Math.max(...texts.map((text) => text.length)),
  ) as [number, number];
  return rows.map((row, i) => `${row.did.padEnd(did)}  ${counts[i]!.padStart(digits)}  ${row.what}`);
}

function summaryOf(shown: string, { net, tensors, bytes }: Converted): string {
  const size = `${grouped(tensors)} tensors, ${grouped(bytes)} bytes`;
  return net === null
    ? `${shown}: ${size}`
    : `${shown}: ${size}; the net is ${net.call}, ${grouped(net.parameters)} parameters`;
}
