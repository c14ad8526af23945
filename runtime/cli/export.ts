/** @file `f2c-dsl export`: the net of a checkpoint as a file, by the program that the run has kept. Needs neither its sources nor its data. */
import { join, relative, resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { setUp } from "../bridge/python-environment.js";
import { EXPORTED, exportNet } from "../stages/export-net.js";
import type { HostSession } from "../stages/host-session.js";
import { netOfRun, restoreNet, whichCheckpoint } from "./net-of-run.js";
import { fail } from "./report.js";
import { startHost } from "./start-host.js";

export interface ExportOptions {
  /** Exporters, joined by commas. */
  readonly to: string;
  readonly out?: string;
  readonly checkpoint?: string;
}

export async function exportRun(run: string, options: ExportOptions): Promise<void> {
  let host: HostSession | undefined;
  let texts: ReadonlyMap<string, string> = new Map();
  try {
    const exporters = exportersOf(options);
    const net = netOfRun(run, whichCheckpoint(options.checkpoint));
    const { experiment, module, folder } = net;
    texts = new Map(module.sources.map(({ path, text }) => [path, text]));
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
    const { info } = await restoreNet(hosted, net, say);
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

function exportersOf({ to, out }: ExportOptions): readonly string[] {
  const names = [...new Set(to.split(",").map((name) => name.trim()))].filter(Boolean);
  if (names.length === 0) throw experimentError("bad-command-line.no-exporter", {});
  if (out !== undefined && names.length > 1)
    throw experimentError("bad-command-line.one-file", { count: names.length });
  return names;
}
