/**
 * @file An augmentation: what is drawn for each image, in Node, a step ahead; and how it changes the images, compiled into the
 * step. It is a plan and a step in small.
 */
import { type Described, described } from "../core/description.js";
import type { Images } from "../core/tensor.js";
import type { Draws } from "../plan/draws.js";
import type { Planned } from "./plan.js";

/** What may be drawn: one value for each image of the stream, or a record of such. */
export type Drawn = Uint8Array | Float32Array | Int32Array | { readonly [name: string]: Drawn };

/** Changes images at random. */
export interface Augmentation extends Described {
  /** Names its inputs of the step, as in `x.flip`. */
  readonly name: string;
  draw(random: Draws): Drawn;
  /** Compiled. From images [N, C, H, W] to images of the same shape. */
  readonly apply: (images: Images, drawn: never) => Images;
}

export interface AugmentationParts<D extends Drawn> {
  draw(random: Draws): D;
  apply(images: Images, drawn: Planned<D>): Images;
}

/**
 * An augmentation of your own. `options` are what it was asked for: they are recorded with the run.
 *
 *     const noise = (reach: number) => augmentation("noise", { reach }, {
 *       draw: (random) => random.uniform("level", 0, reach),
 *       apply: (images, level) => images.add(level.reshape([-1, 1, 1, 1])),
 *     });
 */
export const augmentation = <const D extends Drawn>(
  name: string,
  options: Readonly<Record<string, unknown>>,
  { draw, apply }: AugmentationParts<D>,
): Augmentation =>
  described({ name, draw, apply: apply as Augmentation["apply"] }, { kind: name, ...options });
