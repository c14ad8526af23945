/** `f2c-dsl data info`: what is counted, and which source is guessed for a path. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixed, syntheticFaces } from "#dsl/index";
import { histogramOf, infoOf } from "#runtime/cli/data-info";
import { usualOf } from "#runtime/cli/looked-at";
import { sourceAt } from "#runtime/cli/source-at";
import { thrownBy } from "./thrown.js";

const home = mkdtempSync(join(tmpdir(), "f2c-info-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
function file(path: string, head = "x"): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), head, "latin1");
}

describe("a histogram of images an identity", () => {
  test.each([
    [[1], [[1, 1, 1]]],
    [
      [2, 3, 3, 9],
      [
        [2, 3, 3],
        [4, 7, 0],
        [8, 15, 1],
      ],
    ],
    [[], []],
  ])("of %j", (counts, bars) => {
    expect(histogramOf(Int32Array.from(counts)).map((bar) => Object.values(bar))).toEqual(bars);
  });
});

const rows = (count: number) => ({
  broken: [{ position: 1, code: "F2C6104", message: "it is cut off" }],
  content: new BigInt64Array(count),
  size: Int32Array.from({ length: 2 * count }, (_, i) => (i === 2 || i === 3 ? 0 : i < 4 ? 96 : 112)),
  bits: new Uint8Array(count),
  transparent: new Uint8Array(count),
  flat: new Uint8Array(count),
  tint: new Uint8Array(count),
  format: Uint8Array.from({ length: count }, (_, i) => (i === 1 ? 0 : i === 0 ? 2 : 1)),
  channels: Uint8Array.from({ length: count }, (_, i) => (i === 1 ? 0 : i === 0 ? 1 : 3)),
  bytes: BigInt64Array.from({ length: count }, (_, i) => (i === 1 ? 0n : 100n)),
});

test("a set in numbers, with what was found in a sample", () => {
  const { train } = syntheticFaces({ identities: 3, imagesPerIdentity: fixed(4), size: 16 }).open({
    directory: home,
  });
  const names = { length: 12, slice: (first: number) => [`image ${first}`] };
  const sample = { images: Int32Array.of(0, 3, 6, 9), found: rows(4) };
  expect(infoOf("train", { ...train, names }, sample)).toEqual({
    set: "train",
    identities: 3,
    images: 12,
    imagesAnIdentity: {
      least: 4,
      median: 4,
      most: 4,
      mean: 4,
      histogram: [{ least: 4, most: 7, identities: 3 }],
    },
    sample: {
      images: 4,
      sizes: [
        { width: 112, height: 112, images: 2 },
        { width: 96, height: 96, images: 1 },
      ],
      formats: [
        { format: "JPEG colour", images: 2 },
        { format: "PNG grey", images: 1 },
      ],
      bytes: 300,
      broken: [{ file: "image 3", message: "it is cut off" }],
    },
    bytes: 1200,
  });
  expect(usualOf(sample)).toEqual({ size: [112, 112], channels: 3 });
});

test("a size that few have, or that is a camera's, is not taken for all", () => {
  const found = rows(5);
  const sized = (size: readonly number[]) =>
    usualOf({ images: new Int32Array(5), found: { ...found, size: Int32Array.from(size) } }).size;
  expect(sized([96, 80, 0, 0, 96, 80, 96, 80, 5, 5])).toEqual([80, 96]);
  expect(sized([96, 80, 0, 0, 96, 80, 7, 7, 5, 5])).toEqual([112, 112]);
  expect(sized(Array(10).fill(4000))).toEqual([112, 112]);
});

describe("a path", () => {
  file("a.rec", "\x0a\x23\xd7\xce");
  file("list.csv", "x.jpg,0");
  file("npy/images.npy", "\x93NUMPY");
  file("npy/labels.npy", "\x93NUMPY");
  file("bare/images.npy", "\x93NUMPY");
  file("f.npz", "PK\x03\x04");
  file("db/faces/data.mdb", `${"\0".repeat(16)}\xde\xc0\xef\xbe`);
  file("db/faces_kv.txt", "key 0");
  file("db/other.txt", "text");
  file("folder/ann/1.jpg");
  for (const name of ["0001_c1_1.jpg", "0001_c2_2.jpg", "0002_c1_1.jpg"]) file(`market/${name}`);
  for (const name of ["Ann_Lee_1.jpg", "Ann_Lee_2.jpg"]) file(`people/${name}`);
  for (const name of ["a.jpg", "b.jpg"]) file(`odd/${name}`);
  for (const name of ["a.jpg", "labels.csv"]) file(`listed/${name}`);
  const at = (path: string) => join(home, path);
  const size = { size: [112, 96] as const };

  test.each([
    ["a.rec", `recordIO({ path: "${at("a.rec")}", size: [112, 96] })`],
    ["list.csv", `imageList({ list: "${at("list.csv")}", size: [112, 96] })`],
    [
      "npy/images.npy",
      `numpyImages({ images: "${at("npy/images.npy")}", labels: "${at("npy/labels.npy")}", `,
    ],
    ["f.npz", `numpyImages({ images: "${at("f.npz")}", size`],
    ["db/faces", `lmdb({ path: "${at("db/faces")}", labels: "${at("db/faces_kv.txt")}", `],
    ["db/faces/data.mdb", `labels: "${at("db/faces_kv.txt")}"`],
    ["folder", `imageFolder({ root: "${at("folder")}", `],
    ["market", `flatFolder({ root: "${at("market")}", identity: "{identity}_c{camera}_{image}", `],
    ["people", 'identity: "{identity}_{image}"'],
    ["listed", `imageList({ list: "${at("listed/labels.csv")}"`],
  ])("%s is declared as", (path, line) => {
    expect(sourceAt(at(path), {}).declaration(size)).toContain(line);
  });

  test("takes options as --set gives them", () => {
    const { declaration } = sourceAt(at("list.csv"), { label: "2", path: "file", heldOut: "0.1" });
    expect(declaration(size)).toContain('label: 2, path: "file", heldOut: 0.1, size');
    expect(sourceAt(at("odd"), { identity: "{identity}" }).declaration(size)).toContain('"{identity}"');
  });

  test.each([
    ["nowhere", "there is nothing at"],
    ["folder/ann/1.jpg", "is of no kind that a source of images reads"],
    ["odd", "nothing beside it tells the `identity` that flatFolder needs"],
    ["bare/images.npy", "nothing beside it tells the `labels` that numpyImages needs"],
  ])("%s is refused", (path, says) => {
    expect(thrownBy(() => sourceAt(at(path), {}))).toMatchObject({
      code: "F2C2157",
      message: expect.stringContaining(says),
    });
  });
});
