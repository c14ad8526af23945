/** @file What the host hands to TorchScript, as text: the same function, written without Python. */
import { Lines } from "../diagnostics/frame.js";
import { numberLocations } from "../ir/encode.js";
import { type IrFunction, type IrModule, type Location, walkOps } from "../ir/module.js";
import { printType } from "../ir/print-type.js";
import { FunctionEmitter, type ModuleLayout } from "./function-emitter.js";
import { printStatements, type Remark } from "./statement.js";

export interface TorchTextOptions {
  /** Only this function. */
  readonly function?: string;
  /** Above each statement whose place is another than that before, a comment `# exp.ts:12:5`. */
  readonly locations?: boolean;
}

/** Functions as the host compiles them, below a comment that names the storages that they touch. */
export function printTorch(module: IrModule, options: TorchTextOptions = {}): string {
  const layout = layoutOf(module);
  const functions = module.functions.filter(
    ({ name }) => options.function === undefined || options.function === name,
  );
  const remark = () => (options.locations ? placeChanges(module) : undefined);
  const texts = functions.map((fn) => print(layout, fn, remark()));
  return `${[legend(layout, functions), ...texts].join("\n\n")}\n`;
}

/** One function: character for character Python's `ast.unparse` of what the host's visitor makes of it. */
export const torchFunctionText = (module: IrModule, fn: IrFunction): string => print(layoutOf(module), fn);

const print = (layout: ModuleLayout, fn: IrFunction, remark?: Remark) =>
  printStatements([new FunctionEmitter(layout, fn).emit()], remark).join("\n");

const layoutOf = (module: IrModule): ModuleLayout => ({
  module,
  storageIndex: new Map(module.storages.map(({ name }, i) => [name, i])),
  locationIndex: numberLocations(module),
});

/** How to read the names, and which storages the functions touch. */
function legend({ module, storageIndex }: ModuleLayout, functions: readonly IrFunction[]): string {
  const touched = new Set(functions.flatMap((fn) => [...storagesOf(module, fn)]));
  const storages = module.storages.filter(({ name }) => touched.has(name));
  return [
    "# aten__add__Tensor stands for torch.ops.aten.add, dtype_f32 for torch.float32; S holds all that is stored:",
    ...storages.map(({ name, type }) => `# S[${storageIndex.get(name)}] = @${name} : ${printType(type)}`),
  ].join("\n");
}

function* storagesOf(module: IrModule, fn: IrFunction): Generator<string> {
  for (const { op, attributes } of walkOps(fn.body)) {
    if (op === "state") yield attributes.name as string;
    if (op === "group") yield* module.groups.find(({ name }) => name === attributes.name)!.members;
  }
}

/** Remarks where the place changes. */
function placeChanges(module: IrModule): Remark {
  const lines = new Map(module.sources.map(({ path, text }) => [path, new Lines(text)]));
  const placeOf = ({ path, start }: Location) => {
    const at = lines.get(path)?.position(start);
    return at ? `${path}:${at.line}:${at.column}` : path;
  };
  let last = "";
  return ({ location }) => {
    const place = placeOf(location);
    if (place === last) return undefined;
    last = place;
    return place;
  };
}
