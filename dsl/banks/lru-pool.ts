/** @file The dynamic class pool as a bank: keys enter it as the centres of their identities. */
import { described } from "../core/description.js";
import { type BankBuilder, bank } from "../method/bank.js";
import { BOOKKEPT } from "../method/bookkept.js";
import {
  type ClassPoolOptions,
  classPool,
  passClasses,
  passPlan,
  touchedRows,
  writeRows,
} from "./class-pool.js";

/**
 * Centres for `capacity` identities, made of keys; a full pool gives up the place of the identity that was seen least recently. A
 * step's keys enter before its rows are classified. F2C has two passes over it instead: `f2c`.
 */
export const lruPool = (options: ClassPoolOptions): BankBuilder =>
  described(
    ({ identities, dim }) => {
      const pool = classPool({ rows: 1, ...options, dim, identities });
      const { tensors, open } = pool[BOOKKEPT];
      return bank(tensors, {
        open,
        plan: (book, labels) => passPlan(pool, book.commit(labels, labels)),
        classes: (tensors, keys, plan) => passClasses(tensors, touchedRows(tensors, keys, plan), plan).first,
        absorb: (tensors, keys, plan) =>
          writeRows(tensors, touchedRows(tensors, keys, plan), plan, pool.dtype),
      });
    },
    { kind: "lruPool", ...options },
  );
