import { expect, test } from "vitest";
import { verify } from "#runtime/evaluate/verification";
import { renderSummary } from "#runtime/run/summary";

/** The summary of a run whose genuine pairs have this cosine, and whose impostor pairs have that. */
function summaryOf(genuine: number, impostor: number): string {
  const same = Uint8Array.from({ length: 40 }, (_, pair) => (pair + 1) % 2);
  const similarity = Float64Array.from(same, (isGenuine) => (isGenuine === 1 ? genuine : impostor));
  return renderSummary(
    {
      name: "close",
      steps: 5,
      finalLoss: 1,
      verification: verify(similarity, { same }, [0.1]),
      baselines: { untrained: null, rawPixels: null },
      throughput: { probeImagesPerSecond: 1, galleryImagesPerSecond: 0, stepMilliseconds: 1 },
      irHash: "",
      interrupted: false,
    },
    "runs/close",
    [],
  );
}

test("an accuracy of 50 % beside perfect rates is explained: all cosines lie between two thresholds of the protocol", () => {
  const close = summaryOf(0.9999, 0.9998);
  expect(close).toMatch(/verification +50\.00 %/);
  expect(close).toMatch(/TAR at FAR 0\.1 +100\.00 %/);
  expect(close).toMatch(/it calls no pair the same; TAR and ROC take the exact cosines/);
});

test("where the thresholds part the pairs there is nothing to explain", () => {
  const apart = summaryOf(0.9, 0.1);
  expect(apart).toMatch(/verification +100\.00 %/);
  expect(apart).not.toMatch(/calls no pair the same/);
});
