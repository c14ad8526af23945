/** @file State with tensors, which the step sees, and a book, which the plan sees. */
import type { ChildRecord } from "../core/module.js";
import type { Book } from "../plan/book.js";

export const BOOKKEPT = Symbol.for("f2c-dsl.bookkept");

/** A piece of state with two halves: tensors, which the step sees, and a book, which the plan sees. */
export interface Bookkept<C extends ChildRecord = ChildRecord, B extends Book = Book> {
  readonly [BOOKKEPT]: { readonly tensors: C; readonly open: () => B };
}
export const bookkept = <const C extends ChildRecord, B extends Book>(
  tensors: C,
  open: () => B,
): Bookkept<C, B> => ({
  [BOOKKEPT]: { tensors, open },
});

export const bookkeptParts = (value: unknown) =>
  typeof value === "object" && value !== null ? (value as Partial<Bookkept>)[BOOKKEPT] : undefined;
