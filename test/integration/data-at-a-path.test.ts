/** The commands of `f2c-dsl data` on files at a path: what they are is guessed, and the host reads them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cli } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-at-a-path-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const [WIDE, HIGH] = [20, 24];
/** Several commands, each of which starts torch. */
const PATIENCE = 240_000;

/** A list of three people with two pictures each, in colour; the last is cut off. */
mkdirSync(join(home, "images"));
const names = Array.from({ length: 6 }, (_, i) => `images/${i}.ppm`);
names.forEach((name, i) => {
  const pixels = Buffer.from(Array.from({ length: 3 * WIDE * HIGH }, (_, k) => (k * (7 + i)) % 256));
  const whole = Buffer.concat([Buffer.from(`P6 ${WIDE} ${HIGH} 255\n`), pixels]);
  writeFileSync(join(home, name), i === 5 ? whole.subarray(0, 200) : whole);
});
const list = join(home, "train.csv");
const people = ["cy", "ann", "bob lee"];
writeFileSync(list, ["file,identity", ...names.map((name, i) => `${name},${people[i % 3]}`)].join("\n"));

test(
  "info counts, looks at a sample, and writes the line that declares it",
  async () => {
    const { code, out, err } = await cli(["data", "info", list]);
    expect(code, err).toBe(0);
    expect(out).toBe(
      [
        `${list}: a list`,
        "3 identities, 6 images",
        "images an identity: 2 to 2, median 2, mean 2.0",
        "  2-3  ######################################## 3",
        "of all:",
        "  sizes: 20 x 24 (5)",
        "  formats: PGM or PPM colour (5)",
        "  broken: 1, images/5.ppm",
        "bytes: 8.7 KB, 1.5 KB an image",
        "",
        `    data: imageList({ list: "${list}", size: [24, 20] }),`,
        "",
      ].join("\n"),
    );
    const json = JSON.parse((await cli(["data", "info", list, "--json", "--size", "16"])).out);
    expect(json).toMatchObject({
      name: list,
      what: "a list",
      declaration: expect.stringContaining("size: [16, 16]"),
      sets: [{ set: "train", identities: 3, sample: { broken: [{ file: "images/5.ppm" }] } }],
    });
  },
  PATIENCE,
);

test(
  "check and preview take it like an experiment",
  async () => {
    const checked = await cli(["data", "check", list, "--json"]);
    expect(checked.code).toBe(1);
    expect(JSON.parse(checked.out)).toMatchObject({
      images: 6,
      identities: 3,
      broken: [{ file: "images/5.ppm", code: "F2C6104" }],
      overlaps: [],
    });
    const out = join(home, "people.png");
    const drawn = await cli(["data", "preview", list, "--out", out, "--people", "1", "--images", "2"]);
    expect(drawn).toMatchObject({ code: 0, out: `${out}: 1 person, 2 images each\n` });
    expect(readFileSync(out).subarray(1, 4).toString()).toBe("PNG");
  },
  PATIENCE,
);

test.each([
  [["info", "nowhere"], "F2C2157", 1],
  [["info", "x.csv", "--size", "9x9"], "--size 9x9 is no height and width", 2],
  [["preview", list, "--step", "0"], "--step is of an experiment", 2],
])("%j is refused", async (args, says, exit) => {
  const { code, err } = await cli(["data", ...args]);
  expect(err).toContain(says);
  expect(code).toBe(exit);
});
