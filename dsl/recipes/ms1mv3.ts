/** @file MS1MV3: 93,431 identities, 5,179,510 images. */
import { arcFace } from "../margins/arc-face.js";
import { iresnet } from "../nets/iresnet.js";
import { bySgd, type Recipe, type RecipeOptions, recipe } from "./recipe.js";

/**
 * ArcFace over all classes: SGD with a learning rate of 0.1 for 1,024 images, falling linearly to 0 over 20 epochs, weight decay 5e-4.
 *
 *     export default experiment({ name: "r50", data, ...ms1mv3({ images: 512 }) });
 */
export const ms1mv3 = (options: RecipeOptions = {}): Recipe =>
  recipe(
    "ms1mv3",
    {
      net: options.net ?? iresnet(50),
      margin: arcFace({ scale: 64, margin: 0.5 }),
      share: 1,
      ...bySgd(5e-4),
    },
    options,
  );
