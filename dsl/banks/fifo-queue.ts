/** @file A queue of the newest keys, as DCQ and MoCo keep it. */
import { described } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import { constant, unitRows } from "../core/initialisers.js";
import { state } from "../core/module.js";
import { type BankBuilder, bank, noBook } from "../method/bank.js";

/**
 * The newest `size` keys are the negatives; a row's positive is its own key, and keys of its identity do not count. First in, first
 * out: each step's keys take the places of the oldest. Li et al. 2021 (DCQ); with labels what MoCo has without.
 */
export const fifoQueue = ({ size }: { size: number }): BankBuilder =>
  described(
    ({ dim, rows }) => {
      if (!Number.isInteger(size) || size < 1 || size % rows !== 0)
        throw experimentError("bad-queue-size", { size, rows });
      return bank(
        { features: state([size, dim], unitRows("normal")), ids: state([size], constant(-1), "i64") },
        {
          open: noBook,
          // Where a step writes is a matter of its number.
          plan: (_, labels, { step }) => ({
            labels,
            places: Int32Array.from({ length: rows }, (_, i) => (step * rows + i) % size),
          }),
          classes: ({ features, ids }, keys, { labels }) => ({
            rows: features,
            ids,
            target: labels,
            own: keys,
          }),
          absorb: ({ features, ids }, keys, { places, labels }) => {
            features.index_copy_(places, keys);
            ids.index_copy_(places, labels);
          },
        },
      );
    },
    { kind: "fifoQueue", size },
  );
