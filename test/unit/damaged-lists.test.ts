/** Damages of each list: bytes that are others, parts that are cut out, doubled or moved. Each opens, or is refused by a code with a line of text. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  ExperimentError,
  ijbIdentification,
  ijbVerification,
  listedPairs,
  megaFace,
  type Protocol,
} from "#dsl/index";
import { share } from "../long.js";
import { dice } from "./dice.js";

const home = mkdtempSync(join(tmpdir(), "f2c-damaged-lists-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const DAMAGES = share(100, 300);
const people = ["ada", "bo", "cy", "di"];
const images = people.flatMap((person) => [1, 2, 3].map((i) => `${person}/${person}_000${i}.jpg`));
const names = { length: images.length, slice: (first: number, end: number) => images.slice(first, end) };
const pairsTxt = [
  "2\t2",
  "ada\t1\t2",
  "bo\t1\t3",
  "ada\t1\tbo\t2",
  "cy\t1\tdi\t1",
  "cy\t2\t3",
  "di\t1\t2",
  "ada\t3\tcy\t1",
  "bo\t2\tdi\t3",
];
const own = images.slice(1).map((image, i) => `${images[i]},${image},${i % 3 === 2 ? 0 : 1},${i % 4}`);
const scored = images.map((image) => `${image} 1 2 3 4 5 6 7 8 9 10 0.75`);
const noise = ["# noise", images[1]!.split("/")[1]!];

const WHOLE: Readonly<Record<string, string>> = {
  "pairs.txt": pairsTxt.join("\n"),
  "own.csv": ["one,other,same,fold", ...own].join("\n"),
  "x_face_tid_mid.txt": images.map((image, i) => `${image} ${Math.floor(i / 2)} ${i % 5}`).join("\n"),
  "x_name_5pts_score.txt": scored.join("\n"),
  "x_template_pair_label.txt": "0 1 1\n2 3 0\n4 5 1\n0 5 0\n",
  "x_1N_gallery_G1.csv": "TEMPLATE_ID,SUBJECT_ID,FILENAME\n0,7,a\n0,7,b\n2,8,c\n",
  "x_1N_probe_mixed.csv": "TEMPLATE_ID,SUBJECT_ID\n1,7\n3,8\n4,9\n",
  probes: images.slice(0, 8).join("\n"),
  distractors: images.slice(8).join("\n"),
  noise: noise.join("\n"),
};

const listed = (list: string) => listedPairs({ list, folds: 2 });
const mega = megaFace({ probes: "probes", distractors: "distractors", noise: { probes: "noise" } });
const READERS: Readonly<Record<string, Protocol>> = {
  "pairs.txt": listed("pairs.txt"),
  "own.csv": listed("own.csv"),
  "x_face_tid_mid.txt": ijbVerification({ meta: "." }),
  "x_name_5pts_score.txt": ijbVerification({ meta: "." }),
  "x_template_pair_label.txt": ijbVerification({ meta: "." }),
  "x_1N_gallery_G1.csv": ijbIdentification({ meta: "." }),
  "x_1N_probe_mixed.csv": ijbIdentification({ meta: "." }),
  probes: mega,
  distractors: mega,
  noise: mega,
};

function damaged(whole: Buffer, roll: (n: number) => number): Buffer {
  const bytes = Buffer.from(whole);
  const at = roll(bytes.length);
  const length = 1 + roll(20);
  switch (roll(5)) {
    case 0:
      bytes[at] = roll(256);
      return bytes;
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    default: {
      const digit = bytes.findIndex((byte, i) => i >= at && byte >= 48 && byte <= 57);
      if (digit >= 0) bytes[digit] = 48 + roll(10);
      return bytes;
    }
  }
}

const opens = (list: string) =>
  READERS[list]!.open({ offsets: Int32Array.of(0, images.length), seed: 0, directory: home, names });

describe.each(Object.keys(READERS))("of %s", (list) => {
  test(`${DAMAGES} damages are read or refused`, () => {
    for (const [name, text] of Object.entries(WHOLE)) writeFileSync(join(home, name), text);
    expect(opens(list).says).toBeTruthy();
    const roll = dice(list.length * 7919 + 1);
    let refused = 0;
    for (let i = 0; i < DAMAGES; i++) {
      writeFileSync(join(home, list), damaged(Buffer.from(WHOLE[list]!), roll));
      try {
        const { images: wanted, drawn = [] } = opens(list);
        expect(wanted.every((image) => image >= 0 && image < images.length)).toBe(true);
        expect(drawn.length).toBeGreaterThan(0);
      } catch (error) {
        if (!(error instanceof ExperimentError)) throw error;
        expect(error.code).toMatch(/^F2C25[12]/);
        expect(error.message.length + (error.hint ?? "").length).toBeLessThan(3000);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(DAMAGES / 10);
  });
});
