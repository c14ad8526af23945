import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cli, metrics, tiny } from "./cli.js";

const base = mkdtempSync(join(tmpdir(), "f2c-data-check-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const SIDE = 32;
/** Several commands a test, each of which starts torch. */
const PATIENCE = 240_000;
let made = 0;

/** 12 people with 4 pictures each, all different. */
function photographs(): string {
  const root = join(base, `people-${made++}`);
  for (let person = 0; person < 12; person++) {
    mkdirSync(join(root, `p${person}`), { recursive: true });
    for (let i = 0; i < 4; i++) {
      const pixels = Array.from({ length: SIDE * SIDE }, (_, k) => (k * (7 + i) + person * 31) % 256);
      writeFileSync(
        join(root, `p${person}`, `${i}.pgm`),
        Buffer.concat([Buffer.from(`P5 ${SIDE} ${SIDE} 255\n`), Buffer.from(pixels)]),
      );
    }
  }
  return root;
}

/** The fixture experiment, on photographs, and shorter. */
function experiment(root: string, options = ""): string {
  const data = `imageFolder({ root: ${JSON.stringify(root)}, size: ${SIDE}, channels: 1, heldOut: 3, ${options} }),`;
  const text = readFileSync(tiny, "utf8")
    .replace(/syntheticFaces\(\{.*\}\),/, data)
    .replace("steps: 24", "steps: 6")
    .replace("steps(8)", "steps(3)");
  const file = join(base, `exp-${made++}.ts`);
  writeFileSync(file, text.replace("syntheticFaces", "imageFolder"));
  return file;
}

/** An experiment's text with some of the images of its data in the place of all. */
const ofSubset = (text: string, images: readonly number[]) =>
  text
    .replace(/(syntheticFaces|imageFolder)(\(\{.*\}\)),/, `subset($1$2, [${images}]),`)
    .replace(/import \{/, "import { subset,");

/** Of p3 one picture cut off and one that is a web page; one picture under two people and one twice under one. */
function damaged(): string {
  const root = photographs();
  const whole = readFileSync(join(root, "p3/2.pgm"));
  writeFileSync(join(root, "p3/2.pgm"), whole.subarray(0, 300));
  writeFileSync(join(root, "p3/3.pgm"), "<html>404</html>");
  copyFileSync(join(root, "p0/0.pgm"), join(root, "p11/leak.pgm"));
  copyFileSync(join(root, "p1/0.pgm"), join(root, "p1/copy.pgm"));
  writeFileSync(
    join(root, "p2/grey.pgm"),
    Buffer.concat([Buffer.from("P5 9 9 255\n"), Buffer.alloc(81, 90)]),
  );
  return root;
}

describe("f2c-dsl data check", () => {
  test(
    "says of good data that it is good",
    async () => {
      const { code, out, err } = await cli(["data", "check", experiment(photographs())]);
      expect(out).toBe(
        "read 48 images of 12 identities\nnothing broken, doubled or suspicious\n" +
          "evaluate.verification: 18 genuine and 18 impostor pairs; 12 images of 3 people\n",
      );
      expect(err).toBe("");
      expect(code).toBe(0);
    },
    PATIENCE,
  );

  test(
    "lists what is broken, doubled and suspicious, for people and for programs, and into a list",
    async () => {
      const root = damaged();
      const file = experiment(root);
      const list = join(base, "list.txt");
      const { code, out } = await cli(["data", "check", file, "--leave-out", list]);
      expect(code).toBe(1);
      expect(out).toContain(
        [
          "read 51 images of 12 identities",
          "broken: 2",
          "  p3/2.pgm: it is cut off",
          "  p3/3.pgm: it is a web page or XML: <html>404</html>",
          "one picture of several people: 1",
          "  p0/0.pgm = p11/leak.pgm (held out: p11)",
          "one picture several times of one person: 1",
          "  p1/0.pgm = p1/copy.pgm",
          "suspicious: 1 image of one colour",
          "  p2/grey.pgm",
          "suspicious: 1 image smaller than half of the 32 x 32 pixels that training sees",
          "  p2/grey.pgm",
          "",
        ].join("\n"),
      );
      const written = readFileSync(list, "utf8").split("\n");
      expect(written.filter((line) => !line.startsWith("#"))).toEqual(["p3/2.pgm", "p3/3.pgm", ""]);
      expect(written).toContain("# one picture of several people: p0/0.pgm = p11/leak.pgm");

      const json = await cli(["data", "check", file, "--json", "--leave-out", list]);
      expect(json.code).toBe(1);
      expect(JSON.parse(json.out)).toMatchObject({
        images: 51,
        broken: [{ file: "p3/2.pgm", code: "F2C6104" }, { file: "p3/3.pgm" }],
        shared: [{ files: ["p0/0.pgm", "p11/leak.pgm"], people: ["p0", "p11"], heldOut: ["p11"] }],
        repeated: [{ files: ["p1/0.pgm", "p1/copy.pgm"], people: ["p1"] }],
        suspicious: [{ kind: "flat", files: ["p2/grey.pgm"] }, { kind: "tiny" }],
      });
      // What the list says already is not added again.
      expect(readFileSync(list, "utf8").split("\n")).toEqual(written);

      const without = await cli(["data", "check", experiment(root, `leaveOut: "${list}"`)]);
      expect(without.code).toBe(0);
      expect(without.out).toMatch(
        /49 images; skipped 2 left out by .*list\.txt \(p3\/2\.pgm, p3\/3\.pgm\)\n/,
      );
    },
    PATIENCE,
  );

  test(
    "reads what is only evaluated on too, and tells how much of it each protocol has",
    async () => {
      const [root, elsewhere] = [photographs(), damaged()];
      writeFileSync(join(root, "p10/1.pgm"), "");
      const file = experiment(root);
      const other = `imageFolder({ root: ${JSON.stringify(elsewhere)}, size: ${SIDE}, channels: 1 })`;
      const evaluate = `{ own: verification(), other: verification({ data: ${other} }) }`;
      const text = readFileSync(file, "utf8").replace('verification({ pairs: "held-out" })', evaluate);
      writeFileSync(file, text);
      const { code, out } = await cli(["data", "check", file, "--json"]);
      expect(code).toBe(1);
      expect(JSON.parse(out)).toMatchObject({
        images: 48,
        broken: [{ file: "p10/1.pgm" }],
        elsewhere: [{ source: "evaluate.other", images: 51, broken: [{}, {}] }],
        // Both sides are the same drawings, but for what is damaged and what is held out.
        overlaps: expect.arrayContaining([
          { train: ["p4/0.pgm"], evaluated: [{ source: "evaluate.other", file: "p4/0.pgm" }] },
        ]),
        evaluations: [
          { name: "own", broken: 1 },
          { name: "other", broken: 2 },
        ],
      });
    },
    PATIENCE,
  );

  test(
    "reads of a subset the images that are selected, and all that are held out",
    async () => {
      const file = experiment(damaged());
      // Of p0 and p1 all, of p3 the picture that is cut off.
      const images = [...Array(9).keys(), 16];
      writeFileSync(file, ofSubset(readFileSync(file, "utf8"), images));
      const { code, out } = await cli(["data", "check", file]);
      expect(code).toBe(1);
      expect(out).toContain("read 23 images of 6 identities\nbroken: 1\n  p3/2.pgm: it is cut off\n");
      expect(out).toContain("p0/0.pgm = p11/leak.pgm (held out: p11)");
    },
    PATIENCE,
  );

  test(
    "reads of sources that are concatenated what each has",
    async () => {
      const file = experiment(damaged());
      // First of p3 the picture that is cut off, then of p0 and p1 all; 13 images of three people are held out, by each of the two.
      const text = readFileSync(file, "utf8")
        .replace(/imageFolder\(\{.*\}\),/, (folder) => {
          const of = folder.slice(0, -1);
          return `concat(subset(${of}, [16]), subset(${of}, [${[...Array(9).keys()]}])),`;
        })
        .replace(/import \{/, "import { concat, subset,");
      writeFileSync(file, text);
      const { code, out, err } = await cli(["data", "check", file]);
      expect(code, err).toBe(1);
      expect(out).toContain("read 36 images of 9 identities\nbroken: 1\n  p3/2.pgm: it is cut off\n");
    },
    PATIENCE,
  );

  test("has nothing to read of drawn faces, nor of a subset of them", async () => {
    const drawn = await cli(["data", "check", tiny]);
    expect(drawn.out).toMatch(/tiny: its images of synthetic_faces lie in no files/);
    expect(drawn.code).toBe(0);
    const file = join(base, `exp-${made++}.ts`);
    writeFileSync(file, ofSubset(readFileSync(tiny, "utf8"), [0, 1, 2, 3]));
    expect((await cli(["data", "check", file])).out).toMatch(/its images of synthetic_faces lie in no files/);
  });
});

describe('a run with `broken: "skip"`', () => {
  const SKIP = 'broken: "skip"';

  test(
    "shows other images of the same people, says so once, and is resumed to the bit",
    async () => {
      const root = damaged();
      writeFileSync(join(root, "p10/1.pgm"), "");
      const file = experiment(root, SKIP);
      const [whole, parts] = [join(base, "whole"), join(base, "parts")];
      const { code, err } = await cli(["run", file, "--run-dir", whole, "--threads", "1"]);
      expect(code, err).toBe(0);
      // Once for those to train on, once for those held out.
      expect(err.match(/p\d+\/\d.pgm stands in for it/g), err).toHaveLength(2);
      // People of 4, 4 and 5 images make 6 + 6 + 10 pairs of the same person, and as many others; 3 of the first have p10/1.pgm.
      const summary = JSON.parse(readFileSync(join(whole, "summary.json"), "utf8"));
      const { pairs } = summary.results.verification.trained.numbers;
      expect(pairs.value).toBeLessThanOrEqual(2 * 22 - 3);
      await cli(["run", file, "--run-dir", parts, "--threads", "1", "--steps", "3"]);
      const resumed = await cli(["run", file, "--run-dir", parts, "--threads", "1", "--resume"]);
      expect(resumed.code, resumed.err).toBe(0);
      const losses = (run: string) => metrics(run).map(({ step, loss }) => [step, loss]);
      expect(losses(parts)).toEqual(losses(whole));
      expect(losses(whole)).toHaveLength(6);
    },
    PATIENCE,
  );
});
