/** @file Virtual classes: identities share few columns, which the features of a step fill. */
import { described } from "../core/description.js";
import { normalize } from "../core/functions.js";
import { unitRows } from "../core/initialisers.js";
import { state } from "../core/module.js";
import * as ops from "../core/ops.generated.js";
import type { Features } from "../core/tensor.js";
import { type BankBuilder, bank, noBook } from "../method/bank.js";
import type { Classes, Index } from "../method/classes.js";
import { virtualColumns } from "../plan/virtual-columns.js";

type Plan = { readonly touched: Index; readonly place: Index };

/** The direction of the sum of each identity's keys, in the order of `touched`. Compiled. */
const sums = (keys: Features, { place }: Plan): Features =>
  normalize(ops.full_like(keys, 0).index_add(place, keys, 0));

/**
 * `columns` virtual classes. Identity i has column i mod `columns`, whose centre is the direction of the sum of its keys in this step; what
 * other identities left in the other columns are the negatives. Where two identities of a step would share a column, one takes a random free
 * one, which is put back afterwards. Li et al. 2021, "Virtual fully-connected layer".
 */
export const virtual = ({ columns }: { columns: number }): BankBuilder =>
  described(
    ({ dim, seed }) =>
      bank(
        // The last one is nobody's: padding points there.
        { centres: state([columns + 1, dim], unitRows("normal")) },
        {
          open: noBook,
          plan: (_, labels, { step }) => ({ ...virtualColumns(columns, labels, seed, step) }),
          classes: ({ centres }, keys, plan): Classes => {
            const patch = sums(keys, plan);
            return {
              rows: centres,
              target: plan.target,
              own: patch.index_select(plan.place),
              limit: columns,
              touched: plan.touched,
              patch,
            };
          },
          absorb: ({ centres }, keys, plan) => {
            const before = centres.index_select(plan.touched);
            centres.index_copy_(plan.touched, ops.where(plan.kept.unsqueeze(1), sums(keys, plan), before));
          },
        },
      ),
    { kind: "virtual", columns },
  );
