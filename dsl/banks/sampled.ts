/** @file Partial FC: each step compares with a sample of the trained centres. */
import { described, descriptionOf } from "../core/description.js";
import { normalize } from "../core/functions.js";
import { normal } from "../core/initialisers.js";
import { parameter } from "../core/module.js";
import { inRange, type Range } from "../core/range.js";
import type { Features } from "../core/tensor.js";
import { type BankBuilder, bank, noBook } from "../method/bank.js";
import type { Policy } from "../method/plan.js";
import { sampledClasses } from "../plan/sampled-classes.js";

const SHARE: Range = { wanted: "a share from 0 to 1", holds: (x) => x >= 0 && x <= 1 };

export interface SampledOptions {
  /** The share of the identities that a step compares with; never fewer than it has images of. A policy may change it. */
  share?: number | Policy | undefined;
  /** The largest share that a policy may give. */
  most?: number | undefined;
  /** The deviation of the first values. */
  std?: number | undefined;
}

/**
 * A centre for every identity, a parameter, of which each step takes max(floor(share * identities), those of its rows): those of its rows
 * and others drawn anew. Only these have a gradient, and only these and their slots are moved. At share 1 it is `full`. An et al. 2021 (Partial FC),
 * whose first version moves the sampled rows only; the second moves all by momentum and decay.
 */
export const sampled = ({ share = 0.1, most, std = 0.01 }: SampledOptions = {}): BankBuilder => {
  if (typeof share === "number") inRange("sampled", "share", share, SHARE);
  if (most !== undefined) inRange("sampled", "most", most, SHARE);
  const largest = most ?? (typeof share === "number" ? share : 1);
  return described(
    ({ identities, dim, rows, seed }) => {
      const least = Math.min(rows, identities);
      const room = Math.max(Math.floor(largest * identities), least);
      return bank(
        { centres: parameter([identities, dim], normal(std)) },
        {
          open: noBook,
          plan: (_, labels, at) => {
            const now = typeof share === "number" ? share : share(at);
            const wanted = Math.min(Math.floor(now * identities), room);
            return { labels, ...sampledClasses(identities, labels, { wanted, room, seed, step: at.step }) };
          },
          classes: ({ centres }, _, { labels, sampled, ids, place }) => {
            const chosen: Features = normalize(centres.rows(sampled));
            return { rows: chosen, ids, target: labels, own: chosen.index_select(place) };
          },
        },
      );
    },
    {
      kind: "sampled",
      share: typeof share === "number" ? share : (descriptionOf(share) ?? share),
      most: largest,
      std,
    },
  );
};
