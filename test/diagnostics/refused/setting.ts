// What the refused experiments share: their data, loader and optimizer, and a net from images to 8 features.
import {
  adaptiveAvgPool2d,
  dual,
  type Features,
  fixed,
  flatten,
  type Images,
  linear,
  loader,
  module,
  sgd,
  syntheticFaces,
} from "f2c-dsl";

export const net = () =>
  module(
    { pool: adaptiveAvgPool2d(2), flat: flatten(), fc: linear(12, 8) },
    ({ pool, flat, fc }, x: Images): Features<8> => fc(flat(pool(x))).as<[number, 8]>(),
  );

export const data = syntheticFaces({
  identities: 5,
  imagesPerIdentity: fixed(4),
  size: 16,
  heldOut: { identities: 0, images: 0 },
});

export const setting = {
  name: "refused",
  data,
  loader: loader(dual({ identities: 3, instances: 2 })),
  optimizer: sgd({ momentum: 0 }),
  lr: 0.1,
  steps: 2,
};
