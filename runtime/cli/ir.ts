/** @file `f2c-dsl ir`: the program at every stage of its way, as text, as JSON, as a graph, as a difference. Needs no Python but for `--stage torch`. */
import { writeFileSync } from "node:fs";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  compileExperiment,
  declaresStudy,
  encodeModule,
  experimentOf,
  type IrModule,
  type LoadedStudy,
  load,
  type PassRecord,
  printModule,
  refine,
} from "../../compiler/index.js";
import { symbolsIn } from "../../compiler/ir/dim.js";
import type { Backend } from "../bridge/torch-text.js";
import { facts } from "../stages/facts.js";
import { fail } from "./report.js";
import { checkNoSettings, type Settings, settingsOf } from "./settings.js";
import "./scanning.js";
import { rootOf } from "./study-root.js";

export interface IrOptions {
  readonly stage: Stage;
  /** Of the stage `torch`; absent: the experiment's. */
  readonly backend?: Backend;
  /** A stage of a study. */
  readonly of?: string;
  readonly function?: string;
  readonly locations?: boolean;
  readonly json?: boolean;
  readonly graph?: string;
  /** A pass, or `all`. */
  readonly printAfter?: string;
  readonly statistics?: boolean;
  /** Another experiment. */
  readonly diff?: string;
  /** `B=64`: sizes to put for symbols. */
  readonly bind?: readonly string[];
  readonly set?: readonly string[];
}

/** Every state of a program on its way: as lowered, and after each pass. */
interface Way {
  readonly records: readonly PassRecord[];
  readonly lowered: IrModule;
  readonly optimised: IrModule;
  readonly backend: Backend;
}

const shown = (module: IrModule, options: IrOptions) => printModule(module, options);
const withFacts = (module: IrModule, options: IrOptions) =>
  options.function === undefined
    ? `${comment(facts(module))}\n${shown(module, options)}`
    : shown(module, options);
const comment = (lines: readonly string[]) => lines.map((line) => `// ${line}`).join("\n");

// What few ask for is loaded for them alone: torch, studies, graphs, differences. The rest is there sooner.

/** How the program is shown at each stage. `main.ts` declares the choices. */
const STAGES = {
  lowered: ({ lowered }: Way, options: IrOptions) => shown(lowered, options),
  optimised: ({ optimised }: Way, options: IrOptions) => withFacts(optimised, options),
  torch: async ({ optimised, backend }: Way, options: IrOptions) => {
    const { findPython } = await import("../bridge/python-environment.js");
    const { torchText } = await import("../bridge/torch-text.js");
    return torchText(optimised, findPython(), { ...options, backend: options.backend ?? backend });
  },
};
type Stage = keyof typeof STAGES;

export async function ir(file: string, options: IrOptions): Promise<void> {
  try {
    checkBindings(options.bind ?? []);
    const way = await wayOf(file, options, settingsOf(options.set));
    checkOptions(options, way);
    process.stdout.write(await textOf(file, way, options));
  } catch (error) {
    fail(error);
  }
}

async function wayOf(file: string, options: IrOptions, settings: Settings = {}): Promise<Way> {
  const sizes = sizesOf(options.bind ?? []);
  const bind = (module: IrModule) => (options.bind ? refine(sizes).run(module).module : module);
  const records: PassRecord[] = [];
  const { module, backend } = await programOf(file, options.of, settings, (record) =>
    records.push({ ...record, module: bind(record.module) }),
  );
  const symbols = symbolsOf(module);
  const strange = Object.keys(sizes).find((name) => !symbols.has(name));
  if (strange !== undefined)
    throw experimentError("bad-command-line.symbol", { binding: strange, known: [...symbols].join(", ") });
  return { records, lowered: records[0]!.module, optimised: bind(module), backend };
}

interface Executed {
  readonly module: IrModule;
  /** What executes it. */
  readonly backend: Backend;
}
type Observe = (record: PassRecord) => void;

/** The program of an experiment, or of a stage of a study. */
async function programOf(
  file: string,
  of: string | undefined,
  settings: Settings,
  observe: Observe,
): Promise<Executed> {
  const loaded = load(file);
  if (declaresStudy(loaded)) {
    checkNoSettings(Object.keys(settings));
    return stageOf(file, loaded, of, observe);
  }
  if (of !== undefined) throw experimentError("bad-command-line.no-stages", { option: "of" });
  const { module, experiment } = compileExperiment(experimentOf(loaded, settings), observe);
  return { module, backend: experiment.backend };
}

async function stageOf(
  file: string,
  loaded: LoadedStudy,
  of: string | undefined,
  observe: Observe,
): Promise<Executed> {
  const { planStudy } = await import("../stages/study.js");
  const stages = planStudy(loaded, {
    root: rootOf(file, undefined),
    observe: (stage, record) => (stage === of ? observe(record) : undefined),
  });
  const known = stages.map(({ name }) => name).join(", ");
  if (of === undefined) throw experimentError("bad-command-line.stage-wanted", { known });
  const stage = stages.find(({ name }) => name === of);
  if (!stage) throw experimentError("bad-command-line.unknown-stage", { name: of, known });
  return { module: stage.module, backend: stage.backend as Backend };
}

/** The symbols that the shapes of a program's inputs are made of. */
const symbolsOf = (module: IrModule): ReadonlySet<string> =>
  new Set(
    module.functions.flatMap(({ inputs }) =>
      inputs.flatMap(({ value: { type } }) => (type.kind === "tensor" ? symbolsIn(type.dims) : [])),
    ),
  );

const sizesOf = (bindings: readonly string[]): Record<string, number> =>
  Object.fromEntries(bindings.map((b) => b.split("=")).map(([name, size]) => [name, Number(size)]));

async function textOf(file: string, way: Way, options: IrOptions): Promise<string> {
  if (options.graph !== undefined) {
    await writeGraph(way.optimised, options.graph, options.function);
    return `${options.graph}\n`;
  }
  if (options.json) return `${JSON.stringify(encodeModule(way[options.stage as "lowered" | "optimised"]))}\n`;
  if (options.statistics) return statistics(way.records);
  if (options.printAfter !== undefined) {
    const wanted = way.records.filter((r) => options.printAfter === "all" || r.name === options.printAfter);
    return wanted.map((r) => `${comment([`after ${summary(r)}`])}\n${shown(r.module, options)}`).join("\n");
  }
  const text = await STAGES[options.stage](way, options);
  if (options.diff === undefined) return text;
  const other = await STAGES[options.stage](await wayOf(options.diff, options), options);
  if (text === other) return "";
  const { createTwoFilesPatch } = await import("diff"); // loaded for those alone who ask for it, like the graph
  return coloured(createTwoFilesPatch(file, options.diff, text, other, "", "", { context: 3 }));
}

async function writeGraph(module: IrModule, path: string, name: string | undefined): Promise<void> {
  const { graphPage, graphSvg, modelExplorerGraphs } = await import("../graph/graph.js");
  const text = path.endsWith(".svg")
    ? graphSvg(module, name ?? module.functions[0]!.name)
    : path.endsWith(".json")
      ? `${JSON.stringify(modelExplorerGraphs(module))}\n`
      : graphPage(module);
  writeFileSync(path, text);
}

const summary = ({ name, statistics }: PassRecord) => {
  const done = Object.entries(statistics).map(([what, n]) => `${n} ${what}`);
  return [name, done.join(", ")].filter(Boolean).join(": ");
};

/** Passes, ops that each leaves, and what it did. */
function statistics(records: readonly PassRecord[]): string {
  const count = (module: IrModule) =>
    module.functions.map((fn) => [...printModule(module, { function: fn.name }).matchAll(/\n/g)].length);
  const names = records[0]!.module.functions.map((fn) => fn.name);
  const rows = records.map((r) => [
    r.name.padEnd(12),
    ...count(r.module).map((n, i) => String(n).padStart(Math.max(6, names[i]!.length + 2))),
    `  ${summary(r).slice(r.name.length + 2)}`,
  ]);
  const head = ["lines of".padEnd(12), ...names.map((n) => n.padStart(Math.max(6, n.length + 2)))];
  return [head, ...rows]
    .map((row) => row.join("").trimEnd())
    .join("\n")
    .concat("\n");
}

/** A patch in the colours of version control, on a terminal. */
function coloured(patch: string): string {
  if (!process.stdout.isTTY || process.env.NO_COLOR) return patch;
  const paint = (line: string) =>
    /^(\+\+\+|---|===)/.test(line)
      ? `\u001b[1m${line}\u001b[0m`
      : line.startsWith("+")
        ? `\u001b[32m${line}\u001b[0m`
        : line.startsWith("-")
          ? `\u001b[31m${line}\u001b[0m`
          : line.startsWith("@@")
            ? `\u001b[36m${line}\u001b[0m`
            : line;
  return patch.split("\n").map(paint).join("\n");
}

function checkBindings(bindings: readonly string[]): void {
  const odd = bindings.find((b) => !/^[A-Za-z_]\w*=[1-9]\d*$/.test(b));
  if (odd !== undefined) throw experimentError("bad-command-line.binding", { binding: odd });
}

/** Options that show the IR. */
const OF_IR = [
  ["json", "--json"],
  ["graph", "--graph"],
  ["printAfter", "--print-after"],
  ["statistics", "--statistics"],
] as const;

/** Refuses options that ask this program for what it has not. */
function checkOptions(options: IrOptions, { records, optimised }: Way): void {
  const { function: named, printAfter: pass } = options;
  const [functions, passes] = [optimised.functions, records].map((list) => list.map(({ name }) => name));
  const option = OF_IR.find(([name]) => options[name] !== undefined)?.[1];
  if (options.stage === "torch" && option !== undefined)
    throw experimentError("bad-command-line.stage", { option });
  if (options.stage !== "torch" && options.backend !== undefined)
    throw experimentError("bad-command-line.stage-backend", {});
  if (named !== undefined && !functions!.includes(named))
    throw experimentError("bad-command-line.function", { function: named, known: functions!.join(", ") });
  if (pass !== undefined && pass !== "all" && !passes!.includes(pass))
    throw experimentError("bad-command-line.pass", { pass, known: passes!.join(", ") });
}
