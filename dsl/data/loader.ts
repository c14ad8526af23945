/**
 * @file A loader: a sampler, which says what images a step gets, and augmentations, which change them. What is drawn is part
 * of the step's plan; the changes themselves are compiled into the step.
 */
import { DESCRIPTION, type Described, descriptionOf } from "../core/description.js";
import { experimentError } from "../core/errors.js";
import { pixelsToImages } from "../core/functions.js";
import type { Images, Tensor } from "../core/tensor.js";
import type { Augmentation, Drawn } from "../method/augmentation.js";
import type { Planned, PlannedBatch, PlannedImages } from "../method/plan.js";
import type { Sampler } from "../method/sampler.js";
import { drawsAt } from "../plan/draws.js";

/** What is drawn for the images of a stream of a step, by name. */
export type Changes = { readonly [name: string]: Drawn };

/** A stream's images of one step, and what is done to each of them: what `prepare` gets. */
export interface LoadedImages<C extends Changes = Changes> extends PlannedImages {
  readonly changes: C;
}

/** A loader opened on a data source: what each step gets. */
export interface LoaderBook<C extends Changes = Changes> {
  readonly stepsPerEpoch: number;
  batch(step: number): Readonly<Record<string, LoadedImages<C>>> & PlannedBatch;
}

export type Pixels = Tensor<readonly [number, number, number, number], "u8">;

export interface Loader extends Described {
  /** Images a step, by stream. */
  readonly streams: Readonly<Record<string, number>>;
  /** `offsets`: first image of each identity, and the number of images at the end. */
  open(offsets: Int32Array, seed: number): LoaderBook;
  /** Compiled: from pixels to what the net sees. */
  readonly prepare: (pixels: Pixels, changes: never) => Images;
}

export interface LoaderParts<C extends Changes> {
  readonly streams: Readonly<Record<string, number>>;
  open(offsets: Int32Array, seed: number): LoaderBook<C>;
  prepare(pixels: Pixels, changes: Planned<C>): Images;
}

/** A loader of your own, where a sampler and augmentations do not say it: `prepare` gets what `batch` gives as `changes`. */
export const loaderOf = <const C extends Changes>(parts: LoaderParts<C>): Loader => parts as never;

type Named = Augmentation & { readonly repetition: number };

/** Augmentations by names of their own: the second `erase` of a list is `erase2`. */
function named(augmentations: readonly Augmentation[]): readonly Named[] {
  const counts = new Map<string, number>();
  return augmentations.map((augmentation) => {
    const { name } = augmentation;
    if (!/^[A-Za-z]\w*$/.test(name)) throw experimentError("bad-augmentation-name", { name });
    const repetition = counts.get(name) ?? 0;
    counts.set(name, repetition + 1);
    return { ...augmentation, name: repetition === 0 ? name : `${name}${repetition + 1}`, repetition };
  });
}

/**
 * The images that `sampler` chooses, changed by `augmentations` one after the other:
 *
 *     loader(dual({ identities: 20, instances: 18 }), flip(), affine({ shift: 4, rotate: 10 }), erase(0.4))
 */
export function loader(sampler: Sampler, ...augmentations: readonly Augmentation[]): Loader {
  const steps = named(augmentations);
  const description = descriptionOf(sampler);
  return {
    streams: sampler.streams,
    ...(description && {
      [DESCRIPTION]: {
        ...description,
        augment: Object.fromEntries(
          steps.map((step) => {
            const { kind: _, ...options } = descriptionOf(step) ?? { kind: "own" };
            return [step.name, options];
          }),
        ),
      },
    }),
    open: (offsets, seed) => {
      const opened = sampler.sampler(offsets, seed);
      const streams = Object.keys(sampler.streams);
      return {
        stepsPerEpoch: opened.stepsPerEpoch,
        batch: (step) => {
          const sampled = opened.sample(step);
          const loaded = Object.entries(sampled).map(([stream, { images, labels }]) => {
            const place = { seed, step, stream: streams.indexOf(stream), images: images.length };
            const changes = Object.fromEntries(
              steps.map(({ name, draw, repetition }) => [
                name,
                draw(drawsAt({ ...place, owner: name, repetition })),
              ]),
            );
            return [stream, { images, labels, changes }] as const;
          });
          return Object.fromEntries(loaded);
        },
      };
    },
    prepare: (pixels: Pixels, changes: Readonly<Record<string, never>>): Images => {
      let images = pixelsToImages(pixels);
      for (const { name, apply } of steps) images = apply(images, changes[name]!);
      return images;
    },
  };
}

/** Tells a loader from a sampler alone. */
export const isLoader = (value: Loader | Sampler): value is Loader => "prepare" in value;
