/**
 * @file What a core-set by Face-NMS is worth beside a random one of the same size, and beside all images: the same net, as many steps,
 * on faces of which most are near-duplicates. Seeds are those of the data, the nets and the random choice; differences are within a seed.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { f2c } from "./command.js";
import { shares } from "./seeds.js";
import { row } from "./table.js";

const KEEP = 0.6;
/** Half of the images after a person's first are near-duplicates: 60 % hold nearly all that differ, and a random 60 % misses more than a quarter of those. */
const [PEOPLE, IMAGES] = [300, 5];
const STEPS = 300;
const TRAINED = ["all", "core", "random"] as const;

const study = (seed: number) => `
import { cosFace, dual, embed, experiment, f2c, faceNms, fixed, keyedPermutation, mobileFaceNet, sgd, study, subset, syntheticFaces, verification } from "f2c-dsl";
const faces = syntheticFaces({
  identities: ${PEOPLE}, imagesPerIdentity: fixed(${IMAGES}), size: 32, seed: ${1000 + seed},
  duplicates: { share: 0.5, change: 0.05 }, heldOut: { identities: 200, images: 6 },
});
const training = {
  method: f2c({ net: mobileFaceNet({ embedding: 64, width: 0.25 }), pool: { capacity: ${PEOPLE / 2} }, margin: cosFace({ scale: 16, margin: 0.2 }) }),
  loader: dual({ identities: 12, instances: 12 }), optimizer: sgd({ momentum: 0.9, weightDecay: 1e-4 }), lr: 0.05, seed: ${seed}, export: ["safetensors"] as const,
};
const others = syntheticFaces({ identities: 80, imagesPerIdentity: fixed(8), size: 32, seed: ${2000 + seed} });
const proxy = experiment({ ...training, name: "proxy", data: others, steps: ${STEPS} });
const features = embed({ net: proxy, data: faces, of: "train" });
const chosen = faceNms({ features, keep: ${KEEP} });
const order = keyedPermutation(${PEOPLE * IMAGES}, ${seed});
const some = Array.from({ length: ${Math.round(KEEP * PEOPLE * IMAGES)} }, (_, i) => order.at(i));
const of = (name: string, data: typeof faces) => experiment({ ...training, name, data, steps: ${STEPS}, evaluate: verification() });
export default study({ proxy, features, chosen, all: of("all", faces), core: of("core", subset(faces, chosen)), random: of("random", subset(faces, some)) });
`;

type Scores = Readonly<Record<string, number>>;

/** What the net of a stage scored: accuracy, and true accept rates by false accept rate. */
function scores(root: string, stage: string): Scores {
  const folder = readdirSync(root).find((name) => name.startsWith(`${stage}-`))!;
  const { results } = JSON.parse(readFileSync(join(root, folder, "summary.json"), "utf8"));
  const numbers = Object.entries(
    results.verification.trained.numbers as Record<string, { value: number | null }>,
  );
  return Object.fromEntries(numbers.flatMap(([name, { value }]) => (value === null ? [] : [[name, value]])));
}

export function faceNms(folder: string, seeds: number): void {
  const found = Array.from({ length: seeds }, (_, seed) => {
    const [file, root] = [join(folder, `face-nms-${seed}.ts`), join(folder, `face-nms-${seed}`)];
    writeFileSync(file, study(seed));
    f2c(["run", file, "--run-dir", root]);
    return Object.fromEntries(TRAINED.map((stage) => [stage, scores(root, stage)])) as Record<
      (typeof TRAINED)[number],
      Scores
    >;
  });
  const [first] = found;
  const measures = Object.keys(first!.all).filter((name) =>
    found.every((of) => TRAINED.every((stage) => name in of[stage])),
  );
  for (const name of measures.filter((name) => /^accuracy|TAR/i.test(name))) {
    const of = (stage: (typeof TRAINED)[number]) => found.map((scores) => scores[stage][name]!);
    const difference = (a: (typeof TRAINED)[number], b: (typeof TRAINED)[number]) =>
      shares(found.map((scores) => scores[a][name]! - scores[b][name]!));
    row(
      `${name}: Face-NMS - random, ${100 * KEEP} % of the images`,
      difference("core", "random"),
      `${shares(of("core"))} and ${shares(of("random"))}, ${seeds} seeds`,
    );
    row(`${name}: random - all`, difference("random", "all"), `all: ${shares(of("all"))}`);
    row(`${name}: Face-NMS - all`, difference("core", "all"), "");
  }
}
