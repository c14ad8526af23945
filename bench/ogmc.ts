/**
 * @file OGMC beside one threshold and DBSCAN of scikit-learn, on drawn vectors (`clustering.py` says how), all tuned alike on other people; and what a round takes with more and more
 * centroids.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bCubedF, pairwiseF } from "../dsl/index.js";
import { keyedPermutation } from "../dsl/plan/keyed-permutation.js";
import { readSafetensors } from "../runtime/run/safetensors.js";
import { f2c, python, root } from "./command.js";
import { row } from "./table.js";

type Settings = Readonly<Record<string, number>>;

/** As many settings of each, from all that its numbers make together. */
const METHODS: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  OGMC: {
    fuse: [0.5, 0.55, 0.6],
    connectMixed: [0.35, 0.4, 0.45, 0.5],
    connectRobust: [0.55, 0.65],
  },
  "one threshold": { threshold: Array.from({ length: 24 }, (_, i) => 0.26 + 0.02 * i) },
  DBSCAN: { cosine: [0.44, 0.48, 0.52, 0.56, 0.6, 0.64, 0.68, 0.72], least: [2, 3, 5] },
};

/** Vectors in a file, and whose they are. */
interface Drawn {
  readonly file: string;
  readonly offsets: Int32Array;
  readonly truth: Int32Array;
}

/** Labels by row, and how long finding them took. */
interface Found {
  readonly labels: Int32Array;
  readonly seconds: number;
}

interface Trial {
  readonly settings: Settings;
  readonly seed: number;
}

export function ogmc(
  folder: string,
  { people, tunedOn, orders }: { people: number; tunedOn: number; orders: number },
): void {
  const script = join(root, "bench/clustering.py");
  const draw = (identities: number, seed: number): Drawn => {
    const file = join(folder, `vectors-${seed}.safetensors`);
    const counts: number[] = JSON.parse(python([script, "draw", file, String(identities), String(seed)]).out);
    const offsets = new Int32Array(counts.length + 1);
    for (const [person, count] of counts.entries()) offsets[person + 1] = offsets[person]! + count;
    const truth = Int32Array.from(counts.flatMap((count, person) => Array<number>(count).fill(person)));
    return { file, offsets, truth };
  };

  // Labels by row, of each trial.
  const peers = (method: string, { file, truth }: Drawn, trials: readonly Trial[]): Found[] => {
    const asked = trials.map(({ settings, seed }, i) => {
      const order = join(folder, `order-${seed}`);
      writeFileSync(order, keyedPermutation(truth.length, seed).first(truth.length));
      return { method, settings, order, out: join(folder, `labels-${i}`) };
    });
    const list = join(folder, "trials.json");
    writeFileSync(list, JSON.stringify(asked));
    const seconds: number[] = JSON.parse(python([script, "peers", file, list]).out);
    return asked.map(({ out }, i) => ({
      labels: new Int32Array(new Uint8Array(readFileSync(out)).buffer),
      seconds: seconds[i]!,
    }));
  };

  // All trials are stages of one study.
  const clustered = (drawn: Drawn, trials: readonly Trial[]): Found[] => {
    const study = join(folder, `study-${drawn.truth.length}.ts`);
    const options = trials.map(({ settings, seed }) => ({ ...settings, seed }));
    writeFileSync(study, studyOf(drawn, options));
    const runs = join(folder, `ogmc-${drawn.truth.length}`);
    const { seconds } = f2c(["run", study, "--run-dir", runs]);
    return trials.map((_, i) => {
      const made = join(runs, readdirSync(runs).find((name) => name.startsWith(`groups${i}-`))!);
      const { identities } = readSafetensors(join(made, "result.safetensors"));
      return { labels: identities as Int32Array, seconds: seconds / trials.length };
    });
  };

  const scores = ({ truth }: Drawn, labels: Int32Array) => ({
    pairs: pairwiseF(truth, labels).f,
    bCubed: bCubedF(truth, labels).f,
  });
  const [others, tested] = [draw(tunedOn, 1), draw(people, 2)];
  console.log(
    `tuned on ${others.truth.length} vectors of ${tunedOn} people, tested on ${tested.truth.length} of ${people} others, in ${orders} orders`,
  );
  for (const [method, grid] of Object.entries(METHODS)) {
    const found = (drawn: Drawn, trials: readonly Trial[]) =>
      method === "OGMC" ? clustered(drawn, trials) : peers(method, drawn, trials);
    const tried = combined(grid);
    const tuned = found(
      others,
      tried.map((settings) => ({ settings, seed: 1 })),
    ).map(({ labels }) => {
      const { pairs, bCubed } = scores(others, labels);
      return pairs + bCubed;
    });
    const settings = tried[tuned.indexOf(Math.max(...tuned))]!;
    const results = found(
      tested,
      Array.from({ length: orders }, (_, i) => ({ settings, seed: 2 + i })),
    );
    const each = results.map(({ labels }) => scores(tested, labels));
    const shown = (values: readonly number[]) =>
      `${((100 * values.reduce((a, b) => a + b, 0)) / values.length).toFixed(2)} % (${values.map((v) => (100 * v).toFixed(2)).join(", ")})`;
    const seconds = results.map(({ seconds }) => seconds).sort((a, b) => a - b)[Math.floor(orders / 2)]!;
    row(
      `${method}: pairwise F`,
      shown(each.map(({ pairs }) => pairs)),
      `BCubed F ${shown(each.map(({ bCubed }) => bCubed))}; ${JSON.stringify(settings)}; ${((1000 * seconds) / tested.truth.length).toFixed(2)} ms a vector`,
    );
  }
  growth(folder, script);
}

/** All that the values of each number make together. */
const combined = (grid: Readonly<Record<string, readonly number[]>>): Settings[] =>
  Object.entries(grid).reduce<Settings[]>(
    (all, [name, values]) =>
      all.flatMap((settings) => values.map((value) => ({ ...settings, [name]: value }))),
    [{}],
  );

const DIMS = 64;

/** A study that clusters the vectors of a file with each of the options. */
const studyOf = ({ file, offsets }: Pick<Drawn, "file" | "offsets">, options: readonly Settings[]) => `
import { ogmc, study } from "f2c-dsl";
const set = (offsets: Int32Array) => ({
  spec: { kind: "matrix", path: ${JSON.stringify(file)}, tensor: "rows", first: 0, rows: offsets.at(-1)!, made: "bench" },
  places: ["path"], offsets, shape: [${DIMS}, 1, 1] as const, dtype: "f32" as const, buffers: {},
});
const features = { kind: "vectors", open: () => ({ train: set(Int32Array.of(${offsets})), heldOut: set(Int32Array.of(0)) }) };
export default study({ ${options.map((given, i) => `groups${i}: ogmc({ features, ${JSON.stringify(given).slice(1, -1)} })`).join(",\n")} });
`;

/** A round of 256 arrivals with ten thousand centroids, and with more. */
function growth(folder: string, script: string): void {
  const study = join(folder, "growth.ts");
  const offsets = Int32Array.of(0, 1_000_000);
  writeFileSync(
    study,
    studyOf({ file: "", offsets }, [{ fuse: 0.5, connectMixed: 0.5, connectRobust: 0.5 }]),
  );
  const ir = join(folder, "growth.json");
  writeFileSync(ir, f2c(["ir", study, "--of", "groups0", "--json"]).out);
  const milliseconds: Record<string, number> = JSON.parse(python([script, "growth", ir]).out);
  for (const [centroids, ms] of Object.entries(milliseconds))
    row(
      `looking up among ${Number(centroids).toLocaleString("en")} centroids, a vector`,
      `${(ms / 256).toFixed(3)} ms`,
      `256 at once, ${DIMS} numbers each: ${ms.toFixed(0)} ms, on a CPU of one core`,
    );
}
