/** @file What a program amounts to, in a few numbers. */
import {
  countMultiplyAdds,
  type IrModule,
  structureHash,
  walkOps,
  weightsHash,
} from "../../compiler/index.js";

const elements = (storages: IrModule["parameters"]) =>
  storages.reduce((n, s) => n + s.type.dims.reduce<number>((a, d) => a * Number(d), 1), 0);
export const grouped = (n: number) => String(n).replaceAll(/\B(?=(\d{3})+$)/g, ",");

/** Sizes and cost of the net that is trained, of all that is stored, and the hashes of the program. */
export function facts(module: IrModule): readonly string[] {
  const infer = module.functions.find((f) => f.name === "infer");
  const used = new Set(
    infer ? [...walkOps(infer.body)].map((op) => op.op === "state" && op.attributes.name) : [],
  );
  const trained = new Set(module.parameters.map((p) => p.name));
  // A method may use the twin of what it trains.
  const twins = module.states.filter((s) => s.init.kind === "copy" && trained.has(s.init.of));
  const net = [...module.parameters, ...twins].filter((s) => used.has(s.name));
  const macs = infer ? countMultiplyAdds(infer) : 0;
  return [
    `net: ${grouped(elements(net))} parameters, ${(macs / 1e9).toFixed(4)} G multiply-adds an image (convolutions and linear layers)`,
    `trained: ${grouped(elements(module.parameters))} parameters; state beside them: ${grouped(elements(module.states))} numbers`,
    `structure ${structureHash(module)}, weights ${weightsHash(module)}`,
  ];
}
