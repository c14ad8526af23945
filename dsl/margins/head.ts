/** @file A margin and the classes of a step become a loss. */
import * as ops from "../core/ops.generated.js";
import type { Features } from "../core/tensor.js";
import type { Classes, Column, Margined, OwnClass } from "../method/classes.js";

/** What a margin is shown of features [N, D], not normalised yet, and of the same of length 1. Compiled. */
export const ownClass = (features: Features, unit: Features, classes: Classes): OwnClass => ({
  cosine: unit.mul(classes.own).sum(1),
  norm: features.norm(1),
  hasClass: classes.target.ge(0),
});

export interface HeadResult {
  /** Cross-entropy, and the margin's own loss where it has one; 0 for rows without a class. */
  readonly loss: Column;
  /** The largest cosine to another class. */
  readonly nearest: Column;
  /** The mean of the `hardest` largest cosines to other classes, those below 0 counting as 0. */
  readonly hardest: Column;
}

/** The loss of features of length 1 under a margin, one value a row. Compiled. */
export const marginLoss = (
  { scale, own, hard, loss: extra }: Margined,
  unit: Features,
  classes: Classes,
  hardest = 0,
): HeadResult => {
  const [crossEntropy, nearest, pushed] = ops.margin_softmax(unit, classes.rows, classes.target, own, scale, {
    ids: classes.ids,
    limit: classes.limit,
    bound: hard?.above,
    square: hard?.square,
    slope: hard?.slope,
    offset: hard?.offset,
    touched: classes.touched,
    patch: classes.patch,
    centres: classes.centres ?? 1,
    hardest,
  });
  const hasClass = classes.target.ge(0);
  const loss = extra === undefined ? crossEntropy : crossEntropy.add(ops.where(hasClass, extra, 0));
  return { loss, nearest, hardest: pushed };
};
