/** @file The classifier over all identities: a centre each, trained. */
import { described } from "../core/description.js";
import { normalize } from "../core/functions.js";
import { normal } from "../core/initialisers.js";
import { parameter } from "../core/module.js";
import type { Features } from "../core/tensor.js";
import { type BankBuilder, bank, noBook } from "../method/bank.js";

/** A centre for every identity, a parameter [identities, D]. `std` is that of its first values. */
export const full = ({ std = 0.01 }: { std?: number } = {}): BankBuilder =>
  described(
    ({ identities, dim }) =>
      bank(
        { centres: parameter([identities, dim], normal(std)) },
        {
          open: noBook,
          plan: (_, labels) => ({ labels }),
          classes: ({ centres }, _, { labels }) => {
            const rows: Features = normalize(centres);
            return { rows, target: labels, own: rows.index_select(labels) };
          },
        },
      ),
    { kind: "full", std },
  );
