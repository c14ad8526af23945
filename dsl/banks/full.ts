/** @file The classifier over all identities: a centre each, trained. */
import { described } from "../core/description.js";
import { normalize } from "../core/functions.js";
import { normal } from "../core/initialisers.js";
import { parameter } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import { inRange, WHOLE } from "../core/range.js";
import type { Features } from "../core/tensor.js";
import { type BankBuilder, bank, noBook } from "../method/bank.js";

/**
 * A centre for every identity, a parameter [identities, D]; `std` is that of its first values. With `centres` a class has several
 * [identities * centres, D], and a row's cosine to it is the largest of them, which takes the gradient: sub-centre ArcFace (Deng et al. 2020).
 */
export const full = ({ std = 0.01, centres = 1 }: { std?: number; centres?: number } = {}): BankBuilder => {
  inRange("full", "centres", centres, WHOLE);
  return described(
    ({ identities, dim }) =>
      bank(
        { centres: parameter([identities * centres, dim], normal(std)) },
        {
          open: noBook,
          plan: (_, labels) => ({ labels }),
          classes: (stored, keys, { labels }) => {
            const rows: Features = normalize(stored.centres);
            if (centres === 1) return { rows, target: labels, own: rows.index_select(labels) };
            const first = labels.mul(centres);
            const cosines = ops.stack(
              Array.from({ length: centres }, (_, k) => rows.index_select(first.add(k)).mul(keys).sum(1)),
              1,
            );
            const own = rows.index_select(first.add(cosines.detach().argmax(1)));
            return { rows, target: labels, own, centres };
          },
        },
      ),
    { kind: "full", std, centres },
  );
};
