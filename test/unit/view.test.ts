/** What protocols that want images of one source see of its matrix: their own rows, in their own numbers. */
import { expect, test } from "vitest";
import type { HostedMatrix } from "#runtime/evaluate/evaluated-program";
import { WantedImages } from "#runtime/evaluate/view";

/** A matrix that says what it was asked. */
function matrix(asked: unknown[]): HostedMatrix {
  const plain = (value: unknown) => (ArrayBuffer.isView(value) ? [...(value as Int32Array)] : value);
  const heard = <T>(answer: T, kind: string, ...given: unknown[]): Promise<T> => {
    asked.push([kind, ...given.map(plain)]);
    return Promise.resolve(answer);
  };
  const nothing = { positions: new Int32Array(0), scores: new Float64Array(0) };
  const self: HostedMatrix = {
    rows: async (_first, count) => new Float32Array(count),
    width: 8,
    cosines: (pairs) => heard(new Float64Array(pairs.length / 2), "cosines", pairs),
    topK: (queries, _, among, k) => heard(nothing, "topK", queries, among, k),
    means: (groups, count) => heard(matrix(asked), "means", groups, count),
    sums: (count, { rows, into, weights }) => heard(matrix(asked), "sums", count, rows, into, weights),
    highest: (queries, _, among, k) => heard(new Float64Array(k), "highest", queries, among, k),
    release: async () => {},
  };
  return self;
}

test("rows of a protocol are translated to those of the matrix, and back", async () => {
  const [first, second] = [Int32Array.of(4, 9), Int32Array.of(9, 2, 7)];
  const wanted = new WantedImages([first, second]);
  expect([...wanted.images]).toEqual([4, 9, 2, 7]);
  const [asked, made]: [unknown[], HostedMatrix[]] = [[], []];
  const embedded = { matrix: matrix(asked), broken: Int32Array.of(0, 3) };
  const view = wanted.viewOf(second, embedded, made);
  expect([view.count, view.width, ...view.broken]).toEqual([3, 8, 2]);
  await view.cosines(Int32Array.of(0, 2));
  await view.highest(Int32Array.of(1), Int32Array.of(0, 2), 2);
  const parts = {
    rows: Int32Array.of(2, 2, 1),
    into: Int32Array.of(0, 1, 1),
    weights: Float64Array.of(1, 2, 3),
  };
  const sums = await view.sums(2, parts);
  expect([sums.count, sums.width, made.length]).toEqual([2, 8, 1]);
  await sums.cosines(Int32Array.of(1, 0));
  await view.highest(Int32Array.of(0), sums, 1);
  const some = view.some(Int32Array.of(2, 0));
  expect(some.count).toBe(2);
  await sums.topK(Int32Array.of(1), some, 1);
  await view.topK(Int32Array.of(0), sums, 1);
  await (await view.means(Int32Array.of(0, -1, 0))).cosines(Int32Array.of(0, 0));
  expect(asked).toEqual([
    ["cosines", [1, 3]],
    ["highest", [2], [1, 3], 2],
    ["sums", 2, [3, 3, 2], [0, 1, 1], [1, 2, 3]],
    ["cosines", [1, 0]],
    ["highest", [1], [0, 1], 1],
    ["topK", [1], [3, 1], 1],
    ["topK", [1], [0, 1], 1],
    ["means", [-1, 0, -1, 0], 1],
    ["cosines", [0, 0]],
  ]);
  expect(made).toHaveLength(2);
});
