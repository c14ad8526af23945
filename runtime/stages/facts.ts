/** @file What a program amounts to, in a few numbers. */
import {
  type CompiledExperiment,
  type Evaluation,
  type IrFunction,
  type IrModule,
  isTrained,
  multiplyAdds,
  netWeights,
  structureHash,
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

/** Sizes and cost of the net that is trained, of all that is stored, and the hashes of the program. */
export function facts(module: IrModule): readonly string[] {
  const infer = module.functions.find((f) => f.name === "infer");
  const net = infer ? netWeights(module, infer) : [];
  const parameters = module.storages.filter((s) => s.role === "parameter");
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
