/** @file Images that are moved, turned, enlarged and reduced, all by one interpolation. */
import { type Augmentation, augmentation } from "../method/augmentation.js";
import { wantedOf } from "./options.js";
import { fromMiddle, type Reals, resampled } from "./resample.js";

export interface AffineOptions {
  /** Every image is moved by up to this many pixels, each way at random. */
  shift?: number;
  /** Every image is enlarged or reduced by up to this share, at random. */
  zoom?: number;
  /** Every image is turned about its middle by up to this many degrees, either way at random. */
  rotate?: number;
}

const SHIFT = 0x73686966;
const ZOOM = 0x7a6f6f6d;
const TURN = 0x7475726e;

/** Every image turned and enlarged about its middle, then moved; bilinear, and the border repeats. */
export function affine({ shift = 0, zoom = 0, rotate = 0 }: AffineOptions): Augmentation {
  wantedOf("affine", "shift", shift, shift >= 0, "a number of pixels, from 0 up");
  wantedOf("affine", "zoom", zoom, zoom >= 0 && zoom < 1, "a share from 0 to below 1: 0.2 is up to 20 %");
  wantedOf("affine", "rotate", rotate, rotate >= 0 && rotate <= 180, "a number of degrees, from 0 to 180");
  return augmentation(
    "affine",
    { shift, zoom, rotate },
    {
      draw: (random) => ({
        down: random.uniform(SHIFT, 0, shift),
        right: random.uniform(SHIFT + 2, 0, shift),
        zoom: random.uniform(ZOOM, 1, zoom),
        turn: random.uniform(TURN, 0, (rotate * Math.PI) / 180),
      }),
      apply: (images, { down, right, zoom, turn }) => {
        // In pixels from the middle: where each pixel of the result lies, and from which place of the image it comes.
        const y = fromMiddle(images.size(2)).reshape([1, -1, 1]);
        const x = fromMiddle(images.size(3)).reshape([1, 1, -1]);
        const each = (value: Reals) => value.reshape([-1, 1, 1]);
        const [cos, sin] = [each(turn.cos().mul(zoom)), each(turn.sin().mul(zoom))];
        const fromX = x.mul(cos).sub(y.mul(sin)).add(each(right));
        const fromY = x.mul(sin).add(y.mul(cos)).add(each(down));
        return resampled(images, fromX, fromY);
      },
    },
  );
}

/** Every image turned about its middle by up to so many degrees, either way at random. */
export const rotate = (degrees: number): Augmentation => affine({ rotate: degrees });
