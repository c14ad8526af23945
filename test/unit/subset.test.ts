/** Some images of a source: labels without gaps, names, subsets of subsets; and what is planned before a selection is made. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type LoadedStudy, load, loadExperiment } from "#compiler/index";
import {
  type DataSource,
  embed,
  faceNms,
  fixed,
  type ImageSelection,
  STAGE,
  study,
  subset,
  syntheticFaces,
} from "#dsl/index";
import { writeSafetensors } from "#runtime/run/safetensors";
import { writeArtefact } from "#runtime/stages/artefact";
import type { PlannedStage } from "#runtime/stages/maker";
import { planStudy, stateOf } from "#runtime/stages/study";

const home = mkdtempSync(join(tmpdir(), "f2c-subset-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const heldOut = { identities: 2, images: 3 };
// People with 3, 3, 3, 3 images: 0 to 2, 3 to 5, 6 to 8, 9 to 11.
const faces = syntheticFaces({ identities: 4, imagesPerIdentity: fixed(3), size: 16, heldOut });
const context = { directory: home };
const opened = (selection: ImageSelection, source: DataSource = faces) =>
  subset(source, selection).open(context);

describe("a subset", () => {
  test("has the images that are selected, in order, and no identity without any", () => {
    const { train, heldOut: kept } = opened([10, 1, 0, 6, 9, 8]);
    expect([...train.offsets]).toEqual([0, 2, 4, 6]);
    expect([...train.buffers.subset!]).toEqual([0, 1, 6, 8, 9, 10]);
    expect(train.spec).toMatchObject({ kind: "subset", of: "synthetic_faces", size: 16 });
    expect(kept).toEqual(faces.open(context).heldOut);
  });

  test("says which it has in its spec, so that another selection is other data", () => {
    const [a, b, c] = [
      [0, 3],
      [3, 0],
      [0, 4],
    ].map((images) => opened(images).train.spec);
    expect(b).toEqual(a);
    expect(c).not.toEqual(a);
  });

  test("of a subset is one of the source", () => {
    const twice = opened([1, 3], subset(faces, [2, 5, 7, 11])).train;
    expect(twice).toEqual(opened([5, 11]).train);
  });

  test("keeps the names of its images", () => {
    const names = Array.from({ length: 12 }, (_, i) => `person-${Math.floor(i / 3)}/${i}.png`);
    const named: DataSource = {
      kind: "named",
      open: (given) => {
        const { train, ...others } = faces.open(given);
        return { ...others, train: { ...train, names: { length: names.length, slice } } };
      },
    };
    const asked: [number, number][] = [];
    const slice = (first: number, end: number) => {
      asked.push([first, end]);
      return names.slice(first, end);
    };
    const { train } = opened([11, 4, 5, 6], named);
    expect(train.names!.length).toBe(4);
    expect(train.names!.slice(1, 4)).toEqual(["person-1/5.png", "person-2/6.png", "person-3/11.png"]);
    expect(asked).toEqual([
      [5, 7],
      [11, 12],
    ]);
    expect(train.names!.slice(2, 2)).toEqual([]);
  });

  test("is read from a file with a number a line", () => {
    writeFileSync(join(home, "images.txt"), "7\n2\n");
    expect(opened("images.txt").train).toEqual(opened([2, 7]).train);
  });

  test.each<[string, ImageSelection, RegExp]>([
    ["an image that is not there", [3, 12], /there is no image 12: the source has 12/],
    ["an image below 0", [-1], /there is no image -1/],
    ["an image twice", [5, 3, 5], /image 5 is selected twice/],
    ["nothing", [], /no image is selected/],
    ["a file that is not there", "none.txt", /cannot read .*none\.txt: ENOENT/],
    ["a file of names", "names.txt", /cannot read .*: it has `person-1`/],
    [
      "a stage of no study",
      faceNms({ features: faces, keep: 1 }),
      /face-nms is not made by a study before this/,
    ],
  ])("refuses %s", (_, selection, message) => {
    writeFileSync(join(home, "names.txt"), "1\nperson-1\n");
    expect(() => opened(selection)).toThrow(
      expect.objectContaining({ code: "F2C2136", message: expect.stringMatching(message) }),
    );
  });

  test("refuses a stage that leaves no images", () => {
    const guess = { [STAGE]: { kind: "guess", called: () => "a guess", needs: () => [] } };
    const made = () => ({ arrays: () => ({ places: new Int32Array(1) }) });
    expect(() => subset(faces, guess).open({ ...context, made })).toThrow("a guess leaves no `images`");
  });
});

describe("what is made from a selection", () => {
  const tiny = new URL("../fixtures/experiments/tiny.ts", import.meta.url).pathname;
  const { experiment, ...file } = loadExperiment(tiny);
  const core = faceNms({ features: experiment.data, keep: 0.5 });
  const final = { ...experiment, name: "final", data: subset(experiment.data, core) };
  const features = embed({ net: final, data: experiment.data });
  const loaded = { ...file, declared: study({ features, final, core }) } as LoadedStudy;
  const planned = (before: ReturnType<typeof planStudy> = []) => planStudy(loaded, { root: home, before });

  test("is planned as if all were selected, and again once it is known, with another hash", () => {
    const [selection, before, embedded] = planned() as [PlannedStage, PlannedStage, PlannedStage];
    const { folder, recipe, name } = selection;
    expect([name, before.name, before.awaits, embedded.awaits]).toEqual(["core", "final", "core", "core"]);
    expect(before.says).toContain("24 steps");
    mkdirSync(folder);
    const images = Int32Array.from({ length: 100 }, (_, i) => i);
    writeArtefact(folder, recipe, {
      "result.safetensors": writeSafetensors(join(folder, "result.safetensors"), { images }),
    });
    const [made, after, again] = planned([selection, before, embedded]);
    expect(made).toBe(selection);
    expect([stateOf(made!), after!.awaits, again!.awaits]).toEqual(["made", undefined, undefined]);
    expect(after!.hash).not.toBe(before.hash);
    expect(again!.hash).not.toBe(embedded.hash);
    const { setting } = (after as unknown as { program: { setting: object } }).program;
    expect(setting).toMatchObject({ identities: 25, images: 100 });
  });

  test("needs its stage, and what that is made from, in the study", () => {
    const path = join(home, "core.ts");
    writeFileSync(
      path,
      `import { embed, faceNms, fixed, mobileFaceNet, study, subset, syntheticFaces, experiment, f2c, plainSoftmax, dual, sgd } from "f2c-dsl";
const faces = syntheticFaces({ identities: 12, imagesPerIdentity: fixed(4), size: 32 });
const of = (name: string, data: typeof faces) => experiment({ name, data, lr: 0.05, steps: 4, optimizer: sgd(), loader: dual({ identities: 3, instances: 4 }),
  method: f2c({ net: mobileFaceNet({ embedding: 16, width: 0.25 }), pool: { capacity: 12 }, margin: plainSoftmax() }) });
const proxy = of("proxy", faces);
const core = faceNms({ features: embed({ net: proxy, data: faces }), keep: 0.6 });
export default study({ core, final: of("final", subset(faces, core)) });`,
    );
    expect(() => planStudy(load(path) as LoadedStudy, { root: home })).toThrow(
      "the study's `core` needs embeddings that is not a stage of it",
    );
  });
});
