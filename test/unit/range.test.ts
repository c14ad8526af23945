import { describe, expect, test } from "vitest";
import { arcFace, cosFace, margin, plainSoftmax, sgd, svSoftmax } from "#dsl/index";

const refused = (make: () => unknown, words: string) =>
  expect(make).toThrow(expect.objectContaining({ code: "F2C2113", message: expect.stringContaining(words) }));

describe("what would train without a word and come to nothing is refused", () => {
  test("a scale that is no number above 0, of any margin", () => {
    for (const scale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      for (const of of [plainSoftmax, cosFace, arcFace, svSoftmax])
        refused(() => of({ scale }), `\`scale\` is ${scale}, not a number above 0`);
    refused(() => margin({ numbers: { scale: 0 }, apply: ({ cosine }) => cosine }), "`scale` is 0");
  });

  test("a margin that no cosine or angle has", () => {
    refused(() => cosFace({ margin: 20 }), "cosFace: `margin` is 20, not a number from 0 to below 2");
    refused(() => svSoftmax({ margin: -0.1 }), "svSoftmax: `margin` is -0.1");
    refused(() => arcFace({ margin: 4 }), "arcFace: `margin` is 4, not an angle from 0 to below pi");
  });

  test("a momentum of 1 and more, a negative decay, a length of 0 to clip to", () => {
    refused(() => sgd({ momentum: 1 }), "sgd: `momentum` is 1, not a number from 0 to below 1");
    refused(() => sgd({ weightDecay: -1e-4 }), "sgd: `weightDecay` is -0.0001");
    refused(() => sgd({ clip: 0 }), "sgd: `clip` is 0, not a number above 0");
  });

  test("and what the field uses is not", () => {
    for (const scale of [1, 30, 64])
      for (const m of [0, 0.35, 0.5, 0.9])
        [cosFace, arcFace, svSoftmax].map((of) => of({ scale, margin: m }));
    for (const momentum of [0, 0.9, 0.99]) sgd({ momentum, weightDecay: 5e-4, clip: 5 });
  });
});
