/** Listed pairs: the forms of lists, whose images they are, and what is wrong with a list. What the numbers are, `test_listed_pairs_numbers.py` tells. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { eachLine, listFile } from "#dsl/evaluate/list-lines";
import { type ListedPairsOptions, listedPairs } from "#dsl/index";
import { cosinesOf } from "./protocol-view.js";
import { codeOf, thrownBy } from "./thrown.js";

const home = mkdtempSync(join(tmpdir(), "f2c-listed-pairs-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const IMAGES = ["Ada/Ada_0001.png", "Ada/Ada_0002.jpg", "Bo/Bo_0001.jpg", "Bo/Bo_0002.jpg", "Bo/Bo_0012.jpg"];
const namesOf = (names: readonly string[]) => ({
  length: names.length,
  slice: (first: number, end: number) => names.slice(first, end),
});

function open(list: string | Buffer | undefined, options: ListedPairsOptions = {}, images = IMAGES) {
  if (list !== undefined) writeFileSync(join(home, "pairs.txt"), list);
  const people = {
    offsets: Int32Array.of(0, images.length),
    seed: 0,
    directory: home,
    names: namesOf(images),
  };
  return listedPairs({ ...(list !== undefined && { list: "pairs.txt" }), ...options }).open(people);
}

/** The pairs as names, in the order in which they count. */
const pairsIn = (list: string, images = IMAGES) => {
  const { images: rows, drawn } = open(list, { folds: 2 }, images);
  const [positions, same, sizes] = drawn as [Int32Array, Uint8Array, Int32Array];
  const name = (at: number) => images[rows[at]!]!;
  return {
    pairs: Array.from(same, (mark, i) => [name(positions[2 * i]!), name(positions[2 * i + 1]!), mark]),
    sizes: [...sizes],
  };
};

const ADA = ["Ada/Ada_0001.png", "Ada/Ada_0002.jpg", 1];
const BO = ["Bo/Bo_0001.jpg", "Bo/Bo_0012.jpg", 1];
const BOTH = ["Ada/Ada_0001.png", "Bo/Bo_0002.jpg", 0];
const OTHER = ["Bo/Bo_0001.jpg", "Ada/Ada_0002.jpg", 0];

const PAIRS_TXT = "2\t1\nAda\t1\t2\nAda\t1\tBo\t2\nBo\t1\t12\nBo\t1\tAda\t2\n";

describe("a list is", () => {
  test.each([
    ["LFW's, with tabs", PAIRS_TXT],
    [
      "LFW's, with blanks, Windows' line ends and no last one",
      PAIRS_TXT.replaceAll("\t", " ").replaceAll("\n", "\r\n").trimEnd(),
    ],
    ["LFW's, with a byte order mark", `\ufeff${PAIRS_TXT}`],
  ])("%s: its folds, and images by person and number", (_, list) => {
    expect(pairsIn(list)).toEqual({ pairs: [ADA, BOTH, BO, OTHER], sizes: [2, 2] });
  });
  test("LFW's of the first view: one number, cut into folds as if none were told", () => {
    const list = "2\nAda\t1\t2\nBo\t1\t12\nAda\t1\tBo\t2\nBo\t1\tAda\t2\n";
    expect(pairsIn(list)).toEqual({ pairs: [ADA, BO, BOTH, OTHER], sizes: [2, 2] });
  });
  test.each([
    ["blanks", " ", ""],
    ["tabs", "\t", ""],
    ["tabs and a header", "\t", "one\tother\tsame\n"],
    ["commas", ",", ""],
    ["commas and a header", ",", "one,other,same\n"],
  ])("one's own, with %s", (_, by, header) => {
    const lines = [ADA, BO, BOTH, OTHER].map((pair) => pair.join(by));
    expect(pairsIn(`${header}${lines.join("\n")}\n`)).toEqual({
      pairs: [ADA, BO, BOTH, OTHER],
      sizes: [2, 2],
    });
  });
  test("one's own with folds, in any order: pairs of a fold stand together, and stay in their order", () => {
    const lines = [
      [...ADA, 7],
      [...BO, 3],
      [...BOTH, 7],
      [...OTHER, 3],
    ].map((pair) => pair.join(","));
    expect(pairsIn(`${lines.join("\n")}\n`)).toEqual({ pairs: [BO, OTHER, ADA, BOTH], sizes: [2, 2] });
  });
  test("CSV with commas and quotes in names", () => {
    const images = ['a,"b".jpg', "c.jpg"];
    const list = '"a,""b"".jpg",c.jpg,TRUE\nc.jpg, "a,""b"".jpg" ,false\n';
    expect(pairsIn(list, images).pairs).toEqual([
      ['a,"b".jpg', "c.jpg", 1],
      ["c.jpg", 'a,"b".jpg', 0],
    ]);
  });
});

describe("an image of a list is", () => {
  test("that of the same path, or else one whose path ends so, with the fewest folders before", () => {
    const images = ["old/x/1.jpg", "x/1.jpg", "crops/y/2.jpg"];
    expect(pairsIn("./x/1.jpg y/2.jpg 1\ny/2.jpg old/x/1.jpg 0\n", images).pairs).toEqual([
      ["x/1.jpg", "crops/y/2.jpg", 1],
      ["crops/y/2.jpg", "old/x/1.jpg", 0],
    ]);
  });
  test("embedded once, however often it is listed", () => {
    expect(open(PAIRS_TXT).images).toHaveLength(5);
  });
});

describe("refused", () => {
  function refused(code: string, says: string, ...given: Parameters<typeof open>) {
    const { message, hint, ...error } = thrownBy(() => open(...given)) as Record<string, string>;
    expect([error.code, `${message} | ${hint}`]).toEqual([code, expect.stringContaining(says)]);
  }
  test("a list that is not there", () => {
    refused("F2C2511", "the list lfw/pairs.txt cannot be read: there is no such file (", undefined, {
      list: "lfw/pairs.txt",
    });
    refused("F2C2511", "the list . cannot be read: it is a folder (", undefined, { list: "." });
  });
  test.each([
    ["", "pairs.txt lists nothing"],
    ["\n \n", "pairs.txt lists nothing"],
    ["one,other,same\n", "pairs.txt lists nothing"],
    ["a b 1\na b\n", "in line 2 of pairs.txt is 2"],
    ["a b\n", "in line 1 of pairs.txt is 2"],
    ["a\tb\t1\na b 0\n", "in line 2 of pairs.txt is 1"],
    ["a b 1\n\na b 2\n", 'pairs.txt, line 3: whether two images are of one person is "2"'],
    ["a,b,1,x\n", 'pairs.txt, line 1: the fold is "x"'],
    ["2 0\n", 'pairs.txt, line 1: a count is "0"'],
    ["1\t1\nAda\t1\tx\nAda\t1\tBo\t2\n", 'pairs.txt, line 2: an image\'s number is "x"'],
    ["1\t1\nAda\t1\n", "in line 2 of pairs.txt is 2"],
  ])("a line that says nothing: %j", (list, says) => refused("F2C2512", says, list));
  test("what is no text", () => {
    refused("F2C2512", "pairs.txt, line 1, is longer than 1 MB", Buffer.alloc(3 << 20, 7));
  });
  test.each([
    [PAIRS_TXT.split("\n").slice(0, 4).join("\n"), "which makes 4 lines; there are 3"],
    [`${PAIRS_TXT}Ada\t1\t2\n`, "which makes 4 lines; there are 5"],
    [PAIRS_TXT.replace("2\t1", "1\t2"), "line 3, is an impostor pair; by the first line (1 folds, 2)"],
    [
      PAIRS_TXT.replace("Ada\t1\tBo\t2", "Bo\t1\t2"),
      "line 3, is a genuine pair; by the first line (2 folds, 1)",
    ],
  ])("a pairs.txt that is cut, or whose first line counts wrong: %j", (list, says) =>
    refused("F2C2513", says, list),
  );
  test("an image that is not there, or there twice", () => {
    refused(
      "F2C2514",
      "pairs.txt, line 4: there is no image Bo/Bo_0013 among the 5 of its data (1 of the list are missing) | names are paths below the root of the data, such as Ada/Ada_0001.png",
      PAIRS_TXT.replaceAll("12", "13"),
    );
    refused("F2C2514", "there is no image Ada/Ada_0001, for its data has no images", PAIRS_TXT, {}, []);
    const doubled = ["a/1.jpg", "b/2.jpg", "b/1.jpg"];
    const list = "1.jpg 2.jpg 1\n1.jpg 2.jpg 0\n";
    refused("F2C2514", "pairs.txt, line 1: the image 1.jpg is both a/1.jpg and b/1.jpg", list, {}, doubled);
    const ofTwoKinds = ["A/A_0001.jpg", "A/A_0001.png", "A/A_0002.jpg", "B/B_0001.jpg"];
    const both = "the image A/A_0001 is both A/A_0001.jpg and A/A_0001.png";
    refused("F2C2514", both, "1 1\nA 1 2\nA 1 B 1\n", {}, ofTwoKinds);
  });
  test("images without names, and a source that lists no pairs", () => {
    writeFileSync(join(home, "pairs.txt"), PAIRS_TXT);
    const people = { offsets: Int32Array.of(0, 5), seed: 0, directory: home };
    expect(codeOf(() => listedPairs({ list: "pairs.txt" }).open(people))).toBe("F2C2515");
    expect(codeOf(() => listedPairs().open(people))).toBe("F2C2516");
  });
  test("pairs of one kind, and fewer than there are folds", () => {
    const says = "pairs.txt lists 1 genuine and 0 impostor pairs, in 10 folds";
    refused("F2C2518", says, "Ada_0001.png Ada_0002.jpg 1\n");
    const two = "Ada_0001.png Ada_0002.jpg 1\nAda_0001.png Bo_0001.jpg 0\n";
    refused("F2C2518", "1 genuine and 1 impostor pairs, in 3 folds", two, { folds: 3 });
  });
  test("options that say nothing", () => {
    for (const folds of [1, 2.5]) expect(codeOf(() => listedPairs({ folds }))).toBe("F2C2516");
    expect(codeOf(() => listedPairs({ list: "" }))).toBe("F2C2516");
    for (const far of [0, 2]) expect(codeOf(() => listedPairs({ far: [far] }))).toBe("F2C2517");
    expect(codeOf(() => listedPairs({ val: [-1] }))).toBe("F2C2517");
    expect(codeOf(() => listedPairs({ farAt: "best" as "nearest" }))).toBe("F2C2517");
    expect(codeOf(() => listedPairs({ farAt: "at-most", dropIntermediate: true }))).toBe("F2C2517");
  });
});

test("a list is read in parts: lines that lie on the border of two, and a longer one", () => {
  const lines = Array.from({ length: 300_000 }, (_, i) => `${i} ${"x".repeat(i % 11)}`);
  lines[7] = "y".repeat(900_000);
  writeFileSync(join(home, "long.txt"), lines.join("\n"));
  const read: string[] = [];
  eachLine(listFile(home, "long.txt"), (bytes, start, end, line) => {
    if (line === read.length + 1) read.push(bytes.toString("utf8", start, end));
  });
  expect(read).toEqual(lines.map((line) => line.trimEnd()));
});

test("pairs with a broken image are left out, the others stay in their folds, and a note says so", async () => {
  const opened = open(PAIRS_TXT);
  const bo12 = [...opened.images].findIndex((image) => IMAGES[image] === "Bo/Bo_0012.jpg");
  const view = (broken: readonly number[]) =>
    cosinesOf(opened.images, (a, b) => (IMAGES[a]![0] === IMAGES[b]![0] ? 0.9 : 0), broken);
  const whole = await opened.score(view([]));
  expect(whole.numbers.accuracy).toMatchObject({ value: 1, std: 0 });
  expect(whole.notes).toEqual([]);
  const { numbers, notes } = await opened.score(view([bo12]));
  expect(notes).toEqual([
    "1 listed pairs have a broken image and are left out: others' numbers are of all pairs",
  ]);
  expect([numbers.pairs!.value, numbers.genuine!.value]).toEqual([3, 1]);
  // Of fold two the impostor pair alone is left: any threshold tells it right, the first one of fold one's pairs only the impostor.
  expect(numbers.accuracy).toMatchObject({ value: 0.75, std: 0.25 });
});
