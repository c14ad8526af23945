/** A sampler and an augmentation of one's own stand in an experiment's file: no line of the library is touched. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileExperiment, loadExperiment } from "#compiler/index";
import { Planner } from "#runtime/stages/planner";

const folder = mkdtempSync(join(tmpdir(), "f2c-own-parts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the same images in every step, each with a stripe that the plan draws", () => {
  const file = join(folder, "exp.ts");
  writeFileSync(
    file,
    `import {
  adaptiveAvgPool2d, augmentation, experiment, fixed, flatten, type Images, linear, loader, method, module, ops, randomBelow,
  type Sampler, sgd, syntheticFaces,
} from "f2c-dsl";

/** Images of one epoch's length, drawn with replacement. */
const bootstrap = (images: number): Sampler => ({
  streams: { x: images },
  sampler: (offsets, seed) => {
    const count = offsets.at(-1)!;
    const owner = (image: number) => offsets.findLastIndex((first) => first <= image);
    return {
      stepsPerEpoch: Math.ceil(count / images),
      sample: (step) => {
        const chosen = Int32Array.from({ length: images }, (_, i) => randomBelow(count, seed, 7, step * images + i));
        return { x: { images: chosen, labels: chosen.map(owner) } };
      },
    };
  },
});

const stripe = (reach: number) =>
  augmentation("stripe", { reach }, {
    draw: (random) => ({ level: random.uniform("level", 0, reach), on: random.chosen("on", 0.5) }),
    apply: (images, { level, on }) =>
      ops.where(on.reshape([-1, 1, 1, 1]), images.add(level.reshape([-1, 1, 1, 1])), images),
  });

export default experiment({
  name: "own",
  data: syntheticFaces({ identities: 5, imagesPerIdentity: fixed(4), size: 16, heldOut: { identities: 0, images: 0 } }),
  loader: loader(bootstrap(6), stripe(0.2), stripe(0.1)),
  optimizer: sgd(), lr: 0.1, steps: 4,
  method: ({ identities }) =>
    method(
      { net: module({ pool: adaptiveAvgPool2d(1), flat: flatten(), fc: linear(3, 8) }, ({ pool, flat, fc }, x: Images) => fc(flat(pool(x)))), head: linear(8, identities) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean(),
        embed: ({ net }, images) => net(images),
      },
    ),
});
`,
  );
  const program = compileExperiment(loadExperiment(file));
  const step = program.module.functions.find(({ name }) => name === "step")!;
  expect(step.inputs.map(({ value }) => value.name)).toEqual([
    ...["x.images", "x.stripe.level", "x.stripe.on", "x.stripe2.level", "x.stripe2.on", "lr", "labels"],
  ]);
  const { arrays } = new Planner(program).next();
  expect(arrays["x.images"]).toHaveLength(6);
  expect([...arrays.labels!]).toEqual(Array.from(arrays["x.images"]!, (image) => Math.floor(image / 4)));
  const reach = (name: string) => Math.max(...Array.from(arrays[name]!, Math.abs));
  expect(reach("x.stripe.level")).toBeLessThanOrEqual(0.2);
  expect(reach("x.stripe2.level")).toBeLessThanOrEqual(0.1);
  expect(arrays["x.stripe.level"]).not.toEqual(arrays["x.stripe2.level"]);
});
