/** @file What a program amounts to, in a few numbers. */
import {
  type CompiledExperiment,
  countMultiplyAdds,
  type Evaluation,
  type IrModule,
  isTrained,
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

/** Sizes and cost of the net that is trained, of all that is stored, and the hashes of the program. */
export function facts(module: IrModule): readonly string[] {
  const infer = module.functions.find((f) => f.name === "infer");
  const used = new Set(
    infer ? [...walkOps(infer.body)].map((op) => op.op === "state" && op.attributes.name) : [],
  );
  const parameters = module.storages.filter((s) => s.role === "parameter");
  const names = new Set(parameters.map((p) => p.name));
  // A method may use the twin of what it trains.
  const isWeight = ({ role, twinOf }: Storage) =>
    role === "parameter" || (twinOf !== undefined && names.has(twinOf));
  const net = module.storages.filter((s) => isWeight(s) && used.has(s.name));
  const [trained, frozen] = [true, false].map((is) =>
    parameters.filter((p) => (isTrained(p) || p.byRows === true) === is),
  );
  const macs = infer ? countMultiplyAdds(infer) : 0;
  return [
    `net: ${grouped(elements(net))} parameters, ${(macs / 1e9).toFixed(4)} G multiply-adds an image (convolutions and linear layers)`,
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
