/** Matrices with names, as files for others: their bytes, and that they are whole or absent. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Names } from "#dsl/index";
import { embeddedRows } from "#runtime/evaluate/embedded-rows";
import type { EvaluatedProgram, HostedMatrix, Wanted } from "#runtime/evaluate/evaluated-program";
import { MatrixFile, type MatrixShape } from "#runtime/run/matrix-file";

const home = mkdtempSync(join(tmpdir(), "f2c-matrix-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
let folder = home;
beforeEach(() => {
  folder = mkdtempSync(join(home, "one-"));
});

const namesOf = (...names: string[]): Names => ({
  length: names.length,
  slice: (first, end) => names.slice(first, end),
});
const shape = (names: Names): MatrixShape => ({
  rows: names.length,
  columns: 2,
  names,
  identities: Int32Array.from({ length: names.length }, (_, i) => i >> 1),
  about: { net: "net.onnx" },
});

describe("a matrix with names", () => {
  test("in safetensors is all in one file", () => {
    const path = join(folder, "faces.safetensors");
    const file = new MatrixFile(path, shape(namesOf("a/1.jpg", "é\n/2.jpg", "b")));
    file.append(Float32Array.of(1, 2, 3, 4));
    expect(existsSync(path)).toBe(false);
    file.append(Float32Array.of(5, 6));
    expect(file.finish()).toEqual([path]);
    expect(readdirSync(folder)).toEqual(["faces.safetensors"]);
    const bytes = readFileSync(path);
    const size = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + size).toString());
    const data = bytes.subarray(8 + size);
    const part = (name: string) => data.subarray(...(header[name].data_offsets as [number, number]));
    expect(header.__metadata__).toEqual({ net: "net.onnx" });
    expect(header.embeddings).toMatchObject({ dtype: "F32", shape: [3, 2] });
    expect([1, 2, 3, 4, 5, 6].map((_, i) => part("embeddings").readFloatLE(4 * i))).toEqual([
      1, 2, 3, 4, 5, 6,
    ]);
    expect([0, 1, 2].map((i) => part("identities").readInt32LE(4 * i))).toEqual([0, 0, 1]);
    // A line feed in a name would be a name more.
    expect(part("names").toString()).toBe("a/1.jpg\né\\n/2.jpg\nb");
    expect(data.byteLength).toBe(header.names.data_offsets[1]);
  });

  test("in numpy's format has its names beside it, and data that begin at a multiple of 64", () => {
    const path = join(folder, "faces.npy");
    const file = new MatrixFile(path, shape(namesOf("a", "b")));
    file.append(Float32Array.of(1, 2, 3, 4));
    expect(file.finish()).toEqual([path, join(folder, "faces.names.txt")]);
    const bytes = readFileSync(path);
    expect(bytes.subarray(0, 8).toString("latin1")).toBe("\x93NUMPY\x01\x00");
    const size = bytes.readUInt16LE(8);
    expect((10 + size) % 64).toBe(0);
    expect(bytes.subarray(10, 10 + size).toString()).toMatch(
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 2\), \} *\n$/,
    );
    expect(bytes.byteLength).toBe(10 + size + 16);
    expect(readFileSync(join(folder, "faces.names.txt"), "utf8")).toBe("a\nb");
  });

  test("that broke off leaves nothing, and the one before it as it was", () => {
    const path = join(folder, "faces.npy");
    const first = new MatrixFile(path, shape(namesOf("a")));
    first.append(Float32Array.of(1, 2));
    first.finish();
    const before = readFileSync(path);
    const broken = new MatrixFile(path, shape(namesOf("a", "b")));
    broken.append(Float32Array.of(9, 9));
    broken.discard();
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(folder).sort()).toEqual(["faces.names.txt", "faces.npy"]);
  });

  test("is never finished short", () => {
    const file = new MatrixFile(join(folder, "faces.npy"), shape(namesOf("a", "b")));
    file.append(Float32Array.of(1, 2));
    expect(() => file.finish()).toThrow("internal: 1 of 2 rows were written");
  });
});

describe("rows of a source", () => {
  const images = { spec: {}, shape: [3, 4, 4], offsets: Int32Array.of(0, 4, 10), buffers: {} } as const;

  /** Row i is [i, 10 i]; image 7 is broken. Tells what it was asked. */
  function numbers(told: string[]): EvaluatedProgram {
    const matrixOf = (wanted: Int32Array): HostedMatrix =>
      ({
        width: 2,
        rows: async (first: number, count: number) =>
          Float32Array.from([...wanted.slice(first, first + count)].flatMap((i) => [i, 10 * i])),
        release: async () => void told.push("release"),
      }) as unknown as HostedMatrix;
    return {
      async embed({ source, function: fn, batch, images: wanted }: Wanted) {
        told.push(`${fn} of ${wanted.length} of ${source} by ${batch}`);
        const broken = Int32Array.from([...wanted.keys()].filter((row) => wanted[row] === 7));
        return { matrix: matrixOf(wanted), broken };
      },
    };
  }

  test("come in order, in pieces of whole batches, and the host keeps one piece", async () => {
    const told: string[] = [];
    const found: number[] = [];
    const broken: number[] = [];
    const asked = { function: "infer", batch: 2 };
    for await (const piece of embeddedRows(numbers(told), { source: "train", images }, asked, 5)) {
      for await (const rows of piece.rows()) found.push(...rows);
      broken.push(...piece.broken);
    }
    expect(found).toEqual(Array.from({ length: 10 }, (_, i) => [i, 10 * i]).flat());
    expect(broken).toEqual([7]);
    const [four, two] = ["infer of 4 of train by 2", "infer of 2 of train by 2"];
    expect(told).toEqual([four, "release", four, "release", two, "release"]);
  });

  test("of a piece that is not read to its end are let go", async () => {
    const told: string[] = [];
    const asked = { function: "infer", batch: 2 };
    for await (const _ of embeddedRows(numbers(told), { source: "train", images }, asked, 4)) break;
    expect(told).toEqual(["infer of 4 of train by 2", "release"]);
  });
});
