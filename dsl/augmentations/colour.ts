/** @file Light and colours. */
import { type Augmentation, augmentation } from "../method/augmentation.js";
import { luma } from "./grey.js";
import { wantedOf } from "./options.js";
import type { Reals } from "./resample.js";

export interface ColourOptions {
  /** Contrast changes by up to this share. */
  contrast?: number;
  /** Brightness changes by up to this share of half of the range from black to white. */
  brightness?: number;
  /** Colours come nearer to grey, or go farther from it, by up to this share. Changes nothing of grey images. */
  saturation?: number;
}

const LIGHT = 0x6c696768;

/** Every image's contrast and brightness, and how colourful it is, change at random. */
export function colour({ contrast = 0, brightness = 0, saturation = 0 }: ColourOptions): Augmentation {
  const share = (option: string, value: number) =>
    wantedOf(
      "colour",
      option,
      value,
      value >= 0 && value < 1,
      "a share from 0 to below 1: 0.2 is up to 20 %",
    );
  share("contrast", contrast);
  share("brightness", brightness);
  share("saturation", saturation);
  const each = (value: Reals) => value.reshape([-1, 1, 1, 1]);
  return augmentation(
    "colour",
    { contrast, brightness, saturation },
    {
      draw: (random) => ({
        contrast: random.uniform(LIGHT, 1, contrast),
        brightness: random.uniform(LIGHT + 2, 0, brightness),
        ...(saturation > 0 && { saturation: random.uniform("saturation", 1, saturation) }),
      }),
      apply: (images, drawn) => {
        const lit = images.mul(each(drawn.contrast)).add(each(drawn.brightness));
        if (drawn.saturation === undefined) return lit;
        const grey = luma(lit);
        return lit.sub(grey).mul(each(drawn.saturation)).add(grey);
      },
    },
  );
}
