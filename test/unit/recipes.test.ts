/** Recipes compile on stand-ins of the data that they are for, with as many identities and images, and are what arcface_torch's configs say. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileExperiment, loadExperiment } from "#compiler/index";
import { descriptionOf } from "#dsl/index";
import { Planner } from "#runtime/stages/planner";

const folder = mkdtempSync(join(tmpdir(), "f2c-recipes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const COUNTS = {
  ms1mv3: [93_431, 5_179_510],
  glint360k: [360_232, 17_091_657],
  webface42m: [2_059_906, 42_474_557],
  webface42mVit: [2_059_906, 42_474_557],
} as const;

function compiled(recipe: keyof typeof COUNTS, options: string) {
  const [identities, images] = COUNTS[recipe];
  const file = join(folder, "exp.ts");
  writeFileSync(
    file,
    `import { experiment, iresnet, ${recipe}, syntheticFaces } from "f2c-dsl";
export const unused = iresnet;
const [identities, images] = [${identities}, ${images}];
const counts = (n: number) =>
  Int32Array.from({ length: n }, (_, i) => Math.floor(images / identities) + (i < images % identities ? 1 : 0));
export default experiment({
  name: "standin", data: syntheticFaces({ identities, imagesPerIdentity: { counts }, size: 112 }), ...${recipe}(${options}),
});
`,
  );
  const program = compileExperiment(loadExperiment(file));
  const size = (name: (storage: string) => boolean) =>
    program.module.storages
      .filter((s) => s.role === "parameter" && name(s.name))
      .reduce((sum, { type }) => sum + (type.dims as number[]).reduce((a, b) => a * b, 1), 0);
  return {
    program,
    net: size((name) => name.startsWith("net.")),
    classes: size((name) => name.startsWith("bank.")),
    warnings: program.warnings.map(({ code }) => code),
  };
}

test("MS1MV3: ArcFace over all, 0.1 for 1,024 images, over 20 epochs", () => {
  const { program, net, classes, warnings } = compiled("ms1mv3", "");
  expect(warnings).toEqual([]);
  expect([net, classes]).toEqual([43_590_848, 93_431 * 512]);
  expect(program.steps).toBe(20 * Math.ceil(5_179_510 / 1024));
  const { scalars, arrays } = new Planner(program).next();
  expect(arrays["x.images"]).toHaveLength(1024);
  expect(scalars.lr).toBe(0.1);
  const at = (share: number) => {
    const { steps, stepsPerEpoch } = program;
    const step = share * steps;
    return program.experiment.lr({ step, epoch: 0, stepsPerEpoch, steps });
  };
  expect([at(0.25), at(0.5), at(1)]).toEqual([0.1 * 0.75, 0.1 * 0.5, 0]);
}, 60_000);

test("Glint360K with 128 images a step: eight steps an update, at the same rate", () => {
  const { program, net, classes, warnings } = compiled("glint360k", "{ images: 128, share: 0.1 }");
  expect(warnings).toEqual([]);
  expect([net, classes]).toEqual([65_156_160, 360_232 * 512]);
  expect(program.experiment.accumulate).toBe(8);
  const { scalars, arrays } = new Planner(program).next();
  expect(scalars.lr).toBe(0.1);
  expect(arrays["bank.sampled"]).toHaveLength(36_023);
}, 60_000);

test("WebFace42M: a fifth of two million classes, without what is probably the same person", () => {
  const { program, classes, warnings } = compiled(
    "webface42m",
    '{ images: 512, noise: "conflicts", net: iresnet(18) }',
  );
  expect(warnings).toEqual([]);
  expect(classes).toBe(2_059_906 * 512);
  expect(new Planner(program).next().arrays["bank.sampled"]).toHaveLength(411_981);
  expect(descriptionOf(program.experiment.method)).toMatchObject({ margin: { kind: "withoutConflicts" } });
}, 60_000);

test("WebFace42M for transformers: AdamW, 1e-3 for 24,576 images, which rises over 4 of 40 epochs", () => {
  const { program, net, warnings } = compiled("webface42mVit", "{ images: 2048 }");
  expect(warnings).toEqual([]);
  expect(net).toBe(113_833_472);
  expect(program.experiment.accumulate).toBe(12);
  const { steps, stepsPerEpoch } = program;
  expect(steps).toBe(40 * stepsPerEpoch);
  const at = (step: number) => program.experiment.lr({ step, epoch: 0, stepsPerEpoch, steps });
  expect(at(2 * stepsPerEpoch - 1)).toBeCloseTo(0.5 * 1e-3 * (1 - (2 * stepsPerEpoch - 1) / steps), 12);
  expect(at(20 * stepsPerEpoch)).toBeCloseTo(0.5e-3, 12);
}, 60_000);

test("classes with images of others have three centres", () => {
  const { classes } = compiled("ms1mv3", '{ noise: "outliers", net: iresnet(18) }');
  expect(classes).toBe(3 * 93_431 * 512);
}, 60_000);

test("the net's gradients are clipped, and not those of the classes", () => {
  const { program } = compiled("ms1mv3", "{ net: iresnet(18) }");
  const clips = program.updates.groups.map(({ name, gradients }) => [name, gradients !== undefined]);
  expect(clips).toEqual([
    ["net", true],
    ["classes", false],
  ]);
}, 60_000);
