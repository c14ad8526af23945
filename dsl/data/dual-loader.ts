/**
 * @file The dual loader: each step mixes identities drawn uniformly, two images of each, with images drawn uniformly.
 *
 * Stream x holds one image of each identity and half of the instances, stream y the other image and the other half. Which
 * images a step gets is a pure function of (seed, step): the order of an epoch is a keyed permutation, never stored.
 */
import { DESCRIPTION, type Described } from "../description.js";
import { ExperimentError } from "../errors.js";
import { pixelsToImages } from "../functions.js";
import type { PlannedBatch, PlannedImages } from "../method.js";
import * as ops from "../ops.generated.js";
import { randomU32, randomUnit } from "../plan/counter-random.js";
import { IdentityIndex, IdentityStream } from "../plan/identity-stream.js";
import { InstanceStream } from "../plan/instance-stream.js";
import type { Images, Tensor } from "../tensor.js";

/** A stream's images of one step, and what is done to each of them: the arrays that `prepare` gets. */
export interface LoadedImages extends PlannedImages {
  readonly changes: Readonly<Record<string, Uint8Array | Float32Array>>;
}

/** A loader opened on a data source: what each step gets. */
export interface LoaderBook {
  readonly stepsPerEpoch: number;
  batch(step: number): Readonly<Record<string, LoadedImages>> & PlannedBatch;
}

type Pixels = Tensor<readonly [number, number, number, number], "u8">;

export interface Loader extends Described {
  /** Images a step, by stream. */
  readonly streams: Readonly<Record<string, number>>;
  /** `offsets`: first image of each identity, and the number of images at the end. */
  open(offsets: Int32Array, seed: number): LoaderBook;
  /** Compiled: from pixels to what the net sees. */
  readonly prepare: (pixels: Pixels, changes: never) => Images;
}

export interface DualOptions {
  /** Identities a step, two images of each (the same one twice where there is only one). */
  identities: number;
  /** Images a step from the instance stream, which sees every image once an epoch. Even. */
  instances: number;
  /** Whether half of the images, drawn at random, are mirrored. */
  flip?: boolean;
  /** Every image is moved by up to this many pixels, each way at random; bilinear, and the border repeats. */
  shift?: number;
  /** Every image is enlarged or reduced by up to this share, at random. */
  zoom?: number;
  /** Every image is turned about its middle by up to this many degrees, either way at random. */
  rotate?: number;
  /** Every image's contrast and brightness change by up to this share, at random. */
  light?: number;
  /** Of every image a rectangle is grey, each of its sides up to this share of the image's, at random (Zhong et al. 2020). */
  erase?: number;
}

const FLIP_STREAM = 0x666c6970;
const SHIFT_STREAM = 0x73686966;
const ZOOM_STREAM = 0x7a6f6f6d;
const TURN_STREAM = 0x7475726e;
const LIGHT_STREAM = 0x6c696768;
const PLACE_STREAM = 0x706c6163;
const EXTENT_STREAM = 0x65787465;

type Reals = Tensor<readonly [number], "f32">;

/** Where the image that is seen comes from: pixels down and right, the size of a pixel, radians. */
interface Movement {
  readonly down: Reals;
  readonly right: Reals;
  readonly zoom: Reals;
  readonly turn: Reals;
}

/** A grey rectangle: its middle, from that of the image, and half of its sides, as shares of the image's. */
interface Erasure {
  readonly row: Reals;
  readonly column: Reals;
  readonly tall: Reals;
  readonly wide: Reals;
}

/** What the plan says of each image: whether it is mirrored, how it moves, how its light changes, what of it is hidden. */
interface Changes extends Partial<Movement>, Partial<Erasure> {
  readonly flip?: Tensor<readonly [number], "bool">;
  readonly contrast?: Reals;
  readonly brightness?: Reals;
}

/** The place of each of `size` pixels, from the middle of them. Compiled. */
const fromMiddle = (size: number) =>
  ops
    .arange(size)
    .to("f32")
    .sub((size - 1) / 2);

/** Images [N, C, H, W], each turned and enlarged about its middle, then moved; bilinear. Compiled. */
const moved = (images: Images, { down, right, zoom, turn }: Movement): Images => {
  const [height, width] = [images.size(2), images.size(3)];
  // In pixels from the middle: where each pixel of the result lies, and from which place of the image it comes.
  const y = fromMiddle(height).reshape([1, -1, 1]);
  const x = fromMiddle(width).reshape([1, 1, -1]);
  const each = (value: Reals) => value.reshape([-1, 1, 1]);
  const [cos, sin] = [each(turn.cos().mul(zoom)), each(turn.sin().mul(zoom))];
  const fromX = x.mul(cos).sub(y.mul(sin)).add(each(right));
  const fromY = x.mul(sin).add(y.mul(cos)).add(each(down));
  return ops.grid_sample(images, ops.stack([fromX.mul(2 / width), fromY.mul(2 / height)], 3));
};

/** Images [N, C, H, W], each with its rectangle grey. Compiled. */
const erased = (images: Images, { row, column, tall, wide }: Erasure): Images => {
  const each = (value: Reals) => value.reshape([-1, 1, 1, 1]);
  const place = (size: number) => fromMiddle(size).div(size);
  const y = place(images.size(2)).reshape([1, 1, -1, 1]);
  const x = place(images.size(3)).reshape([1, 1, 1, -1]);
  const rows = y.sub(each(row)).abs().lt(each(tall));
  const columns = x.sub(each(column)).abs().lt(each(wide));
  return images.masked_fill(rows.logical_and(columns), 0);
};

/** Normalises pixels, and changes the images as the plan says. Compiled. */
const prepared = (
  pixels: Pixels,
  { flip, down, right, zoom, turn, contrast, brightness, row, column, tall, wide }: Changes,
): Images => {
  let images = pixelsToImages(pixels);
  if (flip !== undefined) images = ops.where(flip.reshape([-1, 1, 1, 1]), images.flip([3]), images);
  if (down !== undefined && right !== undefined && zoom !== undefined && turn !== undefined) {
    images = moved(images, { down, right, zoom, turn });
  }
  if (contrast !== undefined && brightness !== undefined) {
    images = images.mul(contrast.reshape([-1, 1, 1, 1])).add(brightness.reshape([-1, 1, 1, 1]));
  }
  if (row !== undefined && column !== undefined && tall !== undefined && wide !== undefined) {
    images = erased(images, { row, column, tall, wide });
  }
  return images;
};

export function dual({
  identities,
  instances,
  flip = true,
  shift = 0,
  zoom = 0,
  rotate = 0,
  light = 0,
  erase = 0,
}: DualOptions): Loader {
  const refuse = (what: string, remedy: string): never => {
    throw new ExperimentError("F2C2208", `dual: ${what}`, remedy);
  };
  const whole = (x: number) => Number.isInteger(x) && x >= 0;
  const share = (x: number) => x >= 0 && x < 1;
  if (!whole(identities)) refuse(`\`identities\` is ${identities}`, "give a whole number of identities");
  if (!whole(instances)) refuse(`\`instances\` is ${instances}`, "give a whole number of instances");
  if (instances % 2 !== 0)
    refuse(
      `\`instances\` is ${instances}, which is odd`,
      "each stream gets half of the instances: make it even",
    );
  if (identities + instances === 0)
    refuse("both `identities` and `instances` are 0", "a step needs images: give either a number");
  if (!(shift >= 0)) refuse(`\`shift\` is ${shift}`, "give a number of pixels, from 0 up");
  if (!(rotate >= 0 && rotate <= 180))
    refuse(`\`rotate\` is ${rotate}`, "give a number of degrees, from 0 to 180");
  if (!share(zoom)) refuse(`\`zoom\` is ${zoom}`, "give a share from 0 to below 1: 0.2 is up to 20 %");
  if (!share(erase))
    refuse(`\`erase\` is ${erase}`, "give a share from 0 to below 1: 0.3 is up to 30 % of either side");
  if (!share(light)) refuse(`\`light\` is ${light}`, "give a share from 0 to below 1: 0.2 is up to 20 %");
  const half = instances / 2;
  const size = identities + half;
  return {
    streams: { x: size, y: size },
    prepare: prepared,
    [DESCRIPTION]: { kind: "dual", identities, instances, flip, shift, zoom, rotate, light, erase },
    open: (offsets, seed) => {
      const images = offsets[offsets.length - 1]!;
      const count = offsets.length - 1;
      if (count < identities) {
        throw new ExperimentError(
          "F2C2209",
          `dual: \`identities\` is ${identities}, but the data source has ${count}: those of one step differ from each other`,
          "lower `identities`, or add data",
        );
      }
      const index = new IdentityIndex(offsets);
      const byIdentity = new IdentityStream(offsets, identities, 2, seed);
      const byInstance = new InstanceStream(images, instances, seed);
      const people = new Int32Array(identities);
      const pairs = new Int32Array(2 * identities);
      const singles = new Int32Array(instances);
      const stream = (step: number, which: 0 | 1): LoadedImages => {
        const chosen = new Int32Array(size);
        const instances = singles.subarray(which * half, (which + 1) * half);
        for (let i = 0; i < identities; i++) chosen[i] = pairs[2 * i + which]!;
        chosen.set(instances, identities);
        const labels = new Int32Array(size);
        labels.set(people);
        index.label(instances, labels, identities);
        const changes: Record<string, Uint8Array | Float32Array> = {};
        if (flip) {
          // 32 coins a draw.
          const draws = Math.ceil(size / 32);
          const mirrored = new Uint8Array(size);
          for (let i = 0, coins = 0; i < size; i++, coins >>>= 1) {
            if (i % 32 === 0) coins = randomU32(seed, FLIP_STREAM + which, step * draws + i / 32);
            mirrored[i] = coins & 1;
          }
          changes.flip = mirrored;
        }
        // Uniform in -1..1, for each image of each step.
        const draw = (kind: number, way: number, scale: number, around = 0) =>
          new Float32Array(size).map(
            (_, i) => around + scale * (2 * randomUnit(seed, kind + 2 * way + which, step * size + i) - 1),
          );
        if (shift > 0 || zoom > 0 || rotate > 0) {
          changes.down = draw(SHIFT_STREAM, 0, shift);
          changes.right = draw(SHIFT_STREAM, 1, shift);
          changes.zoom = draw(ZOOM_STREAM, 0, zoom, 1);
          changes.turn = draw(TURN_STREAM, 0, (rotate * Math.PI) / 180);
        }
        if (light > 0) {
          changes.contrast = draw(LIGHT_STREAM, 0, light, 1);
          changes.brightness = draw(LIGHT_STREAM, 1, light);
        }
        if (erase > 0) {
          changes.row = draw(PLACE_STREAM, 0, 0.5);
          changes.column = draw(PLACE_STREAM, 1, 0.5);
          changes.tall = draw(EXTENT_STREAM, 0, erase / 4, erase / 4);
          changes.wide = draw(EXTENT_STREAM, 1, erase / 4, erase / 4);
        }
        return { images: chosen, labels, changes };
      };
      return {
        stepsPerEpoch: Math.max(1, Math.ceil(instances > 0 ? images / instances : count / identities)),
        batch: (step) => {
          byIdentity.fill(step, pairs, people);
          byInstance.fill(step, singles);
          return { x: stream(step, 0), y: stream(step, 1) };
        },
      };
    },
  };
}
