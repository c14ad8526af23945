/** @file Glint360K: 360,232 identities, 17,091,657 images. */
import { cosFace } from "../margins/cos-face.js";
import { iresnet } from "../nets/iresnet.js";
import { bySgd, type Recipe, type RecipeOptions, recipe } from "./recipe.js";

/**
 * CosFace over all classes, or a share of them: SGD with a learning rate of 0.1 for 1,024 images, falling linearly to 0 over 20 epochs,
 * weight decay 1e-4.
 */
export const glint360k = (options: RecipeOptions & { share?: number } = {}): Recipe =>
  recipe(
    "glint360k",
    {
      net: options.net ?? iresnet(100),
      margin: cosFace({ scale: 64, margin: 0.4 }),
      share: options.share ?? 1,
      ...bySgd(1e-4),
    },
    options,
  );
