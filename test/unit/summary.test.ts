import { expect, test } from "vitest";
import { verification } from "#dsl/index";
import { renderSummary, type Scored } from "#runtime/run/summary";
import { cosinesOf } from "./protocol-view.js";

const rendered = (results: Readonly<Record<string, Scored>>) =>
  renderSummary(
    {
      name: "close",
      steps: 5,
      finalLoss: 1,
      results,
      throughput: { imagesPerSecond: { x: 70.4, y: 35.2 }, stepMilliseconds: 12.3 },
      irHash: "",
      interrupted: false,
    },
    "runs/close",
    [],
  );

/** The summary of a run whose genuine pairs have this cosine, and whose impostor pairs have that. */
async function summaryOf(genuine: number, impostor: number): Promise<string> {
  const offsets = Int32Array.from({ length: 21 }, (_, i) => 2 * i);
  const { images, score } = verification({ far: [0.1] }).open({ offsets, seed: 0, directory: "." });
  const view = cosinesOf(images, (a, b) => (a >> 1 === b >> 1 ? genuine : impostor));
  return rendered({ verification: { trained: await score(view), untrained: null, rawPixels: null } });
}

test("an accuracy of 50 % beside perfect rates is explained: all cosines lie between two thresholds of the protocol", async () => {
  const close = await summaryOf(0.9999, 0.9998);
  expect(close).toMatch(/verification +50\.00 %/);
  expect(close).toMatch(/TAR at FAR 0\.1 +100\.00 %/);
  expect(close).toMatch(/it calls no pair the same; TAR and ROC take the exact cosines/);
});

test("images a second are shown by the names of the streams", () => {
  expect(rendered({})).toMatch(/throughput +x 70, y 35 images\/s, 12 ms a step\n/);
});

test("where the thresholds part the pairs there is nothing to explain", async () => {
  const apart = await summaryOf(0.9, 0.1);
  expect(apart).toMatch(/verification +100\.00 %/);
  expect(apart).not.toMatch(/calls no pair the same/);
});

test("what a file is stands apart from its name, however long that is", async () => {
  const text = renderSummary(
    {
      name: "tiny",
      steps: 1,
      finalLoss: 1,
      results: {},
      throughput: { imagesPerSecond: {}, stepMilliseconds: 1 },
      irHash: "",
      interrupted: false,
    },
    "runs/tiny",
    [
      ["net.insightface.onnx", "the net"],
      ["ir.txt", "the program"],
    ],
  );
  expect(text).toMatch(/^ {2}net\.insightface\.onnx {2}the net$/m);
  expect(text).toMatch(/^ {2}ir\.txt {16}the program$/m);
});
