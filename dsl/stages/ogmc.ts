/**
 * @file OGMC: online clustering of a stream of vectors (arXiv 2103.17272). The sums of the clusters stay on the device, where nearest centroids are looked for; the rules are
 * a book (`plan/ogmc-book`), and `ogmc-rounds` says what is looked up when. docs/ogmc.md has the rules and why they are so.
 */
import { normalize } from "../core/functions.js";
import { state } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import { inRange, type Range, WHOLE } from "../core/range.js";
import type { Tensor } from "../core/tensor.js";
import { bCubedF, pairwiseF } from "../evaluate/clustering.js";
import type { DataSource } from "../method/source.js";
import { keyedPermutation } from "../plan/keyed-permutation.js";
import { lowest, OgmcBook, type OgmcRules } from "../plan/ogmc-book.js";
import { type Answered, type AnsweredOptions, answered, answering, type Compiling } from "./answered.js";
import { enter, fuse, isFree, nearest, neighbours, rescale, unitRows } from "./ogmc-device.js";
import { OgmcRounds, type Round } from "./ogmc-rounds.js";

type Rows = Tensor<readonly [number, number], "f32">;

/** Arrivals in a round, up to `atOnce`. */
const SIZES = [4, 16, 64, 256, 1024];

export interface OgmcOptions
  extends Omit<OgmcRules, "robust" | "most" | "compared">,
    Partial<Pick<OgmcRules, "robust" | "most" | "compared">>,
    Pick<AnsweredOptions, "of" | "checkpoint" | "device" | "backend"> {
  /** What is clustered: rows of an `embed` stage, or any other source. */
  readonly features: DataSource;
  /** How they arrive: shuffled by `seed`, or as they are stored, each person's after those of the one before. */
  readonly order?: "shuffled" | "stored";
  readonly seed?: number;
  /** Vectors that are looked up at once, at most. Results are those of one by one. */
  readonly atOnce?: number;
  /** Centroids that they are compared with at once: what the device holds for it is `atOnce` times as many numbers. */
  readonly chunk?: number;
}

/**
 * Clusters a stream, one vector after the other. It leaves `clusters` and `identities`, a number for each row of the data, and how well identities agree with those of the data.
 */
export function ogmc({
  features: data,
  fuse,
  connectMixed,
  connectRobust,
  robust = 8,
  most = 4,
  compared = 32,
  order = "shuffled",
  seed = 0,
  atOnce = 256,
  chunk: largest = 8192,
  ...where
}: OgmcOptions): Answered {
  const rules: OgmcRules = { fuse, connectMixed, connectRobust, robust, most, compared };
  for (const name of ["fuse", "connectMixed", "connectRobust"] as const)
    inRange("ogmc", name, rules[name], COSINE);
  for (const [name, value] of Object.entries({ robust, most, compared, atOnce, chunk: largest }))
    inRange("ogmc", name, value, WHOLE);
  inRange("ogmc", "connectMixed", connectMixed, {
    wanted: `at most \`fuse\`, ${fuse}`,
    holds: (x) => x <= fuse,
  });
  const sizes = [...SIZES.filter((size) => size < atOnce), atOnce];
  return answered(
    "ogmc",
    { data, options: { ...rules, order, seed, atOnce, chunk: largest }, ...where },
    ({ offsets, shape: [channels, height, width] }) => {
      const vectors = offsets.at(-1)!;
      const chunk = Math.min(largest, vectors + 1);
      const numbers = Math.ceil((vectors + 1) / chunk) * chunk;
      const dim = channels * height * width;
      return answering(
        stateOf(numbers, dim),
        (compiled) => functionsOf(compiled, rules, { sizes, chunk, dim }),
        (functions) =>
          new OgmcRounds(new OgmcBook(rules, vectors), {
            rounds: sizes.map((size) => ({
              size,
              look: functions[`look${size}`]!,
              add: functions[`add${size}`]!,
            })),
            order:
              order === "shuffled"
                ? keyedPermutation(vectors, seed).first(vectors)
                : Int32Array.from({ length: vectors }, (_, row) => row),
            chunk,
            nobody: numbers - 1,
            left: (clusters, identities) => ({
              arrays: { clusters, identities },
              numbers: numbersOf(offsets, clusters, identities),
            }),
          }),
      );
    },
  );
}

const COSINE: Range = { wanted: "a cosine above 0, at most 1", holds: (x) => x > 0 && x <= 1 };

/** Sums of clusters, as `Sums` has them. */
const stateOf = (numbers: number, dim: number) => ({
  sums: state([numbers, dim] as readonly [number, number]),
  scales: state([numbers] as readonly [number]),
});
type State = ReturnType<typeof stateOf>;

type Functions = Readonly<Record<`look${number}`, Round["look"]> & Record<`add${number}`, Round["add"]>>;

/** The functions for rounds of each size. */
function functionsOf(
  compiled: Compiling<State>,
  rules: OgmcRules,
  { sizes, chunk, dim }: { sizes: readonly number[]; chunk: number; dim: number },
): Functions {
  // One more than are compared: what is compared may be among them itself.
  const k = Math.min(rules.compared + 1, chunk);
  const [joinsFrom, isNeighbourFrom] = [rules.fuse, lowest(rules)];
  const functions = sizes.flatMap((size) => {
    const [none, nobody] = [new Uint8Array(size), new Int32Array(size)];
    const look = compiled(
      { rows: size, plan: { chunks: 0, changed: nobody, arrives: none } },
      (state, rows, { chunks, changed, arrives }) => {
        const x = unitRows(rows, arrives, dim);
        const { cosine, cluster } = nearest(state, x, { chunk, chunks });
        const isNear = cosine.ge(joinsFrom);
        // What each makes: of the cluster that it joins, by itself, or the changed cluster.
        const made: Rows = normalize(state.sums.index_select(ops.where(isNear, cluster, changed)).add(x));
        return {
          joins: ops.where(isNear, cluster, ops.full([size], -1, "i64")),
          ...neighbours(state, made, k, { chunk, chunks }),
          free: isFree(x, made, cosine.clamp({ min: joinsFrom }), isNeighbourFrom),
        };
      },
    );
    const add = compiled(
      {
        rows: size,
        plan: { into: nobody, counts: none, fused: nobody.slice(0, 1), gone: nobody.slice(0, 1) },
      },
      (state, rows, { into, counts, fused, gone }) => {
        enter(state, unitRows(rows, counts, dim), into);
        fuse(state, fused, gone);
        rescale(state, ops.cat([into, fused, gone], 0));
        return {};
      },
    );
    return [
      [`look${size}`, look],
      [`add${size}`, add],
    ];
  });
  return Object.fromEntries(functions);
}

/** What there is, and how well identities agree with those that the data says. */
function numbersOf(
  offsets: Int32Array,
  clusters: Int32Array,
  identities: Int32Array,
): Record<string, number> {
  const truth = new Int32Array(identities.length);
  for (let person = 0; person + 1 < offsets.length; person++)
    truth.fill(person, offsets[person], offsets[person + 1]);
  const [pairs, bCubed] = [pairwiseF(truth, identities), bCubedF(truth, identities)];
  return {
    vectors: truth.length,
    clusters: new Set(clusters).size,
    identities: new Set(identities).size,
    pairwisePrecision: pairs.precision,
    pairwiseRecall: pairs.recall,
    pairwiseF: pairs.f,
    bCubedPrecision: bCubed.precision,
    bCubedRecall: bCubed.recall,
    bCubedF: bCubed.f,
  };
}
