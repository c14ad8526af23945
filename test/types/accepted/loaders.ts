import { augmentation, balanced, flip, loader, loaderOf, pixelsToImages } from "f2c-dsl";

export const noise = (reach: number) =>
  augmentation(
    "noise",
    { reach },
    {
      draw: (random) => ({ level: random.uniform("level", 0, reach), dark: random.chosen("dark", 0.5) }),
      apply: (images, { level, dark }) =>
        images.add(level.reshape([-1, 1, 1, 1])).masked_fill(dark.reshape([-1, 1, 1, 1]), 0),
    },
  );

export const noisy = loader(balanced({ images: 8 }), flip(), noise(0.1), noise(0.2));

export const own = loaderOf({
  streams: { x: 2 },
  open: () => ({
    stepsPerEpoch: 1,
    batch: () => ({
      x: { images: new Int32Array(2), labels: new Int32Array(2), changes: { light: new Float32Array(2) } },
    }),
  }),
  prepare: (pixels, { light }) => pixelsToImages(pixels).add(light.reshape([-1, 1, 1, 1])),
});
