/** @file What is drawn of two lists of scores: the ROC, and how genuine and impostor scores lie. */
import type { Curve, Figure } from "./protocol.js";
import { quiet } from "./protocol.js";
import { rateAxis, untoldBelow } from "./rate-curves.js";
import type { RateAt } from "./rates-at.js";
import { type RocPoint, rocPoints, type ScoreLists } from "./score-lists.js";

/** As many points of a ROC are kept a decade: of millions, more could not be seen. */
const A_DECADE = 100;
const BINS = 100;

/**
 * The ROC down to the decade of the lowest rate asked for: of each of 100 parts of a decade its last point. `impostor`: how many impostor pairs
 * there are; where the list has only the highest scores of them, the ROC ends with these.
 */
export function rocOf(
  lists: ScoreLists,
  fars: readonly number[],
  title: string,
  impostor = lists.impostor.length,
): Curve {
  const [genuine, listed] = [lists.genuine.length, lists.impostor.length];
  const points: [number, number][] = [[0, 0]];
  const place = (point: RocPoint) => Math.floor(A_DECADE * Math.log10(point.impostor / impostor));
  let kept = Number.NaN;
  for (const point of rocPoints(lists)) {
    if (listed < impostor && point.impostor === listed) break;
    const at = place(point);
    const xy: [number, number] = [point.impostor / impostor, point.genuine / genuine];
    if (at === kept) points[points.length - 1] = xy;
    else points.push(xy);
    kept = at;
  }
  return {
    title,
    x: {
      ...rateAxis("false accept rate", fars),
      ...(listed < impostor && { to: decadeAbove(listed / impostor) }),
    },
    y: { label: "true accept rate", scale: "linear", from: 0, to: 1 },
    points,
    untold: untoldBelow(impostor, "FAR", "impostor pairs", fars),
  };
}

const decadeAbove = (rate: number) => 10 ** Math.ceil(Math.log10(rate));

/** Histograms of the scores, in bins of 0.02: the share of each kind in each bin. Both stand in one figure. */
export function histogramsOf({
  genuine,
  impostor,
}: ScoreLists): Readonly<Record<"genuine" | "impostor", Curve>> {
  const shares = { genuine: sharesOf(genuine), impostor: sharesOf(impostor) };
  const to = Math.max(...shares.genuine, ...shares.impostor);
  const curve = (of: readonly number[]): Curve => ({
    title: "Scores of genuine and impostor pairs",
    figure: "scores",
    x: { label: "cosine", scale: "linear", from: -1, to: 1 },
    y: { label: `share of the pairs, in bins of ${2 / BINS}`, scale: "linear", from: 0, to },
    points: of.map((share, bin) => [(2 * bin + 1) / BINS - 1, share]),
  });
  return { genuine: curve(shares.genuine), impostor: curve(shares.impostor) };
}

function sharesOf(scores: Float64Array): readonly number[] {
  const counts = new Float64Array(BINS);
  for (const score of scores)
    counts[Math.min(BINS - 1, Math.max(0, Math.floor(((score + 1) / 2) * BINS)))]!++;
  return Array.from(counts, (count) => count / scores.length);
}

/** The rates and their thresholds as numbers of a result, the thresholds in files alone. */
export const ratesAsNumbers = (
  rates: readonly RateAt[],
  impostors: number,
): Readonly<Record<string, Figure>> =>
  Object.fromEntries(
    rates.flatMap(({ asked, tar, far, threshold }): [string, Figure][] => [
      [
        `TAR at FAR ${asked}`,
        {
          value: tar,
          as: "percent",
          note:
            tar === null
              ? `${impostors} impostor pairs are too few`
              : `${Math.abs(far - asked) > 0.05 * asked ? `at FAR ${far.toPrecision(3)}, ` : ""}${threshold === undefined ? "which accepts nothing" : `at a cosine of ${threshold.toFixed(4)}`}`,
        },
      ],
      ...(threshold === undefined
        ? []
        : [[`threshold at FAR ${asked}`, quiet(threshold)] as [string, Figure]]),
    ]),
  );
