/** @file Every bank and every margin: how an experiment writes them, what the oracle is told of them, and sessions that the planner plans. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileExperiment, encodeModule, loadExperiment } from "#compiler/index";
import { Planner } from "#runtime/index";

const IDENTITIES = 23;

/** How a margin is written, and what the oracle is told of it. */
export const MARGINS: Readonly<Record<string, readonly [dsl: string, oracle: readonly (string | number)[]]>> =
  {
    plainSoftmax: ["plainSoftmax({ scale: 16 })", ["plainSoftmax", 16]],
    cosFace: ["cosFace({ scale: 16, margin: 0.3 })", ["cosFace", 16, 0.3]],
    arcFace: ["arcFace({ scale: 16, margin: 0.5 })", ["arcFace", 16, 0.5]],
    svSoftmax: ["svSoftmax({ scale: 16, margin: 0.3, hardness: 1.1 })", ["svSoftmax", 16, 0.3, 1.1]],
    curricularFace: ["curricularFace({ scale: 16, margin: 0.4 })", ["curricularFace", 16, 0.4]],
    magFace: [
      "magFace({ scale: 16, margins: [0.3, 0.7], lengths: [0.5, 4], weight: 2 })",
      ["magFace", 16, 0.3, 0.7, 0.5, 4, 2],
    ],
    adaFace: ["adaFace({ scale: 16, margin: 0.4, pace: 0.5 })", ["adaFace", 16, 0.4, 0.333, 0.5]],
    combined: ["combined({ scale: 16, m1: 1.7, m2: 0.3, m3: 0.1 })", ["combined", 16, 1.7, 0.3, 0.1]],
    withoutConflicts: [
      "withoutConflicts(cosFace({ scale: 16, margin: 0.3 }), { above: 0.2 })",
      ["withoutConflicts", 16, 0.3, 0.2],
    ],
  };

export const BANKS: Readonly<
  Record<string, readonly [dsl: string, oracle: readonly [string, number], twin: boolean]>
> = {
  full: ["full({ std: 1 })", ["full", 1], false],
  "full with sub-centres": ["full({ std: 1, centres: 3 })", ["full", 3], false],
  sampled: ["sampled({ share: 0.5, std: 1 })", ["sampled", 1], false],
  "sampled whole": ["sampled({ share: 1, std: 1 })", ["full", 1], false],
  "sampled with padding": ["sampled({ share: 0.1, std: 1 })", ["sampled", 1], false],
  // Fewer columns than a step has rows of different identities would be refused; few enough that identities meet.
  virtual: ["virtual({ columns: 14 })", ["virtual", 14], false],
  lruPool: ["lruPool({ capacity: 13 })", ["lruPool", 13], true],
  fifoQueue: ["fifoQueue({ size: 24 })", ["fifoQueue", 24], true],
};

export interface SessionOptions {
  readonly steps: number;
  /** Steps an update. */
  readonly accumulate?: number;
  readonly checkpointed?: boolean;
  readonly precision?: "f32" | "bf16" | "f16";
}

/** A session planned by the product's planner; its experiment is written into `folder`. */
export function headSession(
  folder: string,
  bank: string,
  margin: string,
  { steps, accumulate = 1, checkpointed = false, precision = "f32" }: SessionOptions,
) {
  const [bankText, bankTold, hasTwin] = BANKS[bank]!;
  const [marginText, marginTold] = MARGINS[margin]!;
  const file = join(folder, `${bank.replaceAll(" ", "-")}-${margin}.ts`);
  const method = hasTwin ? "contrast" : "classification";
  const loader = hasTwin ? "dual({ identities: 8, instances: 0 })" : "instances({ images: 8 })";
  writeFileSync(
    file,
    `import { ${[...new Set([bank.split(" ")[0], margin, "cosFace"])].join(", ")}, checkpointed, classification, contrast, dual, instances, experiment, fixed, module, net, parameter, normal, ops, sgd, syntheticFaces, type Images } from "f2c-dsl";
const flat = net(6, ([c, h, w]) => ${checkpointed ? "checkpointed" : ""}(module({ weight: parameter([6, c * h * w], normal(0.1)) }, ({ weight }, x: Images) => ops.linear(x.reshape([-1, c * h * w]), weight))) as never);
export default experiment({
  name: "heads", data: syntheticFaces({ identities: ${IDENTITIES}, imagesPerIdentity: fixed(3), size: 16, channels: 1 }),
  method: ${method}({ net: flat, bank: ${bankText}, margin: ${marginText}${hasTwin ? ", ema: 0.7" : ""} }),
  loader: ${loader}, optimizer: sgd({ momentum: 0 }), lr: 0.05, steps: ${steps}, accumulate: ${accumulate}, precision: "${precision}",
});`,
  );
  const program = compileExperiment(loadExperiment(file));
  const planner = new Planner(program);
  const labels = program.train.offsets;
  const labelOf = (image: number) => labels.findIndex((first, i) => image >= first && image < labels[i + 1]!);
  const plans = Array.from({ length: steps * accumulate }, () => {
    const { scalars, arrays } = planner.next();
    const list = Object.fromEntries(Object.entries(arrays).map(([name, data]) => [name, [...data]]));
    const streams = Object.keys(list).filter((name) => name.endsWith(".images"));
    return {
      scalars,
      arrays: list,
      labels: Object.fromEntries(
        streams.map((name) => [name.replace(".images", ""), list[name]!.map(labelOf)]),
      ),
    };
  });
  return {
    ir: encodeModule(program.module),
    bank: bankTold,
    margin: marginTold,
    plans,
    images: labels.at(-1),
    shape: program.setting.shape,
  };
}
