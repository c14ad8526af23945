/** @file WebFace42M: 2,059,906 identities, 42,474,557 images. */
import { cosFace } from "../margins/cos-face.js";
import { iresnet } from "../nets/iresnet.js";
import { vit } from "../nets/vit.js";
import { adamw } from "../optimizers/adamw.js";
import { bySgd, type Recipe, type RecipeOptions, recipe } from "./recipe.js";

/**
 * Partial FC with a share of 0.2, CosFace: SGD with a learning rate of 0.1 for 1,024 images, falling linearly to 0 over 20 epochs,
 * weight decay 5e-4.
 */
export const webface42m = (options: RecipeOptions & { share?: number } = {}): Recipe =>
  recipe(
    "webface42m",
    {
      net: options.net ?? iresnet(100),
      margin: cosFace({ scale: 64, margin: 0.4 }),
      share: options.share ?? 0.2,
      ...bySgd(5e-4),
    },
    options,
  );

/**
 * The same for transformers: a share of 0.3, AdamW with a learning rate of 1e-3 for 24,576 images, weight decay 0.1, which rises over 4 of
 * 40 epochs.
 */
export const webface42mVit = (options: RecipeOptions & { share?: number } = {}): Recipe =>
  recipe(
    "webface42mVit",
    {
      net: options.net ?? vit("base"),
      margin: cosFace({ scale: 64, margin: 0.4 }),
      share: options.share ?? 0.3,
      batch: 24_576,
      rate: 1e-3,
      by: (options) => adamw({ weightDecay: 0.1, ...options }),
      epochs: 40,
      warmup: 4,
    },
    options,
  );
