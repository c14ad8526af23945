/**
 * @file MegaFace's arithmetic, of rows of any origin: whether a probe's mate scores more than every distractor (rank-1), among more and more of them, and the
 * share of genuine pairs that is accepted where very few pairs of a probe and a distractor are.
 */
import { experimentError } from "../core/errors.js";
import { Growing } from "./growing.js";
import { cosinesInParts } from "./in-parts.js";
import { type Curve, type Figure, quiet, type Result, type Rows } from "./protocol.js";
import { allowedAt, barFor } from "./rate-curves.js";
import { rocOf } from "./score-curves.js";
import { Scores } from "./score-lists.js";

/** So many impostor scores are kept for a rate at most, and at least for the ROC. */
const [MOST_KEPT, LEAST_KEPT] = [1_000_000, 10_000];

/** How many distractors were asked for, and how many of the rows these are: less where some are noise, or broken. */
export interface Size {
  readonly asked: number;
  readonly rows: number;
}

/**
 * `people`: of each row of `probes` whom it shows. `distractors`: rows in the order in which they join; `sizes` rise. Throws F2C2523 where no two
 * probes show one person, or there is no distractor.
 */
export async function scoreMegaFace(
  probes: Rows,
  people: Int32Array,
  distractors: Rows,
  { sizes, far }: { readonly sizes: readonly Size[]; readonly far: readonly number[] },
): Promise<Result> {
  const pairs = pairsOfPeople(people);
  const largest = sizes.at(-1)!;
  if (pairs.length === 0 || largest.rows < 1)
    throw experimentError("too-few-probes", {
      probes: people.length,
      pairs: pairs.length / 2,
      distractors: largest.rows,
    });
  keptFor(far, probes.count * largest.rows);
  const genuine = new Float64Array(pairs.length / 2);
  await cosinesInParts(probes, pairs, (part, first) => genuine.set(part, first));
  const ranks = await rankOneAmong(probes, distractors, sizes, pairs, genuine);
  const verified = await tarAtFar(probes, distractors, genuine, largest.rows, far);
  const persons = new Set(people).size;
  const figure = (i: number, note?: string): [string, Figure] => [
    `rank-1 at ${sizes[i]!.asked}`,
    { value: ranks[i]!, as: "percent", ...(note !== undefined && { note }) },
  ];
  const last = sizes.length - 1;
  return {
    numbers: {
      ...Object.fromEntries([
        figure(
          last,
          `rank-1 of ${pairs.length} searches for mates of ${persons} people, among ${largest.asked} distractors`,
        ),
        ...verified.numbers,
        ...sizes.map((_, i) => figure(i)).slice(0, last),
      ]),
      probes: quiet(people.length),
      genuine: quiet(genuine.length),
      impostor: quiet(people.length * largest.rows),
    },
    notes: [],
    curves: { "rank-1": rankCurve(sizes, ranks), roc: verified.roc },
  };
}

/** How many of the highest impostor scores tell these rates. Throws F2C2522 where they are too many. */
export function keptFor(far: readonly number[], total: number): number {
  const wanted = Math.max(LEAST_KEPT, ...far.map((rate) => allowedAt(rate, total) + 1));
  if (wanted <= MOST_KEPT) return wanted;
  throw experimentError("bad-megaface.far", { rate: Math.max(...far), pairs: total, most: MOST_KEPT - 1 });
}

/** Every two probes of one person, as rows. */
function pairsOfPeople(people: Int32Array): Int32Array {
  const rows = new Map<number, number[]>();
  for (const [row, person] of people.entries()) {
    const own = rows.get(person) ?? [];
    if (own.push(row) === 1) rows.set(person, own);
  }
  const pairs = new Growing();
  for (const own of rows.values())
    for (const [i, a] of own.entries())
      for (const b of own.slice(i + 1)) {
        pairs.push(a);
        pairs.push(b);
      }
  return pairs.all;
}

/** Of both searches of each pair, the share in which the mate scores more than the best distractor; one that scores as much is not first. */
async function rankOneAmong(
  probes: Rows,
  distractors: Rows,
  sizes: readonly Size[],
  pairs: Int32Array,
  genuine: Float64Array,
): Promise<readonly number[]> {
  const queries = numbersTo(probes.count);
  const best = new Float64Array(probes.count).fill(Number.NEGATIVE_INFINITY);
  const rates: number[] = [];
  let from = 0;
  for (const { rows } of sizes) {
    if (rows > from) {
      const joining = distractors.some(numbersTo(rows).subarray(from));
      const { scores } = await probes.topK(queries, joining, 1);
      for (const [probe, score] of scores.entries()) best[probe] = Math.max(best[probe]!, score);
      from = rows;
    }
    let found = 0;
    for (const [pair, cosine] of genuine.entries())
      for (const probe of [pairs[2 * pair]!, pairs[2 * pair + 1]!]) if (cosine > best[probe]!) found++;
    rates.push(found / pairs.length);
  }
  return rates;
}

const numbersTo = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

/** The rates, and the ROC as far as the highest impostor scores that were kept tell it. */
async function tarAtFar(
  probes: Rows,
  distractors: Rows,
  genuine: Float64Array,
  rows: number,
  far: readonly number[],
): Promise<{ readonly numbers: [string, Figure][]; readonly roc: Curve }> {
  const total = probes.count * rows;
  const kept = Math.min(total, keptFor(far, total));
  const scores = new Scores(genuine.length, kept);
  for (const score of genuine) scores.add(score, true);
  for (const score of await probes.highest(numbersTo(probes.count), distractors.some(numbersTo(rows)), kept))
    scores.add(score, false);
  const lists = scores.lists();
  const numbers = far.flatMap((rate): [string, Figure][] => {
    const allowed = allowedAt(rate, total);
    const name = `TAR at FAR ${rate}`;
    if (allowed < 1)
      return [[name, { value: null, as: "percent", note: `${total} impostor pairs are too few` }]];
    const bar = barFor(lists.impostor, allowed);
    const value = lists.genuine.filter((score) => score > bar).length / genuine.length;
    return [
      [
        name,
        { value, as: "percent", note: `above a cosine of ${bar.toFixed(4)}, of ${genuine.length} pairs` },
      ],
      ...(Number.isFinite(bar) ? [[`threshold at FAR ${rate}`, quiet(bar)] as [string, Figure]] : []),
    ];
  });
  return { numbers, roc: rocOf(lists, far, "Verification of probes", total) };
}

/** Rank-1 over how many distractors there are. */
const rankCurve = (sizes: readonly Size[], ranks: readonly number[]): Curve => ({
  title: "Identification among distractors",
  x: {
    label: "distractors",
    scale: "log",
    from: 10 ** Math.floor(Math.log10(sizes[0]!.asked)),
    to: 10 ** Math.max(1, Math.ceil(Math.log10(sizes.at(-1)!.asked))),
  },
  y: { label: "rank-1 rate", scale: "linear", from: 0, to: 1 },
  points: sizes.map(({ asked }, i) => [asked, ranks[i]!]),
});
