import { augmentation, dual, flip, loader, loaderOf, pixelsToImages } from "f2c-dsl";

export const undrawn = augmentation(
  "noise",
  {},
  {
    draw: (random) => ({ level: random.uniform("level", 0, 1) }),
    // error: Property 'angle' does not exist on type
    apply: (images, { angle }) => images.add(angle.reshape([-1, 1, 1, 1])),
  },
);

export const narrowed = augmentation(
  "mean",
  {},
  {
    draw: () => ({}),
    // error: is not assignable to type
    apply: (images) => images.mean(1),
  },
);

// error: is not assignable to parameter of type
export const turned = loader(flip(), dual({ identities: 1, instances: 2 }));

export const given = loaderOf({
  streams: { x: 2 },
  open: () => ({
    stepsPerEpoch: 1,
    batch: () => ({
      x: { images: new Int32Array(2), labels: new Int32Array(2), changes: { light: new Float32Array(2) } },
    }),
  }),
  // error: Property 'dark' does not exist on type
  prepare: (pixels, { dark }) => pixelsToImages(pixels).add(dark),
});
