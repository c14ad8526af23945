/**
 * @file Methods beside each other: one net, the same people, as many trained images, about as many classes a step (but for the
 * softmax, which has all), each with the best learning rate of one grid, which is looked for on other people.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { f2c } from "./command.js";
import { mean, shares, verified } from "./seeds.js";
import { median } from "./table.js";

const RATES = [0.01, 0.02, 0.05, 0.1];
/** Seeds of the runs that look for the best rate: one alone is off by 3 %. */
const TUNED_ON = [101, 102];
/**
 * DCQ's momentum is for a short run: of a key encoder with 0.999, which is the one that is kept, 60 % would be its first values after 500 steps.
 *
 * By name: the method, its loader of 48 trained images a step, and images a step that its second net embeds beside them.
 */
const METHODS = {
  softmax: ["softmax({ net, margin })", "instances({ images: 48 })", 0],
  "Partial FC 0.1": ["partialFc({ net, margin, share: 0.1 })", "instances({ images: 48 })", 0],
  F2C: ["f2c({ net, margin, pool: { capacity: 0.1 } })", "dual({ identities: 12, instances: 24 })", 48],
  DCQ: [
    "dcq({ net, margin, queue: 48 * Math.round(count / 480), ema: 0.97 })",
    "dual({ identities: 48, instances: 0 })",
    48,
  ],
  VFC: [
    "vfc({ net, margin, columns: Math.round(count / 10) })",
    "identities({ identities: 12, each: 4 })",
    0,
  ],
} as const;
type Name = keyof typeof METHODS;

/** An experiment of a method; `identities`: of the people to train on. */
const source = (name: Name, steps: number, identities: number) => `
import { cosFace, dcq, dual, experiment, f2c, fixed, identities, instances, mobileFaceNet, partialFc, sgd, softmax, syntheticFaces, verification, vfc } from "f2c-dsl";
const net = mobileFaceNet({ embedding: 64, width: 0.25 });
const margin = cosFace({ scale: 32, margin: 0.2 });
const count = ${identities};
export const unused = [dcq, dual, f2c, identities, instances, partialFc, softmax, vfc, count];
export default experiment({ lr: 0.1, seed: 0, people: 1 }, (o) => ({
  name: "methods", seed: o.seed,
  data: syntheticFaces({ identities: count, imagesPerIdentity: fixed(5), size: 32, seed: o.people }),
  method: ${METHODS[name][0]}, loader: ${METHODS[name][1]},
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }),
  // By steps, since an epoch is as long as the loader says.
  lr: ({ step, steps }) => o.lr * Math.min(1, (step + 1) / 50) * 0.5 * (1 + Math.cos((Math.PI * step) / steps)), steps: ${steps}, layout: "channels_last",
  evaluate: verification(),
}));
`;

interface Run {
  /** Of pairs of people whom the net has not seen. */
  readonly accuracy: number;
  readonly seconds: number;
}

const BYTES: Readonly<Record<string, number>> = {
  i64: 8,
  f64: 8,
  i32: 4,
  f32: 4,
  f16: 2,
  bf16: 2,
  u8: 1,
  bool: 1,
};

/** Bytes of everything that the program stores, as its IR lists it. */
function storedBytes(file: string): number {
  const { storages } = JSON.parse(f2c(["ir", file, "--json"]).out) as {
    storages: readonly { type: { tensor: readonly number[]; dtype: string } }[];
  };
  return storages.reduce(
    (sum, { type }) => sum + BYTES[type.dtype]! * type.tensor.reduce((a, b) => a * b, 1),
    0,
  );
}

export function methods(folder: string, quick: boolean): void {
  const [steps, identities, seeds] = quick ? [20, 500, 2] : [500, 1000, 5];
  const names = Object.keys(METHODS) as Name[];
  const fileOf = (name: Name, people: number) => {
    const file = join(folder, `${name.replaceAll(/\W/g, "-")}-${people}.ts`);
    writeFileSync(file, source(name, steps, people));
    return file;
  };
  const run = (name: Name, settings: Readonly<Record<string, number>>): Run => {
    const given = Object.entries(settings).map(([option, value]) => `${option}=${value}`);
    const path = join(folder, `${name.replaceAll(/\W/g, "-")}-${given.join("-")}`);
    f2c(["run", fileOf(name, identities), "--run-dir", path, ...given.flatMap((each) => ["--set", each])]);
    const lines = readFileSync(join(path, "metrics.jsonl"), "utf8").trim().split("\n");
    const all = lines.map((line) => JSON.parse(line) as { loss?: number; seconds: number });
    return {
      accuracy: verified(path),
      seconds: median(all.filter(({ loss }) => loss !== undefined).map(({ seconds }) => seconds)),
    };
  };
  const stored = new Map(
    names.map((name) => [name, [identities, 1_000_000].map((people) => storedBytes(fileOf(name, people)))]),
  );
  // Round by round, so that what else the machine does strikes all alike.
  const rates = new Map<Name, Map<number, number>>(names.map((name) => [name, new Map()]));
  for (const lr of RATES)
    for (const name of names)
      rates.get(name)!.set(lr, mean(TUNED_ON.map((seed) => run(name, { lr, seed, people: 1 }).accuracy)));
  const best = (name: Name) => [...rates.get(name)!].sort((a, b) => b[1] - a[1])[0]![0];
  const found = new Map<Name, Run[]>(names.map((name) => [name, []]));
  for (let seed = 1; seed <= seeds; seed++)
    for (const name of names) found.get(name)!.push(run(name, { lr: best(name), seed, people: 2 }));
  const base = found.get("softmax")!;
  console.log(
    `${identities} identities of 5 images, ${steps} steps of 48 trained images, 32 x 32 pixels, ${seeds} seeds; lr is the best of ${RATES.join(", ")} on other people, ${TUNED_ON.length} seeds`,
  );
  console.log(
    "method            unseen people, verified     lr   step / softmax's   embedded beside      stored    of 1 M",
  );
  for (const name of names) {
    const runs = found.get(name)!;
    const ratio = median(runs.map(({ seconds }, i) => seconds / base[i]!.seconds));
    console.log(
      [
        name.padEnd(17),
        shares(runs.map(({ accuracy }) => accuracy)).padStart(24),
        String(best(name)).padStart(6),
        ratio.toFixed(2).padStart(18),
        String(steps * METHODS[name][2]).padStart(17),
        ...stored.get(name)!.map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`.padStart(12)),
      ].join(" "),
    );
  }
}
