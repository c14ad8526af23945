/** @file Rates of searches, from the candidates of each: rank-k and CMC of those that have a mate, TPIR at FPIR and DET with those that have none. */
import type { Curve, Nearest } from "./protocol.js";
import { allowedAt, barFor, rateAxis, untoldBelow } from "./rate-curves.js";
import { roc } from "./rates.js";

/** The CMC is drawn up to this rank at least, where so many are enrolled. */
export const CMC_RANKS = 20;

export interface SearchesAsked {
  readonly fpir: readonly number[];
  readonly ranks: readonly number[];
  /** In the open set, a search has found its mate where that is among so many first candidates. */
  readonly within: number;
  /** The mate of each search, -1 of those that have none. */
  readonly mates: Int32Array;
}

export interface SearchRates {
  readonly mated: number;
  /** Of each rank that was asked for. */
  readonly ranks: readonly number[];
  /** Of each rate that was asked for; `null` where it is finer than one search without a mate. */
  readonly tpir: readonly (number | null)[];
  /** Of each rank from 1. */
  readonly cumulative: readonly number[];
  /** Scores of the mates within the first candidates. */
  readonly found: readonly number[];
  /** The best scores of searches that have no mate, from the highest down. */
  readonly falling: Float64Array;
}

/** `nearest`: the `k` first candidates of each search. */
export function searchRates(
  { positions, scores }: Nearest,
  k: number,
  { fpir, ranks, within, mates }: SearchesAsked,
): SearchRates {
  /** How many mates stand at each rank, from 0. */
  const atRank = new Int32Array(k);
  const found: number[] = [];
  const best: number[] = [];
  let mated = 0;
  for (const [search, mate] of mates.entries()) {
    if (mate < 0) {
      best.push(scores[search * k]!);
      continue;
    }
    mated++;
    const rank = positions.subarray(search * k, (search + 1) * k).indexOf(mate);
    if (rank < 0) continue;
    atRank[rank]!++;
    if (rank < within) found.push(scores[search * k + rank]!);
  }
  const cumulative = [...atRank].map(
    (_, rank) => atRank.subarray(0, rank + 1).reduce((a, b) => a + b, 0) / mated,
  );
  const falling = Float64Array.from(best).sort().reverse();
  const tpir = fpir.map((rate) => {
    const allowed = allowedAt(rate, falling.length);
    if (allowed < 1) return null;
    const bar = barFor(falling, allowed);
    return found.filter((score) => score > bar).length / mated;
  });
  return {
    mated,
    ranks: ranks.map((rank) => cumulative[Math.min(rank, k) - 1]!),
    tpir,
    cumulative,
    found,
    falling,
  };
}

/** Rank-k over k. */
export const cmcCurve = (cumulative: readonly number[], title: string): Curve => ({
  title,
  x: { label: "rank", scale: "linear", from: 1, to: Math.max(2, cumulative.length) },
  y: { label: "identification rate", scale: "linear", from: 0, to: 1 },
  points: cumulative.map((share, rank) => [rank + 1, share]),
});

/** FNIR over FPIR, a point for each distinct threshold. */
export function detCurve(
  { found, falling, mated }: SearchRates,
  fpir: readonly number[],
  title: string,
): Curve {
  const scores = Float64Array.from([...found, ...falling]);
  const isMate = Uint8Array.from(scores, (_, i) => (i < found.length ? 1 : 0));
  // A mate that is not among the first candidates is found at no threshold.
  const share = found.length / mated;
  return {
    title,
    x: rateAxis("false positive identification rate", fpir),
    y: {
      label: "false negative identification rate",
      scale: "log",
      from: 10 ** Math.floor(Math.log10(Math.min(0.1, 1 / mated)) + 1e-9),
      to: 1,
    },
    points: (found.length > 0
      ? roc(scores, isMate)
      : [
          { far: 0, tar: 0 },
          { far: 1, tar: 0 },
        ]
    ).map(({ far, tar }) => [far, 1 - tar * share]),
    untold: untoldBelow(falling.length, "FPIR", "searches of unknown people", fpir),
  };
}
