/**
 * What is said of the large nets of papers before they run: their sizes, and their multiply-adds by the counts of the papers, or of their
 * authors' counters, for an image of 112 x 112 pixels.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileExperiment, loadExperiment } from "#compiler/index";
import { facts } from "#runtime/stages/facts";

const folder = mkdtempSync(join(tmpdir(), "f2c-nets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function said(net: string): string {
  const file = join(folder, "net.ts");
  writeFileSync(
    file,
    `import { adamw, arcFace, experiment, fixed, identities, iresnet, mixFaceNet, partialFc, syntheticFaces, varGFaceNet, vit } from "f2c-dsl";
export default experiment({
  name: "net",
  data: syntheticFaces({ identities: 20, imagesPerIdentity: fixed(4), size: 112, heldOut: { identities: 0, images: 0 } }),
  method: partialFc({ net: ${net}, margin: arcFace(), share: 0.5 }),
  loader: identities({ identities: 4, each: 2 }),
  optimizer: adamw({ weightDecay: 0.1 }), lr: 1e-3, steps: 3,
});`,
  );
  return facts(compileExperiment(loadExperiment(file)).module)[0]!;
}

test.each([
  [
    'vit("tiny")',
    "19,137,792 parameters, 1.5049 G multiply-adds an image (linear 1.3685 G, scaled_dot_product_attention 127.40 M, conv2d 8.96 M)",
  ],
  [
    'vit("small")',
    "76,023,296 parameters, 5.7465 G multiply-adds an image (linear 5.4738 G, scaled_dot_product_attention 254.80 M, conv2d 17.92 M)",
  ],
  [
    'vit("base")',
    "113,833,472 parameters, 11.4372 G multiply-adds an image (linear 10.9096 G, scaled_dot_product_attention 509.61 M, conv2d 17.92 M)",
  ],
  [
    'vit("large")',
    "255,684,352 parameters, 25.3378 G multiply-adds an image (linear 24.5465 G, scaled_dot_product_attention 764.41 M, conv2d 26.87 M)",
  ],
  ["iresnet(50)", "43,590,848 parameters, 6.3093 G multiply-adds an image (conv2d 6.2965 G, linear 12.85 M)"],
  [
    "iresnet(200)",
    "118,833,920 parameters, 23.4189 G multiply-adds an image (conv2d 23.4061 G, linear 12.85 M)",
  ],
  ["varGFaceNet()", "5,198,292 parameters, 512.59 M multiply-adds an image (conv2d 512.33 M, linear 0.26 M)"],
  ['mixFaceNet("xs", { shuffle: true })', "1,040,866 parameters, 76.56 M multiply-adds an image (conv2d)"],
  ['mixFaceNet("s")', "3,073,110 parameters, 218.14 M multiply-adds an image (conv2d)"],
  ['mixFaceNet("m")', "3,953,046 parameters, 303.39 M multiply-adds an image (conv2d)"],
])("%s: %s", { timeout: 120_000 }, (net, words) => {
  expect(said(net)).toBe(`net: ${words}`);
});
