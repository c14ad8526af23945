/** Studies in the built command and the real host: made once, gone on with after a kill, to the same bytes; nets from runs and files. */
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { cli, stageFolder, start } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-study-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const NET = "small()";
/** A study of one training and one embedding; `net` is what is embedded with. */
const study = (net: string, people = 40) => `
import { adaptiveAvgPool2d, batchNorm1d, batchNorm2d, conv2d, flatten, linear, net, prelu, sequential } from "f2c-dsl";
import { dual, embed, experiment, f2c, fixed, plainSoftmax, sgd, study, syntheticFaces, weights } from "f2c-dsl";
const small = () => net(16, ([channels]) =>
  sequential(conv2d(channels, 16, { kernel: 3, stride: 2 }), batchNorm2d(16), prelu(16), adaptiveAvgPool2d(4), flatten(), linear(256, 16), batchNorm1d(16)));
const faces = (identities: number, seed: number) =>
  syntheticFaces({ identities, imagesPerIdentity: fixed(4), size: 32, seed, heldOut: { identities: 3, images: 2 } });
const proxy = experiment({
  name: "proxy", data: faces(12, 1), lr: 0.05, steps: 4, optimizer: sgd(),
  method: f2c({ net: ${NET}, pool: { capacity: 12 }, margin: plainSoftmax() }),
  loader: dual({ identities: 3, instances: 4 }),
});
export const all = [proxy, weights];
export default study({ ${net === "proxy" ? "proxy, " : ""}features: embed({ net: ${net}, data: faces(${people}, 2), batch: 16 }) });
`;

let files = 0;
function written(text: string): string {
  const file = join(home, `study-${files++}.ts`);
  writeFileSync(file, text);
  return file;
}

/** The folder of a stage, and the hash of what it embedded. */
function made(root: string, stage: string) {
  const folder = stageFolder(root, stage)!;
  const rows = join(folder, "embeddings.safetensors");
  const hash = existsSync(rows) ? createHash("sha256").update(readFileSync(rows)).digest("hex") : undefined;
  return { folder, hash };
}

const run = async (file: string, root: string) => {
  const done = await cli(["run", file, "--run-dir", root]);
  expect(done.code, done.err).toBe(0);
  return done;
};

const whole = join(home, "whole");
const file = written(study("proxy"));

test("stages are made in order, and not a second time", async () => {
  const { out } = await run(file, whole);
  const { folder, hash } = made(whole, "features");
  // 40 people of 4 images to train on and 3 of 2 kept back, 16 numbers of 4 bytes each, and the header.
  const bytes = statSync(join(folder, "embeddings.safetensors")).size;
  expect(bytes).toBeGreaterThan(166 * 16 * 4);
  expect(out).toMatch(/^features +\S+\n +embeddings\.safetensors (\d+\.\d) kB$/m);
  expect(Number(/embeddings\.safetensors (\S+) kB/.exec(out)![1])).toBeCloseTo(bytes / 1000, 1);
  const { files: left } = JSON.parse(readFileSync(join(folder, "artefact.json"), "utf8"));
  expect(left["embeddings.safetensors"].sha256).toBe(hash);
  const before = readFileSync(join(folder, "artefact.json"), "utf8");
  await run(file, whole);
  expect(readFileSync(join(folder, "artefact.json"), "utf8")).toBe(before);
  expect(readdirSync(whole).filter((name) => name.startsWith("features-"))).toHaveLength(1);
}, 300_000);

/** The rows that a stage embedded, by the rules of the file's format alone. */
function rowsOf(root: string): Float32Array {
  const file = readFileSync(join(made(root, "features").folder, "embeddings.safetensors"));
  const length = Number(file.readBigUInt64LE());
  const [first, end] = JSON.parse(file.subarray(8, 8 + length).toString()).embeddings.data_offsets;
  return Float32Array.from({ length: (end - first) / 4 }, (_, i) =>
    file.readFloatLE(8 + length + first + 4 * i),
  );
}

test("an embedding of the folder of a run gives the same rows, and one of its weights alone as good as the same", async () => {
  const { folder } = made(whole, "proxy");
  const [ofRun, ofFile] = [join(home, "of-run"), join(home, "of-file")];
  await run(written(study(JSON.stringify(folder))), ofRun);
  expect(made(ofRun, "features").hash).toBe(made(whole, "features").hash);
  const weights = JSON.stringify(join(folder, "net.safetensors"));
  await run(written(study(`weights(${NET}, ${weights})`)), ofFile);
  // The program of a net alone is another one than that of a method: they round differently.
  const [rows, wanted] = [rowsOf(ofFile), rowsOf(whole)];
  expect(rows).toHaveLength(wanted.length);
  expect(Math.max(...rows.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-6);
}, 300_000);

test("a driver that is killed in the middle of an embedding leaves what goes on to the same bytes", async () => {
  const many = written(study("proxy", 1500));
  const [killed, reference] = [join(home, "killed"), join(home, "reference")];
  const running = start(["run", many, "--run-dir", killed]);
  const rows = () => {
    const folder = stageFolder(killed, "features");
    return folder ? join(folder, "embeddings.safetensors") : "";
  };
  const begun = () => {
    const folder = stageFolder(killed, "features");
    return folder !== undefined && readdirSync(folder).some((name) => name.startsWith("embeddings"));
  };
  let ended = false;
  void running.finished.then(() => {
    ended = true;
  });
  while (!begun() && !ended) await pause(20);
  await pause(200);
  running.child.kill("SIGKILL");
  await running.finished;
  const cut = !existsSync(join(rows(), "..", "artefact.json"));
  await run(many, killed);
  await run(many, reference);
  expect(made(killed, "features").hash).toBe(made(reference, "features").hash);
  // A machine that was faster than the kill has shown nothing; it has not failed either.
  if (!cut) console.warn("the embedding had ended before the kill");
}, 600_000);

/** A net whose file holds more than what embeds: a transformer's token for masked patches is of training alone. */
const masked = (net: string, rest: string) => `
import { embed, experiment, fixed, instances, plainSoftmax, sgd, softmax, study, syntheticFaces, vit, weights } from "f2c-dsl";
const data = syntheticFaces({ identities: 4, imagesPerIdentity: fixed(3), size: 16, heldOut: { identities: 2, images: 2 } });
const net = vit({ width: 16, depth: 1 }, { embedding: 8, patch: 8, heads: 2, mask: 0.25 });
const trained = (name: string, from: typeof net) => experiment({
  name, data, lr: 0.05, steps: 1, optimizer: sgd(), loader: instances({ images: 4 }), method: softmax({ net: from, margin: plainSoftmax() }),
});
const proxy = trained("proxy", net);
export const all = [weights];
export default study({ ${rest}features: embed({ net: ${net}, data, batch: 4 }) });
`;

test("weights of training alone are no obstacle to embedding with a net, nor lost to who goes on from it", async () => {
  const root = join(home, "masked");
  const { err } = await run(
    written(masked("proxy", 'proxy, student: trained("student", weights(net, proxy)), ')),
    root,
  );
  expect(err).not.toContain("left over");
  const ofRun = join(home, "masked-of-run");
  await run(written(masked(JSON.stringify(made(root, "proxy").folder), "")), ofRun);
  expect(made(ofRun, "features").hash).toBe(made(root, "features").hash);
  // The student begins with the token that the proxy ended with: what it left unread would have been drawn anew.
  const text = readFileSync(join(made(root, "student").folder, "ir.txt"), "utf8");
  expect(text).toMatch(/mask_token.* = file\(/);
}, 300_000);
