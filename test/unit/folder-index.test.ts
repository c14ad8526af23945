/** The index of a folder is made once, and anew whenever what it was made from may have changed. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ImageFolderOptions, imageFolder } from "#dsl/data/image-folder";
import { ImageIndex, IndexWriter } from "#dsl/data/index-file";

const base = mkdtempSync(join(tmpdir(), "f2c-indexed-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const [root, cache] = [join(base, "faces"), join(base, "cache")];
beforeAll(() => {
  mkdirSync(cache);
  for (const person of ["ann", "bob", "cy"]) {
    mkdirSync(join(root, person, "clip"), { recursive: true });
    for (const file of ["0.jpg", "1.jpg", "clip/2.jpg"]) writeFileSync(join(root, person, file), "");
  }
});

function opened(options: Partial<ImageFolderOptions> = {}) {
  const { train, heldOut } = imageFolder({ root, size: 16, ...options }).open({ directory: base, cache });
  const { index, indexId } = train.spec as { index: string; indexId: string };
  return { index, id: indexId, names: train.names!.slice(0, train.names!.length), train, heldOut };
}

describe("an index", () => {
  test("of a folder that has just changed is not trusted: a file system may give two changes one time", () => {
    const writtenAt = ({ index }: { index: string }) => statSync(index, { bigint: true }).mtimeNs;
    const first = opened();
    const before = writtenAt(first);
    expect(first.names).toHaveLength(6);
    const again = opened();
    expect(writtenAt(again)).not.toBe(before);
    // It holds the same, so whoever was told of the first may read this one: a source may be opened twice.
    expect(again).toMatchObject({ index: first.index, id: first.id });
  });

  test("of a folder at rest is kept, until a file comes, goes or gets another name", async () => {
    await pause(2500);
    const first = opened();
    expect(opened()).toMatchObject({ index: first.index, id: first.id, names: first.names });
    for (const change of [
      () => writeFileSync(join(root, "bob/3.jpg"), ""),
      () => renameSync(join(root, "bob/3.jpg"), join(root, "bob/4.jpg")),
      () => rmSync(join(root, "bob/4.jpg")),
      () => renameSync(join(root, "cy"), join(root, "dan")),
      () => renameSync(join(root, "dan"), join(root, "cy")),
    ]) {
      const before = opened();
      change();
      expect(opened().id).not.toBe(before.id);
    }
    expect(opened().names).toEqual(first.names);
  });

  test("is another one for other options, and for another list of what is left out", () => {
    writeFileSync(join(base, "left.txt"), "ann/0.jpg\n");
    const all = [opened(), opened({ subfolders: true }), opened({ leaveOut: "left.txt" })];
    expect(all.map(({ names }) => names.length)).toEqual([6, 9, 5]);
    writeFileSync(join(base, "left.txt"), "ann\n");
    all.push(opened({ leaveOut: "left.txt" }));
    expect(all[3]!.names).toHaveLength(4);
    expect(new Set(all.map(({ index }) => index)).size).toBe(4);
  });

  test("is made anew where the kept one is cut off or is no index", () => {
    for (const content of ["", "x".repeat(100), "\x08\0\0\0\0\0\0\0{}      "]) {
      writeFileSync(opened().index, content);
      expect(opened().names).toHaveLength(6);
    }
  });

  test("leaves nothing behind where the folder is refused", () => {
    mkdirSync(join(base, "empty"));
    const before = readdirSync(cache);
    expect(() => opened({ root: join(base, "empty") })).toThrow(expect.objectContaining({ code: "F2C2206" }));
    expect(readdirSync(cache)).toEqual(before);
  });

  test("lies in a temporary folder where nothing is kept", () => {
    const { train } = imageFolder({ root, size: 16 }).open({ directory: base });
    expect(existsSync(train.spec.index as string)).toBe(true);
    expect(readdirSync(cache)).not.toContain(train.spec.index);
  });
});

test("identities that are held out are parts of one index, and each part numbers its own images", () => {
  const { train, heldOut, names } = opened({ heldOut: ["bob"] });
  expect([train.spec.people, heldOut.spec.people]).toEqual([
    [
      [0, 1],
      [2, 3],
    ],
    [[1, 2]],
  ]);
  expect([...train.offsets]).toEqual([0, 2, 4]);
  expect(names).toEqual(["ann/0.jpg", "ann/1.jpg", "cy/0.jpg", "cy/1.jpg"]);
  expect(train.names!.slice(1, 3)).toEqual(["ann/1.jpg", "cy/0.jpg"]);
  expect(heldOut.names!.slice(0, 2)).toEqual(["bob/0.jpg", "bob/1.jpg"]);
});

test("an index holds more names than are written at once", () => {
  const path = join(base, "large.index");
  const writer = new IndexWriter(path);
  const name = (person: number, i: number) => `${"long".repeat(10)}-${person}-${i}.jpg`;
  for (let person = 0; person < 300; person++)
    writer.identity(
      Buffer.from(`p${person}`),
      Array.from({ length: 100 }, (_, i) => Buffer.from(name(person, i))),
    );
  writer.finish({});
  const index = ImageIndex.open(path);
  expect(index.images).toBe(30_000);
  expect(index.names(12_345, 12_347)).toEqual([`p123/${name(123, 45)}`, `p123/${name(123, 46)}`]);
  expect(index.names(29_999, 30_000)).toEqual([`p299/${name(299, 99)}`]);
  expect(index.identities.slice(298, 300)).toEqual(["p298", "p299"]);
  index.close();
});
