import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileExperiment, encodeModule, loadExperiment } from "#compiler/index";
import { withNested } from "#compiler/ir/module";
import { Planner, requirePython } from "#runtime/index";
import { share } from "../long.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-oracle-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Case {
  readonly identities: number;
  readonly images: number;
  readonly capacity: number;
  readonly loader: readonly [identities: number, instances: number];
  readonly margin: string;
  readonly settings: { readonly margin_kind: string; readonly margin: number; readonly scale: number };
  readonly maskUnfilled: boolean;
  readonly steps: number;
  readonly backend?: string;
  readonly streams?: "apart" | "together";
}

/** Plans a session with the product's planner, and lets the literal oracle follow the compiled step through it. */
function compare(c: Case) {
  const file = join(folder, "oracle.ts");
  writeFileSync(
    file,
    `import { arcFace, cosFace, svSoftmax, dual, experiment, f2c, fixed, hardest, module, net, parameter, normal, ops, sgd, syntheticFaces, type Images } from "f2c-dsl";
const flat = net(6, ([c, h, w]) => module({ weight: parameter([6, c * h * w], normal(0.1)) }, ({ weight }, x: Images) => ops.linear(x.reshape([-1, c * h * w]), weight)) as never);
export default experiment({
  name: "oracle", data: syntheticFaces({ identities: ${c.identities}, imagesPerIdentity: fixed(${c.images}), size: 16, channels: 1 }),
  method: f2c({ net: flat, ema: (at) => 0.8 + 0.1 * Math.sin(at.step), pool: { capacity: ${c.capacity}, maskUnfilled: ${c.maskUnfilled} }, margin: ${c.margin}, negatives: hardest({ k: 3 }), streams: "${c.streams ?? "apart"}" }),
  loader: dual({ identities: ${c.loader[0]}, instances: ${c.loader[1]} }), optimizer: sgd({ momentum: 0 }), lr: 0.05, steps: ${c.steps},
});`,
  );
  const program = compileExperiment(loadExperiment(file));
  const planner = new Planner(program);
  const labels = program.train.offsets;
  const labelOf = (image: number) => labels.findIndex((first, i) => image >= first && image < labels[i + 1]!);
  const plans = Array.from({ length: c.steps }, () => {
    const { scalars, arrays } = planner.next();
    const list = Object.fromEntries(Object.entries(arrays).map(([name, data]) => [name, [...data]]));
    return {
      scalars,
      arrays: list,
      labels: { x: list["x.images"]!.map(labelOf), y: list["y.images"]!.map(labelOf) },
    };
  });
  const settings = { k: 3, mask_unfilled: c.maskUnfilled, ...c.settings };
  const scalar = (name: string) => plans.reduce((sum, p) => sum + Number(p.scalars[name]), 0);
  const session = join(folder, "session.json");
  writeFileSync(
    session,
    JSON.stringify({
      ir: encodeModule(program.module),
      backend: c.backend ?? "torchscript",
      capacity: c.capacity,
      settings,
      plans,
      images: labels.at(-1),
      shape: program.setting.shape,
    }),
  );
  const oracle = new URL("../../python-host/tests/compare_f2c.py", import.meta.url).pathname;
  const { stdout, stderr, status } = spawnSync(requirePython(), [oracle, session], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const { owner, order } = planner.state().pool as { owner: Int32Array; order: Int32Array };
  const book = { order: [...order].map((slot) => owner[slot]!), slots: [...order] };
  const dual = plans.reduce((sum, p) => sum + p.arrays["committed.dual"]!.reduce((a, b) => a + b, 0), 0);
  return {
    apart: JSON.parse(stdout) as Apart,
    book,
    inside: scalar("committed.inside"),
    outside: scalar("committed.outside"),
    dual,
  };
}

interface Apart {
  readonly loss: number;
  readonly gradient: number;
  readonly pool: number;
  readonly steps: number;
  readonly order: readonly number[];
  readonly slots: readonly number[];
}

const cosFace = {
  margin: "cosFace({ scale: 32, margin: 0.4 })",
  settings: { margin_kind: "am", margin: 0.4, scale: 32 },
};

const CASES: readonly (readonly [string, Case])[] = [
  [
    "a pool smaller than the stream of identities",
    {
      identities: 60,
      images: 3,
      capacity: 14,
      loader: [6, 12],
      ...cosFace,
      maskUnfilled: false,
      steps: share(60, 150),
    },
  ],
  [
    "a pool larger than all identities",
    {
      identities: 12,
      images: 4,
      capacity: 30,
      loader: [5, 8],
      ...cosFace,
      maskUnfilled: true,
      steps: share(60, 150),
    },
  ],
  [
    "both streams as one batch",
    {
      identities: 30,
      images: 3,
      capacity: 14,
      loader: [6, 12],
      ...cosFace,
      maskUnfilled: true,
      steps: 60,
      streams: "together",
    },
  ],
  [
    "identities several times in a batch",
    {
      identities: 7,
      images: 9,
      capacity: 16,
      loader: [3, 16],
      ...cosFace,
      maskUnfilled: true,
      steps: share(60, 150),
    },
  ],
  [
    "ArcFace as the paper's code has it",
    {
      identities: 40,
      images: 3,
      capacity: 20,
      loader: [6, 10],
      margin: 'arcFace({ scale: 32, margin: 0.5, beyond: "none" })',
      settings: { margin_kind: "arc", margin: 0.5, scale: 32 },
      maskUnfilled: false,
      steps: share(50, 100),
    },
  ],
  [
    "SV-softmax",
    {
      identities: 40,
      images: 3,
      capacity: 20,
      loader: [6, 10],
      margin: "svSoftmax({ scale: 32, margin: 0.4 })",
      settings: { margin_kind: "sv", margin: 0.4, scale: 32 },
      maskUnfilled: false,
      steps: share(50, 100),
      backend: "eager",
    },
  ],
];

test.each(CASES)("the planned step equals the literal two-pass oracle: %s", (_, c) => {
  const { apart, book, inside, dual } = compare(c);
  expect(apart.steps).toBe(c.steps);
  expect(apart.loss).toBeLessThan(1e-12);
  expect(apart.gradient).toBeLessThan(1e-10);
  // Pool contents are copies of gallery features: equal up to float64's own rounding in the features.
  expect(apart.pool).toBeLessThan(1e-12);
  // Who sits where, and in which order of use, exactly.
  expect(book).toEqual({ order: apart.order, slots: apart.slots });
  expect(inside).toBeGreaterThan(0);
  expect(dual).toBeGreaterThan(0);
});

test("as one batch, two streams go through a net in one call, and batch normalisation moves its statistics once", () => {
  const opsOf = (streams: string) => {
    const file = join(folder, "calls.ts");
    writeFileSync(
      file,
      `import { cosFace, dual, experiment, f2c, fixed, mobileFaceNet, sgd, syntheticFaces } from "f2c-dsl";
export default experiment({
  name: "calls", data: syntheticFaces({ identities: 20, imagesPerIdentity: fixed(2), size: 32 }), steps: 1,
  method: f2c({ net: mobileFaceNet({ embedding: 8, width: 0.125 }), pool: { capacity: 12 }, margin: cosFace({ scale: 16, margin: 0.2 }), streams: "${streams}" }),
  loader: dual({ identities: 4, instances: 4 }), optimizer: sgd({ momentum: 0 }), lr: 0.05,
});`,
    );
    const { module } = compileExperiment(loadExperiment(file));
    const ops = module.functions.find(({ name }) => name === "step")!.body.ops.flatMap(withNested);
    return ["conv2d", "batch_norm", "batch_norm_prelu"].map(
      (name) => ops.filter(({ op }) => op === name).length,
    );
  };
  const apart = opsOf("apart");
  expect(apart.every((count) => count > 0)).toBe(true);
  expect(opsOf("together")).toEqual(apart.map((count) => count / 2));
});
