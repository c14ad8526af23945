/** IJB's lists: what is wrong with them is said by file and line. What the numbers are, `test_ijb_verification.py` and `test_ijb_identification.py` tell. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { wholeNumbers } from "#dsl/evaluate/list-lines";
import { ijbIdentification, ijbVerification } from "#dsl/index";
import { codeOf, thrownBy } from "./thrown.js";

const NAMES = ["crop/1.jpg", "crop/2.jpg", "crop/3.jpg", "crop/4.jpg"];
const score = (name: string, value: string) => `${name} 1 2 3 4 5 6 7 8 9 10 ${value}\n`;
const LISTS: Readonly<Record<string, string>> = {
  "ijbx_face_tid_mid.txt": "1.jpg 10 1\n2.jpg 10 1\n3.jpg 20 7\n4.jpg 30 8\n",
  "ijbx_name_5pts_score.txt": ["1.jpg", "2.jpg", "3.jpg", "4.jpg"].map((name) => score(name, "0.5")).join(""),
  "ijbx_template_pair_label.txt": "10 20 1\n10 30 0\n",
  "ijbx_1N_gallery_G1.csv": "TEMPLATE_ID,SUBJECT_ID\n10,1\n20,2\n",
  "ijbx_1N_probe_mixed.csv": "TEMPLATE_ID,SUBJECT_ID\n30,1\n",
};

/** Writes the lists but for changes (`undefined`: the list is missing), and opens both protocols. */
function opened(changes: Readonly<Record<string, string | undefined>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "f2c-ijb-"));
  for (const [name, text] of Object.entries({ ...LISTS, ...changes }))
    if (text !== undefined) writeFileSync(join(folder, name), text);
  const people = {
    offsets: Int32Array.of(0, 4),
    seed: 0,
    directory: folder,
    names: { length: 4, slice: (first: number, end: number) => NAMES.slice(first, end) },
  };
  try {
    const options = { meta: "." };
    return [ijbVerification(options).open(people), ijbIdentification(options).open(people)] as const;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("say what there is of them", () => {
  const [verification, identification] = opened();
  expect(verification.says).toBe("1 genuine and 1 impostor pairs of 3 templates");
  expect(identification.says).toBe("1 probes, 1 of them of the 2 enrolled people of G1");
  expect([...verification.images]).toEqual([0, 1, 2, 3]);
});

test("galleries of IJB-B are S1 and S2; columns stand where the header says, or first; images of a template come one a line", () => {
  const [, identification] = opened({
    "ijbx_1N_gallery_G1.csv": undefined,
    "ijbx_1N_gallery_S1.csv": "FILENAME,SUBJECT_ID,TEMPLATE_ID\na,1,10\na,2,20\nb,1,10\n",
    "ijbx_1N_gallery_S2.csv": "10,1,a\n10,1,b\n20,3,a\n",
    "ijbx_1N_probe_mixed.csv": "30,1,x\n30,1,y\n",
  });
  expect(identification.says).toBe(
    "1 probes, 1 of them of the 2 enrolled people of S1, 1 of them of the 2 enrolled people of S2",
  );
});

describe("refused", () => {
  const FACES = "ijbx_face_tid_mid.txt";
  const SCORES = "ijbx_name_5pts_score.txt";
  const PAIRS = "ijbx_template_pair_label.txt";
  const GALLERY = "ijbx_1N_gallery_G1.csv";
  const PROBES = "ijbx_1N_probe_mixed.csv";
  test.each<[code: string, says: string, changes: Readonly<Record<string, string | undefined>>]>([
    ["F2C2519", "there is no file in . whose name ends with _face_tid_mid.txt", { [FACES]: undefined }],
    [
      "F2C2519",
      "both ijbx_face_tid_mid.txt and ijby_face_tid_mid.txt end with",
      { "ijby_face_tid_mid.txt": "" },
    ],
    ["F2C2519", "there is no file in . whose name ends with _1N_gallery_G1.csv", { [GALLERY]: undefined }],
    ["F2C2519", "there is no file in . whose name ends with _1N_probe_mixed.csv", { [PROBES]: undefined }],
    ["F2C2512", `the number of columns in line 2 of ${FACES} is 2`, { [FACES]: "1.jpg 10 1\n2.jpg 1" }],
    ["F2C2512", `${FACES}, line 1: the medium is "x"`, { [FACES]: "1.jpg 10 x\n" }],
    [
      "F2C2514",
      `${FACES}, line 1: there is no image 9.jpg among the 4 of its data`,
      { [FACES]: "9.jpg 10 1\n", [SCORES]: score("9.jpg", "1") },
    ],
    ["F2C2512", `the number of columns in line 1 of ${SCORES} is 3`, { [SCORES]: "1.jpg 1 2" }],
    ["F2C2519", `${SCORES}, line 1: the score of the detector is "nan"`, { [SCORES]: score("1.jpg", "nan") }],
    ["F2C2519", `${FACES}, line 2: 2.jpg has no score in ${SCORES}`, { [SCORES]: score("1.jpg", "1") }],
    ["F2C2512", `the number of columns in line 2 of ${PAIRS} is 2`, { [PAIRS]: "10 20 1\n10 3" }],
    ["F2C2512", `${PAIRS}, line 1: a template is "x"`, { [PAIRS]: "10 x 1\n" }],
    ["F2C2512", `${PAIRS}, line 1: a template is "99999999999"`, { [PAIRS]: "10 99999999999 1\n" }],
    ["F2C2512", `${PAIRS}, line 1: whether two images are of one person is "2"`, { [PAIRS]: "10 20 2\n" }],
    ["F2C2519", `${PAIRS}, line 2: template 40 has no image in ${FACES}`, { [PAIRS]: "10 20 1\n40 20 0\n" }],
    [
      "F2C2519",
      "ijbc_template_pair_label.txt lists 2 pairs, and IJB-C has 15658489",
      { [PAIRS]: undefined, "ijbc_template_pair_label.txt": "10 20 1\n10 30 0\n" },
    ],
    [
      "F2C2519",
      "ijbb_face_tid_mid.txt lists 1 faces, and IJB-B has 227630",
      { [FACES]: undefined, "ijbb_face_tid_mid.txt": "1.jpg 10 1\n" },
    ],
    ["F2C2518", ". lists 1 genuine and 0 impostor pairs of templates", { [PAIRS]: "10 20 1\n" }],
    ["F2C2512", `${PAIRS} lists nothing`, { [PAIRS]: "" }],
    [
      "F2C2519",
      `${GALLERY}, line 1, names neither TEMPLATE_ID nor SUBJECT_ID`,
      { [GALLERY]: "id,person\n10,1\n" },
    ],
    ["F2C2512", `${GALLERY}, line 2: SUBJECT_ID is "Ada"`, { [GALLERY]: "TEMPLATE_ID,SUBJECT_ID\n10,Ada\n" }],
    ["F2C2519", `${GALLERY}, line 2: template 99 has no image in ${FACES}`, { [GALLERY]: "10,1\n99,2\n" }],
    [
      "F2C2519",
      `${GALLERY}, line 2: template 10 shows subject 2, and in a line before 1`,
      { [GALLERY]: "10,1\n10,2\n" },
    ],
    [
      "F2C2519",
      `${GALLERY}, line 2: subject 1 is enrolled a second time, after line 1`,
      { [GALLERY]: "10,1\n20,1\n" },
    ],
    ["F2C2519", `${GALLERY} enrols 2 subjects, of whom there are 0 probes`, { [PROBES]: "30,9\n" }],
  ])("%s: %s", (code, says, changes) => {
    const { message, ...error } = thrownBy(() => opened(changes)) as Record<string, string>;
    expect([error.code, message]).toEqual([code, expect.stringContaining(says)]);
  });
  test("options that say nothing", () => {
    expect(codeOf(() => ijbVerification({ meta: "" }))).toBe("F2C2520");
    expect(codeOf(() => ijbVerification({ meta: ".", far: [] }))).toBe("F2C2517");
    expect(codeOf(() => ijbVerification({ meta: ".", far: [2] }))).toBe("F2C2517");
    for (const options of [{ ranks: [] }, { ranks: [0] }, { within: 1.5 }, { fpir: [0] }])
      expect(codeOf(() => ijbIdentification({ meta: ".", ...options }))).toBe("F2C2520");
  });
});

test("whole numbers of a line, and what is none", () => {
  const numbersOf = (text: string) => {
    const numbers = new Int32Array(3);
    const count = wholeNumbers(Buffer.from(text), 0, Buffer.byteLength(text), numbers);
    return [count, ...numbers];
  };
  expect(numbersOf("1 22\t333")).toEqual([3, 1, 22, 333]);
  expect(numbersOf("  7,0 ,2147483647 ")).toEqual([3, 7, 0, 2147483647]);
  expect(numbersOf("2147483648 -1 1e3")).toEqual([3, -1, -1, -1]);
  expect(numbersOf("1 2 3 4 5")).toEqual([5, 1, 2, 3]);
  expect(numbersOf("é")).toEqual([1, -1, 0, 0]);
});
