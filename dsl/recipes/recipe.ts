/** @file What a recipe gives, and what every one of them may be asked for. */
import { full } from "../banks/full.js";
import { sampled } from "../banks/sampled.js";
import { inRange, WHOLE } from "../core/range.js";
import type { ExperimentOptions } from "../experiment.js";
import type { Margin } from "../margins/margin.js";
import { withoutConflicts } from "../margins/without-conflicts.js";
import type { BankBuilder } from "../method/bank.js";
import type { Net } from "../method/net.js";
import { classification } from "../methods/classification.js";
import { groups, type ParameterGroups } from "../optimizers/groups.js";
import type { Optimizer } from "../optimizers/optimizer.js";
import { sgd } from "../optimizers/sgd.js";
import { instances } from "../samplers/instances.js";
import { polynomial } from "../schedules/polynomial.js";

/** All that an experiment needs beside its name and its data. What is written after it in `experiment({ … })` counts instead. */
export type Recipe = Omit<ExperimentOptions, "name" | "data" | "epochs" | "steps"> & {
  readonly epochs: number;
};

export interface RecipeOptions {
  net?: Net;
  /** Images a step. As many steps make an update as come nearest to the recipe's batch. */
  images?: number;
  /**
   * What is wrong with the labels: `conflicts`, people who are in several classes, whose negatives above 0.4 are left out (An et al.
   * 2022); `outliers`, classes with images of others, which get three centres each (Deng et al. 2020).
   */
  noise?: "none" | "conflicts" | "outliers";
}

interface Ingredients {
  readonly net: Net;
  readonly margin: Margin;
  /** Of the identities, that a step compares with. */
  readonly share: number;
  /** Images an update, and the learning rate that is for these. */
  readonly batch: number;
  readonly rate: number;
  readonly by: (options: { clip?: number }) => Optimizer;
  readonly epochs: number;
  readonly warmup: number;
}

/** SGD at 0.1 for 1,024 images, falling linearly to 0 over 20 epochs. */
export const bySgd = (
  weightDecay: number,
): Pick<Ingredients, "batch" | "rate" | "by" | "epochs" | "warmup"> => ({
  batch: 1024,
  rate: 0.1,
  by: (options) => sgd({ momentum: 0.9, weightDecay, ...options }),
  epochs: 20,
  warmup: 0,
});

/** Classification in f16, with the gradient of the net, and not of the classes, held to a length of 5, as arcface_torch trains. */
export function recipe(
  what: string,
  { net, margin, share, batch, rate, by, epochs, warmup }: Ingredients,
  { images = batch, noise = "none" }: RecipeOptions,
): Recipe {
  inRange(what, "images", images, WHOLE);
  const accumulate = Math.max(1, Math.round(batch / images));
  const bank: BankBuilder =
    noise === "outliers" ? full({ centres: 3 }) : share < 1 ? sampled({ share }) : full();
  const optimizer: ParameterGroups = groups([
    { of: "net.*", by: by({ clip: 5 }) },
    { by: by({}), name: "classes" },
  ]);
  return {
    method: classification({ net, bank, margin: noise === "conflicts" ? withoutConflicts(margin) : margin }),
    loader: instances({ images }),
    optimizer,
    // In proportion to the images of an update (Goyal et al. 2017).
    lr: polynomial({ base: (rate * images * accumulate) / batch, warmup }),
    epochs,
    accumulate,
    precision: "f16",
    layout: "channels_last",
  };
}
