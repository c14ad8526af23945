/** @file Parts of images, enlarged to the whole. */
import { type Augmentation, augmentation } from "../method/augmentation.js";
import { aProbability, wantedOf } from "./options.js";
import { fromMiddle, type Places, type Reals, resampled } from "./resample.js";

export interface CropOptions {
  /** The part's area is at least this share of the image's. */
  area?: number;
  /** Its sides differ by up to this factor, beside the image's own shape. */
  aspect?: number;
  /** Images that are cropped; the others stay as they are. */
  probability?: number;
}

/** A part of an image, drawn at random, resized to the size of the whole; bilinear (RandomResizedCrop in torchvision). */
export function crop({ area = 0.5, aspect = 4 / 3, probability = 1 }: CropOptions = {}): Augmentation {
  wantedOf(
    "crop",
    "area",
    area,
    area > 0 && area <= 1,
    "a share above 0 and at most 1: 0.5 is half of the image",
  );
  wantedOf("crop", "aspect", aspect, aspect >= 1 && aspect < 10, "a factor from 1 to below 10");
  aProbability("crop", probability);
  return augmentation(
    "crop",
    { area, aspect, probability },
    {
      draw: (random) => {
        const cropped = random.chosen("cropped", probability);
        const share = random.uniform("area", (1 + area) / 2, (1 - area) / 2);
        const shape = random.uniform("aspect", 0, Math.log(aspect));
        const side = (i: number, way: number) =>
          cropped[i] ? Math.min(1, Math.sqrt(share[i]! * Math.exp(way * shape[i]!))) : 1;
        const [tall, wide] = [1, -1].map((way) => share.map((_, i) => side(i, way)));
        // The part lies anywhere within the image: its middle moves by what is left of either side.
        const place = (name: string, extent: Float32Array) =>
          random.uniform(name, 0, 0.5).map((at, i) => at * (1 - extent[i]!));
        return { tall: tall!, wide: wide!, down: place("down", tall!), right: place("right", wide!) };
      },
      apply: (images, { tall, wide, down, right }) => {
        const each = (value: Reals) => value.reshape([-1, 1, 1]);
        const [height, width] = [images.size(2), images.size(3)];
        const y = fromMiddle(height)
          .reshape([1, -1, 1])
          .mul(each(tall))
          .add(each(down.mul(height)));
        const x = fromMiddle(width)
          .reshape([1, 1, -1])
          .mul(each(wide))
          .add(each(right.mul(width)));
        const whole = (places: Places) => places.expand([images.size(0), height, width]);
        return resampled(images, whole(x), whole(y));
      },
    },
  );
}
