/** People under other names: who becomes one, where, with which images; and names that a file holds. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { heldOutOf } from "#dsl/data/held-out";
import {
  type Catalogue,
  concat,
  type DataSource,
  fixed,
  maxImages,
  offsetsOf,
  pickIdentities,
  type Relabelling,
  relabel,
  syntheticFaces,
} from "#dsl/index";
import { personOf } from "#dsl/method/source";
import { thrownBy } from "./thrown.js";

const home = mkdtempSync(join(tmpdir(), "f2c-relabel-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const context = { directory: home };
function file(text: string): string {
  writeFileSync(join(home, "names.txt"), text);
  return "names.txt";
}

/** People with so many images each; an image is called by its person and its number in the set. */
function setOf(people: Readonly<Record<string, number>>): Catalogue {
  const { train } = syntheticFaces({ identities: 1, imagesPerIdentity: fixed(1), size: 16 }).open(context);
  const names = Object.entries(people).flatMap(([name, count]) => Array(count).fill(name));
  return {
    ...train,
    spec: { kind: "image_folder", root: "faces" },
    offsets: offsetsOf(Int32Array.from(Object.values(people))),
    names: { length: names.length, slice: (a, b) => names.slice(a, b).map((name, i) => `${name}/${a + i}`) },
    digests: (first, end) =>
      Buffer.from(Array.from({ length: 8 * (end - first) }, (_, i) => first + (i >> 3))),
  };
}
const source: DataSource = {
  kind: "image_folder",
  open: () => ({ train: setOf({ a: 1, b: 2, c: 2, d: 1 }), heldOut: setOf({ x: 2, y: 1 }) }),
};

const peopleOf = (set: Catalogue) =>
  Array.from({ length: set.offsets.length - 1 }, (_, i) => [
    personOf(set, i),
    ...set.names!.slice(set.offsets[i]!, set.offsets[i + 1]!),
  ]);
const opened = (names: Relabelling, of = source) => relabel(of, names).open(context);

describe("people under other names", () => {
  test("become one where the first stands, with the images of all in their order", () => {
    const { train, heldOut } = opened({ d: "b", y: "z" });
    expect(peopleOf(train)).toEqual([
      ["a", "a/0"],
      ["b", "b/1", "b/2", "d/5"],
      ["c", "c/3", "c/4"],
    ]);
    expect([...train.buffers.subset!]).toEqual([0, 1, 2, 5, 3, 4]);
    expect(train.spec).toMatchObject({ kind: "subset", of: "image_folder" });
    const merged = createHash("sha256").update(
      Buffer.alloc(16, Buffer.from("\x01".repeat(8) + "\x03".repeat(8))),
    );
    expect([...train.digests!(0, 3)]).toEqual([
      ...Array(8).fill(0),
      ...merged.digest().subarray(0, 8),
      ...Array(8).fill(2),
    ]);
    expect(peopleOf(heldOut)).toEqual([
      ["x", "x/0", "x/1"],
      ["z", "y/2"],
    ]);
  });

  test("may get a name that nobody had, or exchange theirs", () => {
    expect(peopleOf(opened({ c: "new", a: "new" }).train).map(([name]) => name)).toEqual(["new", "b", "d"]);
    expect(peopleOf(opened({ a: "b", b: "a" }).train).slice(0, 2)).toEqual([
      ["b", "a/0"],
      ["a", "b/1", "b/2"],
    ]);
  });

  test("are in a file, a line each", () => {
    const names = file("# double\r\nd\tb\n\nc b\n");
    expect(peopleOf(opened(names).train).map((person) => person.length)).toEqual([2, 6]);
    const blank: DataSource = {
      ...source,
      open: () => ({ train: setOf({ "ann lee": 1, b: 1 }), heldOut: setOf({}) }),
    };
    expect(peopleOf(opened(file("ann lee\tb c\n"), blank).train)[0]).toEqual(["b c", "ann lee/0"]);
  });

  test("stay so in sources made of this one, and of such", () => {
    const once = relabel(source, { d: "b" });
    const { train } = maxImages(pickIdentities(once, ["b"]), 2, { seed: 3 }).open(context);
    expect(peopleOf(train)).toMatchObject([["b", expect.any(String), expect.any(String)]]);
    expect([...pickIdentities(once, ["b"]).open(context).train.buffers.subset!]).toEqual([1, 2, 5]);
    const twice = peopleOf(opened({ b: "a" }, once).train);
    expect(twice[0]).toEqual(["a", "a/0", "b/1", "b/2", "d/5"]);
    expect(peopleOf(concat(once, once).open(context).train).map(([name]) => name)).toEqual([
      ..."abc",
      ..."abc",
    ]);
  });

  test.each([
    [{ e: "a" }, "nobody called `e`"],
    [{ a: "" }, 'is to be called "", which is no name'],
    [{ a: 3 as never }, "is to be called 3"],
    [{ a: "x" }, "`x` would be trained on and held out"],
    [{ x: "a" }, "`a` would be trained on and held out"],
    ["nowhere.txt", "cannot be read: ENOENT"],
  ])("%j is refused", (names, says) => {
    expect(thrownBy(() => opened(names))).toMatchObject({
      code: "F2C2158",
      message: expect.stringContaining(says),
    });
  });

  test.each([
    ["a b c\n", "line 1 of"],
    ["a b\na\n", "line 2 of"],
    ["a b\na c\n", "line 2 of"],
  ])("a file of %j is refused", (text, says) => {
    expect(thrownBy(() => opened(file(text)))).toMatchObject({
      code: "F2C2158",
      message: expect.stringContaining(says),
    });
  });

  test("need names", () => {
    const drawn = syntheticFaces({ identities: 2, imagesPerIdentity: fixed(2), size: 16 });
    expect(thrownBy(() => opened({ a: "b" }, drawn))).toMatchObject({
      message: "relabel: the people of this source have no names",
    });
  });
});

describe("people held out by a file", () => {
  const of = { function: "imageList", directory: home };
  test("are its lines", () => {
    expect(heldOutOf(file("\ufeffann lee\n# a comment\n\nbob\r\n"), of)).toEqual(["ann lee", "bob"]);
    expect(heldOutOf(0.2, of)).toBe(0.2);
  });
  test("which has to be there", () => {
    expect(thrownBy(() => heldOutOf("nowhere.txt", of))).toMatchObject({
      code: "F2C2214",
      message: expect.stringMatching(
        /^imageList: the file ".*nowhere\.txt", its `heldOut`, cannot be read: ENOENT/,
      ),
    });
  });
});
