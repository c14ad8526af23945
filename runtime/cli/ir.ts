/** @file `f2c-dsl ir` and `f2c-dsl check`: everything short of running. Neither needs Python. */
import { writeFileSync } from "node:fs";
import {
  compileExperiment,
  countMultiplyAdds,
  encodeModule,
  type IrModule,
  loadExperiment,
  printModule,
  printTorch,
  structureHash,
  weightsHash,
} from "../../compiler/index.js";
import { graphPage, graphSvg } from "../../compiler/ir/graph.js";
import { EXIT, fail } from "./report.js";

const elements = (storages: IrModule["parameters"]) =>
  storages.reduce((n, s) => n + s.type.dims.reduce<number>((a, d) => a * Number(d), 1), 0);
const grouped = (n: number) => n.toLocaleString("en-US");

/** What a program amounts to, as comment lines above it. */
export function facts(module: IrModule): string {
  const infer = module.functions.find((f) => f.name === "infer");
  const used = new Set(infer ? [...names(infer)] : []);
  const net = module.parameters.filter((p) => used.has(p.name));
  const macs = infer ? countMultiplyAdds(infer) : 0;
  return [
    `// net: ${grouped(elements(net))} parameters, ${(macs / 1e9).toFixed(4)} G multiply-adds an image (convolutions and linear layers)`,
    `// trained: ${grouped(elements(module.parameters))} parameters; state beside them: ${grouped(elements(module.states))} numbers`,
    `// structure ${structureHash(module)}, weights ${weightsHash(module)}`,
  ].join("\n");
}

function* names(fn: IrModule["functions"][number]): Generator<string> {
  const visit = function* (region: typeof fn.body): Generator<string> {
    for (const op of region.ops) {
      if (op.op === "state") yield op.attributes.name as string;
      for (const inner of op.regions) yield* visit(inner);
    }
  };
  yield* visit(fn.body);
}

interface IrOptions {
  readonly stage: Stage;
  readonly function?: string;
  readonly locations?: boolean;
  readonly json?: boolean;
  readonly graph?: string;
}

/** How the program is shown at each stage of its way. `main.ts` declares the choices. */
const STAGES = {
  optimised: (module: IrModule, options: IrOptions) =>
    `${options.function === undefined ? `${facts(module)}\n` : ""}${printModule(module, options)}`,
  torch: printTorch,
};
type Stage = keyof typeof STAGES;

export function ir(file: string, options: IrOptions): void {
  try {
    const { module } = compileExperiment(loadExperiment(file));
    const misuse = misuseOf(options, module);
    if (misuse !== undefined) {
      process.stderr.write(`error: ${misuse}\n`);
      process.exitCode = EXIT.usage;
      return;
    }
    if (options.graph !== undefined) {
      const svg = options.graph.endsWith(".svg");
      writeFileSync(
        options.graph,
        svg ? graphSvg(module, options.function ?? module.functions[0]!.name) : graphPage(module),
      );
      process.stdout.write(`${options.graph}\n`);
      return;
    }
    const text = options.json
      ? `${JSON.stringify(encodeModule(module))}\n`
      : STAGES[options.stage](module, options);
    process.stdout.on("error", () => process.exit(0)); // the reader of a pipe may stop early
    process.stdout.write(text);
  } catch (error) {
    fail(error);
  }
}

/** What is wrong with the options, if anything. */
function misuseOf(options: IrOptions, module: IrModule): string | undefined {
  if (options.stage === "torch" && (options.json || options.graph !== undefined))
    return "--stage torch is text: it has no --json and no --graph";
  if (options.function !== undefined && !module.functions.some((f) => f.name === options.function))
    return `there is no function ${options.function}; choose step, embed or infer`;
  return undefined;
}

export function check(file: string, options: { json?: boolean }): void {
  try {
    const { module, steps } = compileExperiment(loadExperiment(file));
    if (options.json) process.stdout.write(`${JSON.stringify({ diagnostics: [] })}\n`);
    else process.stdout.write(`${facts(module).replaceAll("// ", "")}\n${grouped(steps)} steps; no errors\n`);
  } catch (error) {
    fail(error, { json: options.json === true });
  }
}
