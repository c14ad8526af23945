/** @file What a program amounts to, in a few numbers. */
import {
  type CompiledExperiment,
  type Evaluation,
  type IrFunction,
  type IrModule,
  isTrained,
  multiplyAdds,
  type Storage,
  structureHash,
  walkOps,
  weightsHash,
} from "../../compiler/index.js";

const elements = (storages: IrModule["storages"]) =>
  storages.reduce((n, s) => n + s.type.dims.reduce<number>((a, d) => a * Number(d), 1), 0);
export const grouped = (n: number) => String(n).replaceAll(/\B(?=(\d{3})+$)/g, ",");

/** What an evaluation compares. */
export function drawn({ name, people, opened: { images, says } }: Evaluation): string {
  const what = says === undefined ? "" : `: ${says}`;
  return `evaluate.${name}${what}; ${grouped(images.length)} images of ${grouped(people.offsets.length - 1)} people`;
}

/** A count, in G from a thousand million up, else in M. */
const counted = (n: number) => (n >= 1e9 ? `${(n / 1e9).toFixed(4)} G` : `${(n / 1e6).toFixed(2)} M`);

/** The cost of a function in words, by op where there are several. */
function cost(fn: IrFunction): string {
  const byOp = [...multiplyAdds(fn)];
  const total = byOp.reduce((sum, [, n]) => sum + n, 0);
  const parts = byOp.map(([op, n]) => (byOp.length > 1 ? `${op} ${counted(n)}` : op));
  return `${counted(total)} multiply-adds an image (${parts.join(", ")})`;
}

/** The modules that hold what is read under these names: of each part of the state, the innermost that holds all of it. */
function modulesOf(names: readonly string[]): readonly string[] {
  const paths = new Map<string, readonly string[]>();
  for (const name of names) {
    const path = name.split(".");
    const known = paths.get(path[0]!) ?? path;
    const same = known.findIndex((key, i) => key !== path[i]);
    paths.set(path[0]!, same < 0 ? known : known.slice(0, same));
  }
  return [...paths.values()].map((path) => path.join("."));
}

/** Sizes and cost of the net that is trained, of all that is stored, and the hashes of the program. */
export function facts(module: IrModule): readonly string[] {
  const infer = module.functions.find((f) => f.name === "infer");
  const read = infer
    ? [...walkOps(infer.body)].flatMap((op) => (op.op === "state" ? [op.attributes.name as string] : []))
    : [];
  const parameters = module.storages.filter((s) => s.role === "parameter");
  const names = new Set(parameters.map((p) => p.name));
  // A method may use the twin of what it trains. A net may have weights for training alone, such as a token for what is masked.
  const isWeight = ({ role, twinOf }: Storage) =>
    role === "parameter" || (twinOf !== undefined && names.has(twinOf));
  const modules = modulesOf(read);
  const isOfNet = ({ name }: Storage) => modules.some((m) => name === m || name.startsWith(`${m}.`));
  const net = module.storages.filter((s) => isWeight(s) && isOfNet(s));
  const [trained, frozen] = [true, false].map((is) =>
    parameters.filter((p) => (isTrained(p) || p.byRows === true) === is),
  );
  return [
    `net: ${grouped(elements(net))} parameters${infer ? `, ${cost(infer)}` : ""}`,
    `trained: ${grouped(elements(trained!))} parameters; ${frozen!.length ? `frozen: ${grouped(elements(frozen!))}; ` : ""}state beside them: ${grouped(elements(module.storages.filter((s) => s.role !== "parameter" && s.role !== "scratch")))} numbers`,
    `structure ${structureHash(module)}, weights ${weightsHash(module)}`,
  ];
}

/** What is said of an experiment's program before it runs, a line each. */
export const saidOf = (program: CompiledExperiment): readonly string[] => [
  ...program.notes,
  ...chosen(program),
  ...facts(program.module),
  ...program.evaluations.map(drawn),
  `${grouped(program.steps)} steps`,
];

/** The values of the experiment's options, if it has some. */
function chosen({ experiment }: CompiledExperiment): readonly string[] {
  const values = Object.entries(experiment.options).map(([name, value]) => `${name} ${value}`);
  return values.length > 0 ? [`options: ${values.join(", ")} (--set changes one)`] : [];
}
