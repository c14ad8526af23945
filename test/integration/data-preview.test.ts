/** `f2c-dsl data preview`: people as they lie in the source, and the images of a step as the net gets them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cli } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-preview-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = join(folder, "exp.ts");
writeFileSync(
  file,
  `import { blur, crop, dual, experiment, f2c, fixed, flip, loader, mobileFaceNet, plainSoftmax, sgd, syntheticFaces } from "f2c-dsl";
export default experiment({
  name: "preview", lr: 0.1, steps: 2, optimizer: sgd(),
  data: syntheticFaces({ identities: 6, imagesPerIdentity: fixed(4), size: 32 }),
  method: f2c({ net: mobileFaceNet({ embedding: 16, width: 0.25 }), pool: { capacity: 6 }, margin: plainSoftmax() }),
  loader: loader(dual({ identities: 2, instances: 4 }), flip(), crop({ area: 0.3 }), blur({ probability: 1 })),
});
`,
);

/** Width and height of a PNG. */
const sizeOf = (path: string) => {
  const png = readFileSync(path);
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
};

test("a row a person, with names", async () => {
  const out = join(folder, "people.png");
  const { out: said, code } = await cli([
    "data",
    "preview",
    file,
    "--out",
    out,
    "--people",
    "2",
    "--images",
    "3",
  ]);
  expect({ out: said, code }).toEqual({ out: `${out}: 2 people, 3 images each\n`, code: 0 });
  // 32 pixels three times as large, a gap of 2, and 13 for a name.
  expect(sizeOf(out)).toEqual([3 * 96 + 4 * 2, 2 * (96 + 13) + 3 * 2]);
});

test("a step: every image of both streams, and not as it lies in the source", async () => {
  const out = join(folder, "step.png");
  const preview = (step: string) =>
    cli(["data", "preview", file, "--out", out, "--step", step, "--images", "4"]);
  expect(await preview("0")).toMatchObject({
    out: `${out}: step 0, 8 images as the net gets them, streams x, y\n`,
    code: 0,
  });
  expect(sizeOf(out)).toEqual([4 * 96 + 5 * 2, 2 * (96 + 13) + 3 * 2]);
  const first = readFileSync(out);
  await preview("0");
  expect(readFileSync(out).equals(first)).toBe(true);
  await preview("1");
  expect(readFileSync(out).equals(first)).toBe(false);
});

test("a step is a whole number from 0 up", async () => {
  const { err, code } = await cli(["data", "preview", file, "--step", "-1"]);
  expect(code).toBe(2);
  expect(err).toContain("--step must be a whole number from 0 up");
});
