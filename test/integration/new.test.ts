import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cli } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-new-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, "c.py");
writeFileSync(
  config,
  `from easydict import EasyDict as edict
config = edict()
config.rec = "synthetic"
config.num_classes = 64
config.num_epoch = 2
`,
);

test("a config becomes an experiment that checks, and one that is there is not written over", async () => {
  const out = join(folder, "experiments", "c.ts");
  const made = await cli(["new", "--from", config, "--out", out, "--gpus", "2"]);
  expect(made).toMatchObject({ code: 0, err: "" });
  expect(made.out).toMatch(/c\.ts is written; next: f2c-dsl check .*c\.ts\n$/);
  expect(await cli(["check", out])).toMatchObject({ code: 0, out: expect.stringContaining("no errors") });

  const text = readFileSync(out, "utf8");
  writeFileSync(out, "// mine\n");
  const refused = await cli(["new", "--from", config, "--out", out]);
  expect(refused.code).toBe(1);
  expect(/error (\w+): /.exec(refused.err)?.[1]).toBe("F2C2542");
  expect(readFileSync(out, "utf8")).toBe("// mine\n");
  expect((await cli(["new", "--from", config, "--out", out, "--overwrite", "--gpus", "2"])).code).toBe(0);
  expect(readFileSync(out, "utf8")).toBe(text);
}, 60_000);

const picture = Buffer.from("P5 1 1 255\n\x07", "latin1");

/** A record of RecordIO: the magic, the length, IRHeader (flag, label, id, id2), the image, zeros up to four bytes. */
function record(key: number, label: number): Buffer {
  const header = Buffer.alloc(24);
  header.writeFloatLE(label, 4);
  header.writeBigUInt64LE(BigInt(key), 8);
  const [payload, start] = [Buffer.concat([header, picture]), Buffer.alloc(8)];
  start.writeUInt32LE(0xced7230a, 0);
  start.writeUInt32LE(payload.length, 4);
  return Buffer.concat([start, payload, Buffer.alloc((4 - (payload.length % 4)) % 4)]);
}

/** A verification set as pickle writes it (protocol 3): (images, whether each two show the same person). */
function verificationSet(same: readonly boolean[]): Buffer {
  const image = Buffer.concat([Buffer.from(`C${String.fromCharCode(picture.length)}`, "latin1"), picture]);
  const images = Array.from({ length: 2 * same.length }, () => image);
  const text = (bytes: string) => Buffer.from(bytes, "latin1");
  return Buffer.concat([
    text("\x80\x03]("),
    ...images,
    text(`e](${same.map((is) => (is ? "\x88" : "\x89")).join("")}e\x86.`),
  ]);
}

test("a config whose data is there becomes an experiment on its train.rec, verified on its .bin sets", async () => {
  const data = join(folder, "data");
  mkdirSync(data);
  const records = Array.from({ length: 12 }, (_, i) => record(i, Math.floor(i / 3)));
  writeFileSync(join(data, "train.rec"), Buffer.concat(records));
  const offsets = records.map((_, i) => Buffer.concat(records.slice(0, i)).length);
  writeFileSync(join(data, "train.idx"), offsets.map((at, i) => `${i}\t${at}\n`).join(""));
  writeFileSync(join(data, "lfw.bin"), verificationSet(Array.from({ length: 20 }, (_, i) => i % 2 === 0)));
  const path = join(folder, "r18.py");
  writeFileSync(
    path,
    `${readFileSync(config, "utf8")}config.rec = ${JSON.stringify(data)}
config.network = "r18"
config.warmup_epoch = config.num_epoch // 2
config.val_targets = ["lfw", "cfp_fp"]
`,
  );
  const out = join(folder, "r18.ts");
  expect((await cli(["new", "--from", path, "--out", out])).code).toBe(0);
  expect(readFileSync(out, "utf8")).toContain("// There is no cfp_fp.bin in the folder");
  const checked = await cli(["check", out]);
  expect(checked.err).toBe("");
  expect(checked.out).toContain("evaluate.lfw: 10 genuine and 10 impostor pairs in 10 folds");
  expect(checked.code).toBe(0);
}, 120_000);

test("a line that is not read is shown where it stands, and nothing is written", async () => {
  const odd = join(folder, "odd.py");
  writeFileSync(odd, `${readFileSync(config, "utf8")}config.lr = float("0.1")\n`);
  const refused = await cli(["new", "--from", odd, "--out", join(folder, "odd.ts")]);
  expect(refused.code).toBe(1);
  expect(refused.err).toContain("error F2C2541: `float(…` would have to be run");
  expect(refused.err).toMatch(/odd\.py:6:13/);
  expect(existsSync(join(folder, "odd.ts"))).toBe(false);
});

test("without a config it is an experiment on a folder of faces", async () => {
  for (let person = 0; person < 20; person++) {
    mkdirSync(join(folder, "faces", `p${person}`), { recursive: true });
    for (const i of [0, 1, 2, 3, 4])
      writeFileSync(
        join(folder, "faces", `p${person}`, `${i}.pgm`),
        Buffer.from("P5 1 1 255\n\x07", "latin1"),
      );
  }
  const out = join(folder, "mine.ts");
  expect((await cli(["new", "--out", out])).code).toBe(0);
  const checked = await cli(["check", out]);
  expect(checked.out).toContain("20 images of 4 people");
  expect(checked).toMatchObject({ code: 0, out: expect.stringContaining("no errors") });
}, 60_000);

test.each([
  [["--out", "x.py"], "x.py is not a TypeScript file"],
  [["--gpus", "0", "--from", "c.py"], "--gpus must be a whole number from 1 up"],
  [["--gpus", "8"], "--gpus is of a config, and --from names none"],
  [["--faces", "f", "--from", "c.py"], "--faces does not go together with --from"],
])("%j is refused", async (args, says) => {
  const refused = await cli(["new", ...args]);
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining(says) });
});
