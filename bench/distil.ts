/**
 * @file Recursive distillation beside its control: the same student from the same first values with the same steps and schedules, without a
 * teacher. The teacher is trained once.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { f2c } from "./command.js";
import { shares, verified } from "./seeds.js";
import { row } from "./table.js";

const GENERATIONS = 2;

/** The stages `taught1`, …, `alone1`, … of one seed. */
const source = (steps: number, seed: number) => `
import { angular, arcFace, cosine, distil, experiment, fixed, generations, instances, mobileFaceNet, sgd, softmax, study, syntheticFaces, verification, weights } from "f2c-dsl";
const shared = {
  data: syntheticFaces({ identities: 300, imagesPerIdentity: fixed(8), size: 32, seed: 1 }), loader: instances({ images: 48 }),
  optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }), lr: cosine({ base: 0.1, warmup: 0.5 }), layout: "channels_last" as const,
  steps: ${steps}, evaluate: verification(),
};
const [wide, student] = [mobileFaceNet({ embedding: 128, width: 0.75 }), mobileFaceNet({ embedding: 128, width: 0.25 })];
const margin = arcFace({ scale: 32, margin: 0.3 });
const teacher = experiment({ ...shared, name: "teacher", method: softmax({ net: wide, margin }), steps: ${2 * steps} });
const given = { teacher: weights(wide, teacher), loss: angular(), weight: 7 };
const of = (kind: "taught" | "alone") =>
  generations(${GENERATIONS}, ({ number, start }) => {
    const method = softmax({ net: start(student), margin });
    return experiment({ ...shared, name: kind + number, seed: ${seed}, method: kind === "taught" ? distil(method, given) : method });
  });
const named = (kind: "taught" | "alone") =>
  Object.fromEntries(Object.values(of(kind)).map((stage) => [stage.name, stage]));
export default study({ teacher, ...named("taught"), ...named("alone") });
`;

export function distil(folder: string, quick: boolean): void {
  const [steps, seeds] = quick ? [20, 2] : [250, 5];
  const found: Record<string, number[]> = {};
  for (let seed = 1; seed <= seeds; seed++) {
    const [file, root] = [join(folder, `distil-${seed}.ts`), join(folder, "distil")];
    writeFileSync(file, source(steps, seed));
    const before = new Set(seed === 1 ? [] : readdirSync(root));
    f2c(["run", file, "--run-dir", root]);
    for (const stage of readdirSync(root).filter((name) => !before.has(name))) {
      const name = stage.slice(0, stage.lastIndexOf("-"));
      found[name] = [...(found[name] ?? []), verified(join(root, stage))];
    }
  }
  const beside = `${seeds} seeds, ${steps} steps a generation`;
  row("teacher, unseen people verified", `${(100 * found.teacher![0]!).toFixed(2)} %`, "one seed");
  for (let generation = 1; generation <= GENERATIONS; generation++) {
    const [taught, alone] = [found[`taught${generation}`]!, found[`alone${generation}`]!];
    row(`generation ${generation}, with the teacher`, shares(taught), beside);
    row(`generation ${generation}, without`, shares(alone), beside);
    row("  more with it, in pairs by seed", shares(taught.map((share, i) => share - alone[i]!)), beside);
  }
}
