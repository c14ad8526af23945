/** @file Parts of images that are hidden (Zhong et al. 2020, "Random Erasing"). */
import { type Augmentation, augmentation } from "../method/augmentation.js";
import { wantedOf } from "./options.js";
import { fromMiddle, type Reals } from "./resample.js";

const PLACE = 0x706c6163;
const EXTENT = 0x65787465;

/** Of every image a rectangle is grey, each of its sides up to this share of the image's, at random. */
export function erase(share: number): Augmentation {
  wantedOf(
    "erase",
    "share",
    share,
    share >= 0 && share < 1,
    "a share from 0 to below 1: 0.3 is up to 30 % of either side",
  );
  return augmentation(
    "erase",
    { share },
    {
      // The rectangle's middle, from that of the image, and half of its sides, as shares of the image's.
      draw: (random) => ({
        row: random.uniform(PLACE, 0, 0.5),
        column: random.uniform(PLACE + 2, 0, 0.5),
        tall: random.uniform(EXTENT, share / 4, share / 4),
        wide: random.uniform(EXTENT + 2, share / 4, share / 4),
      }),
      apply: (images, { row, column, tall, wide }) => {
        const each = (value: Reals) => value.reshape([-1, 1, 1, 1]);
        const place = (size: number) => fromMiddle(size).div(size);
        const y = place(images.size(2)).reshape([1, 1, -1, 1]);
        const x = place(images.size(3)).reshape([1, 1, 1, -1]);
        const rows = y.sub(each(row)).abs().lt(each(tall));
        const columns = x.sub(each(column)).abs().lt(each(wide));
        return images.masked_fill(rows.logical_and(columns), 0);
      },
    },
  );
}
