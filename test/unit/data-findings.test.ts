import { expect, test } from "vitest";
import { withoutBroken } from "#dsl/evaluate/broken-pairs";
import { findingsOf, overlapsOf } from "#runtime/cli/data-findings";
import type { Inspected } from "#runtime/stages/host-session";

const [WIDE, HIGH] = [40, 30];

interface Row {
  readonly content: bigint;
  readonly size?: readonly [number, number];
  readonly bits?: number;
  readonly tint?: number;
  readonly flat?: boolean;
}

/** Images of a source, two an identity, as the host found them. */
function part(name: string, rows: readonly Row[], options: object = {}, broken: Inspected["broken"] = []) {
  const files = rows.map((_, i) => `${name}${Math.floor(i / 2)}/${i}.png`);
  return {
    heldOut: name === "held",
    catalogue: {
      spec: { kind: "image_folder", ...options },
      names: files,
      offsets: Int32Array.from({ length: rows.length / 2 + 1 }, (_, i) => 2 * i),
      shape: [3, HIGH, WIDE] as const,
      buffers: {},
    },
    found: {
      broken,
      content: BigInt64Array.from(rows, (r) => r.content),
      size: Int32Array.from(rows.flatMap((r) => r.size ?? [WIDE, HIGH])),
      bits: Uint8Array.from(rows, (r) => r.bits ?? 0),
      transparent: new Uint8Array(rows.length),
      flat: Uint8Array.from(rows, (r) => Number(r.flat ?? false)),
      tint: Uint8Array.from(rows, (r) => r.tint ?? 0),
      format: new Uint8Array(rows.length).fill(2),
      channels: new Uint8Array(rows.length).fill(3),
      bytes: new BigInt64Array(rows.length).fill(1000n),
    },
  };
}
const different = (count: number, change: (i: number) => Partial<Row> = () => ({})): Row[] =>
  Array.from({ length: count }, (_, i) => ({ content: BigInt(i), ...change(i) }));

test("the same picture is found within a person, between people, and on both sides of what is held out", () => {
  const { shared, repeated } = findingsOf([
    part("p", [{ content: -7n }, { content: -7n }, { content: 3n }, { content: 4n }]),
    part("held", [{ content: 4n }, { content: 9n }]),
  ]);
  expect(repeated).toEqual([{ files: ["p0/0.png", "p0/1.png"], people: ["p0"], heldOut: [] }]);
  expect(shared).toEqual([
    { files: ["p1/3.png", "held0/0.png"], people: ["p1", "held0"], heldOut: ["held0"] },
  ]);
});

test("a set of pairs does not say who is on its images: one picture in several pairs is none of several people", () => {
  const { catalogue, ...found } = part("lfw", [
    { content: 4n },
    { content: 5n },
    { content: 4n },
    { content: 6n },
  ]);
  const pairs = { positions: Int32Array.of(0, 1, 2, 3), same: Uint8Array.of(1, 0) };
  const { shared, repeated } = findingsOf([{ ...found, catalogue: { ...catalogue, pairs } }]);
  expect([shared, repeated]).toEqual([[], []]);
});

test("what is trained on and evaluated on elsewhere is found, once a picture, with its names on both sides", () => {
  const parts = new Map([
    ["train", part("p", [{ content: 1n }, { content: 2n }, { content: 2n }, { content: 3n }])],
    ["held-out", part("held", [{ content: 1n }, { content: 8n }])],
    ["evaluate.lfw", part("l", [{ content: 2n }, { content: 3n }, { content: 9n }, { content: 9n }])],
    ["evaluate.own", part("o", [{ content: 3n, flat: true }, { content: 2n }])],
  ]);
  expect(overlapsOf(parts)).toEqual([
    {
      train: ["p0/1.png", "p1/2.png"],
      evaluated: [
        { source: "evaluate.lfw", file: "l0/0.png" },
        { source: "evaluate.own", file: "o0/1.png" },
      ],
    },
    { train: ["p1/3.png"], evaluated: [{ source: "evaluate.lfw", file: "l0/1.png" }] },
  ]);
});

test("broken pictures and those of one colour are alike without being the same", () => {
  const rows = [{ content: 0n }, { content: 0n }, { content: 5n, flat: true }, { content: 5n, flat: true }];
  const broken = [0, 1].map((position) => ({ position, code: "F2C6104", message: "gone" }));
  const found = findingsOf([part("p", rows, {}, broken)]);
  expect([found.shared, found.repeated]).toEqual([[], []]);
  expect(found.broken.map((b) => b.file)).toEqual(["p0/0.png", "p0/1.png"]);
  expect(found.suspicious.map((s) => [s.kind, s.files])).toEqual([["flat", ["p1/2.png", "p1/3.png"]]]);
});

test("sizes far from what training sees are suspicious", () => {
  const sizes = [
    [19, 30],
    [20, 15],
    [40, 14],
    [4000, 4001],
    [4000, 4000],
    [40, 30],
  ] as const;
  const { suspicious } = findingsOf([
    part(
      "p",
      different(6, (i) => ({ size: sizes[i]! })),
    ),
  ]);
  expect(suspicious.map((s) => [s.kind, s.files])).toEqual([
    ["tiny", ["p0/0.png", "p1/2.png"]],
    ["huge", ["p1/3.png"]],
  ]);
});

test("a scale that was guessed is told of, with the option that says it; one that was given only when it is too small", () => {
  const filled = [9, 11, 12, 0];
  const rows = different(4, (i) => ({ bits: filled[i]! }));
  const [guessed] = findingsOf([part("p", rows)]).suspicious;
  expect(guessed).toMatchObject({ kind: "bits", message: expect.stringMatching(/^3 images.*`bits: 12`/) });
  expect(findingsOf([part("p", rows, { bits: 12 })]).suspicious).toEqual([]);
  expect(findingsOf([part("p", rows, { bits: 11 })]).suspicious).toMatchObject([{ files: ["p1/2.png"] }]);
  expect(
    findingsOf([
      part(
        "p",
        different(4, () => ({ bits: 16 })),
      ),
    ]).suspicious,
  ).toEqual([]);
});

test("channels are thought swapped where nearly all colour pictures are bluer than red", () => {
  const tints = (blue: number) => different(10, (i) => ({ tint: i < blue ? 2 : 1 }));
  const kinds = (blue: number, options = {}) =>
    findingsOf([part("p", tints(blue), options)]).suspicious.map((s) => s.message);
  expect(kinds(7)).toEqual([]);
  expect(kinds(8)).toEqual([expect.stringMatching(/^8 images .* of 10 in colour.*channelOrder: "bgr"/)]);
  expect(kinds(8, { channelOrder: "bgr" })).toEqual([expect.stringMatching(/channelOrder: "rgb"/)]);
});

test("pairs with a broken image are left out, the others keep their order", () => {
  const pairs = {
    images: Int32Array.of(10, 11, 12, 13),
    positions: Int32Array.of(0, 1, 1, 2, 2, 3, 0, 3),
    same: Uint8Array.of(1, 0, 1, 0),
  };
  const similarity = Float64Array.of(0.1, 0.2, 0.3, 0.4);
  expect(withoutBroken(pairs, similarity, Int32Array.of(2))).toEqual({
    similarity: Float64Array.of(0.1, 0.4),
    same: Uint8Array.of(1, 0),
  });
  expect(withoutBroken(pairs, similarity, new Int32Array()).similarity).toBe(similarity);
});
