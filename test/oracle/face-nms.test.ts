/**
 * Face-NMS in the host against the paper's algorithm in Python, an image after the other. Rows have entries 0, 1/2 and -1/2, four of them
 * not 0: lengths, cosines and scores are exact in f32, so that ties are ties on both sides.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ANSWERED, type Call, type Driver, faceNms, offsetsOf, randomUnit } from "#dsl/index";
import { groupsOf } from "#dsl/stages/face-nms";
import { requirePython } from "#runtime/bridge/python-environment";
import { readSafetensors } from "#runtime/run/safetensors";
import { cli, stageFolder } from "../integration/cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-face-nms-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const LENGTH = 16;
// Every size from one image up, some often: groups of 2, 3, 4, 6, 8, 12, 16 and 24 places.
const COUNTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17, 1, 2, 2, 3, 5, 5, 6, 11, 16, 1, 4, 4, 24, 2, 3];
const KEEP = 0.6;
const THRESHOLDS = [0.5, 0.25, -1, 1];

let drawings = 0;
const random = () => randomUnit(5, 0, drawings++);
function drawn(): number[] {
  const row = new Array<number>(LENGTH).fill(0);
  for (let set = 0; set < 4; ) {
    const at = Math.floor(random() * 7); // few places: many ties
    if (row[at] !== 0) continue;
    row[at] = random() < 0.8 ? 0.5 : -0.5;
    set++;
  }
  return row;
}
const offsets = [0];
const rows: number[][] = [];
for (const count of COUNTS) {
  for (let i = 0; i < count; i++) rows.push(i > 0 && random() < 0.2 ? rows.at(-1)! : drawn());
  offsets.push(rows.length);
}

/** Rows as a file, and as data: what `embed` leaves. */
function writeRows(path: string): void {
  const data = Float32Array.from(rows.flat());
  const header = JSON.stringify({
    rows: { dtype: "F32", shape: [rows.length, LENGTH], data_offsets: [0, data.byteLength] },
  });
  const padded = header.padEnd(header.length + (-header.length & 7));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(path, Buffer.concat([length, Buffer.from(padded), Buffer.from(data.buffer)]));
}

const study = (path: string) => `
import { type DataSource, faceNms, study } from "f2c-dsl";
const set = (offsets: Int32Array) => ({
  spec: { kind: "matrix", path: ${JSON.stringify(path)}, tensor: "rows", first: 0, rows: offsets.at(-1)! },
  offsets, shape: [${LENGTH}, 1, 1] as const, dtype: "f32" as const, buffers: {},
});
const features: DataSource = { kind: "matrix", open: () => ({ train: set(Int32Array.from(${JSON.stringify(offsets)})), heldOut: set(new Int32Array(1)) }) };
const device = "cpu";
export default study({
${THRESHOLDS.map((threshold, i) => `  at${i}: faceNms({ features, threshold: ${threshold}, device }),`).join("\n")}
  share: faceNms({ features, keep: ${KEEP}, device, checkpoint: 3 }),
});
`;

interface Found {
  readonly images: readonly number[];
  readonly numbers: {
    readonly threshold: number;
    readonly kept: number;
    readonly images: number;
    readonly share: number;
  };
}
let found: (stage: string) => Found;

beforeAll(async () => {
  const [file, root] = [join(home, "study.ts"), join(home, "made")];
  writeRows(join(home, "rows.safetensors"));
  writeFileSync(file, study(join(home, "rows.safetensors")));
  const done = await cli(["run", file, "--run-dir", root]);
  expect(done.code, done.err).toBe(0);
  found = (stage) => {
    const folder = stageFolder(root, stage)!;
    return {
      images: [...(readSafetensors(join(folder, "result.safetensors")).images as Int32Array)],
      numbers: JSON.parse(readFileSync(join(folder, "result.json"), "utf8")),
    };
  };
}, 300_000);

/** What the paper's algorithm keeps, at each threshold. */
function paper(thresholds: readonly number[]): readonly (readonly number[])[] {
  const script = new URL("face_nms.py", import.meta.url).pathname;
  const input = JSON.stringify({ rows, offsets, thresholds });
  const { stdout, stderr } = spawnSync(requirePython(), [script], { input, encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

test("keeps the images that the paper's algorithm keeps, with ties and duplicates", () => {
  const wanted = paper(THRESHOLDS);
  for (const [i, threshold] of THRESHOLDS.entries()) {
    const { images, numbers } = found(`at${i}`);
    expect(images, `threshold ${threshold}`).toEqual(wanted[i]);
    expect(numbers).toEqual({
      threshold,
      kept: images.length,
      images: rows.length,
      share: images.length / rows.length,
    });
  }
  // The sets are what they are meant to be: something goes at each, and at 1 the duplicates do.
  expect(new Set(wanted.map((images) => images.length)).size).toBe(THRESHOLDS.length);
  expect(wanted[2]).toHaveLength(COUNTS.length);
});

test("the share that is asked for is reached as nearly as any threshold reaches it", () => {
  const { images, numbers } = found("share");
  expect(images).toEqual(paper([numbers.threshold])[0]);
  // Cosines are multiples of 1/4: between two of them nothing changes.
  const kept = paper(Array.from({ length: 9 }, (_, i) => -1 + i / 4)).map(({ length }) => length);
  const distance = (count: number) => Math.abs(count - KEEP * rows.length);
  expect(distance(images.length)).toBe(Math.min(...kept.map(distance)));
});

test("an identity's only image is kept, whatever the threshold", () => {
  const alone = COUNTS.flatMap((count, i) => (count === 1 ? [offsets[i]!] : []));
  for (const stage of ["at0", "at2", "share"])
    expect(found(stage).images).toEqual(expect.arrayContaining(alone));
});

describe("groups of identities", () => {
  test("leave at most a third of their places empty, and take every identity of two images or more once", () => {
    const counts = Array.from({ length: 700 }, (_, i) => 1 + (i % 350));
    const all = offsetsOf(Int32Array.from(counts));
    const groups = groupsOf(all);
    for (const { places, identities } of groups) {
      expect(places * identities.length).toBeLessThanOrEqual(Math.max(4096, places));
      for (const identity of identities)
        expect(counts[identity]! / places).toBeGreaterThanOrEqual(2 / 3 - 1e-9);
    }
    const taken = groups.flatMap(({ identities }) => identities).sort((a, b) => a - b);
    expect(taken).toEqual(counts.flatMap((count, i) => (count > 1 ? [i] : [])));
  });
});

test("a driver that is restored between two calls goes on as the one that was saved", () => {
  const { open } = faceNms({ features: undefined as never, keep: KEEP })[ANSWERED];
  const { driver } = open({ offsets: Int32Array.from(offsets), shape: [LENGTH, 1, 1] });
  /** What a host might say: the more the higher the threshold. */
  const answer = (call: Call) => {
    const { thresholds, counts } = call.plan as { thresholds: Float32Array; counts: Int32Array };
    const images = counts.reduce((a, b) => a + b);
    const kept = Uint8Array.from(call.rows, (row) => row % 2);
    call.answer({ kept, counts: thresholds.map((t) => Math.round((images * (1 + t)) / 2)) } as never);
  };
  /** The calls until the end, with all that they are given; each answered at once. */
  const calls = (of: Driver, most = Number.POSITIVE_INFINITY): string[] => {
    const made: string[] = [];
    for (let call = of.next(); made.length < most && call !== "done"; call = of.next()) {
      if (call === "wait") throw new Error("every call is answered");
      made.push(JSON.stringify([[...call.rows], call.plan, call.wants]));
      answer(call);
      if (made.length === most) break;
    }
    return made;
  };
  const through = driver();
  const all = calls(through);
  expect(all.length).toBeGreaterThan(20);
  for (const cut of [1, 8, 13, all.length - 3]) {
    const [before, after] = [driver(), driver()];
    expect(calls(before, cut)).toEqual(all.slice(0, cut));
    after.restore(structuredClone(before.state()));
    expect(calls(after)).toEqual(all.slice(cut));
    expect(after.result()).toEqual(through.result());
  }
});

test.each([
  [{}, "F2C2135", "give one of `threshold` and `keep`"],
  [{ threshold: 0.5, keep: 0.5 }, "F2C2135", "give one of `threshold` and `keep`"],
  [{ threshold: 1.5 }, "F2C2113", "`threshold` is 1.5"],
  [{ keep: 0 }, "F2C2113", "`keep` is 0"],
])("faceNms(%j) is refused", (given, code, message) => {
  expect(() => faceNms({ features: undefined as never, ...given })).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});
