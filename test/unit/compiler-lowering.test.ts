import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { compileExperiment, loadExperiment, type PassRecord, printModule } from "#compiler/index";
import { deadCode } from "#compiler/passes/dead-code";

const root = mkdtempSync(join(tmpdir(), "f2c-lowering-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Sources {
  /** What the step does between its first line, which makes `features`, and its last, which returns the loss. */
  body?: string;
  /** The step's last statement. */
  result?: string;
  /** What stands before the experiment. */
  before?: string;
  /** More entries of the method's state, and of its plan. */
  state?: string;
  plan?: string;
  /** Children of the net, and its forward function. */
  net?: string;
  /** Other files, by name. */
  files?: Record<string, string>;
}

/** Softmax over a linear layer on pooled pixels: 4 images, 8 features, 5 classes. */
const experiment = ({
  body = "",
  result = "return { loss };",
  before = "",
  state = "",
  plan = "",
  net = `module({ pool: adaptiveAvgPool2d(2), flat: flatten(), fc: linear(12, 8) },
    ({ pool, flat, fc }, x: Images): Features<8> => fc(flat(pool(x)) as never))`,
}: Sources) => `
import {
  adaptiveAvgPool2d, dual, experiment, fixed, flatten, type Features, type Images, linear, loader, method, module, ops, parameter,
  sequential, sgd, stack, syntheticFaces, type Tensor, training, noGrad, state as stored, zeros, normalize,
} from "f2c-dsl";
type Scalar = Tensor<readonly [], "f32">;
${before}
export default experiment({
  name: "lowering",
  data: syntheticFaces({ identities: 5, imagesPerIdentity: fixed(4), size: 16, heldOut: { identities: 0, images: 0 } }),
  method: () =>
    method(
      { net: ${net}, head: linear(8, 5), ${state} },
      {
        plan(_books, { x }, at) {
          return { labels: x.labels, turns: at.step + 2, big: at.step > 3, weight: 0.5 * at.step, ${plan} };
        },
        step({ net, head, ...rest }, { x }, plan) {
          const features = net(x) as Features<8>;
          let loss = ops.cross_entropy(head(features) as never, plan.labels as never).mean() as unknown as Scalar;
          ${body}
          ${result}
        },
        embed: ({ net }, images) => net(images) as Features<8>,
      },
    ),
  loader: loader(dual({ identities: 3, instances: 2 })),
  optimizer: sgd({ momentum: 0 }),
  lr: 0.1,
  steps: 2,
});
`;

let folders = 0;
function compile(sources: Sources) {
  const directory = join(root, String(folders++));
  const files = { "experiment.ts": experiment(sources), ...sources.files };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  const stages: PassRecord[] = [];
  compileExperiment(loadExperiment(join(directory, "experiment.ts")), (stage) => stages.push(stage));
  // As lowered, without what nobody uses: other passes have tests of their own.
  return deadCode.run(stages[0].module).module;
}

const step = (sources: Sources): string => printModule(compile(sources), { function: "step" });

/** How often an op occurs. */
const count = (text: string, op: string) => text.match(new RegExp(`(?<![\\w.])${op}\\(`, "g"))?.length ?? 0;
/** The lines of the first op of this name, regions included. */
function region(text: string, op: string): string {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => new RegExp(`(= |^\\s*)${op}\\(`).test(line));
  expect(first, `no ${op} in\n${text}`).toBeGreaterThanOrEqual(0);
  const indent = /^ */.exec(lines[first]!)![0];
  const last = lines.findIndex((line, i) => i > first && new RegExp(`^${indent}\\}[^{]*$`).test(line));
  return lines.slice(first, last + 1).join("\n");
}

const plain = step({});

describe("what is known when the program is built", () => {
  test("decides an `if` without a trace", () => {
    const before = "const sharp = 3 as number;";
    const text = step({ before, body: "if (sharp > 2) loss = loss.mul(2); else loss = loss.exp();" });
    expect(count(text, "if")).toBe(0);
    expect(count(text, "mul")).toBe(count(plain, "mul") + 1);
    expect(count(text, "exp")).toBe(count(plain, "exp"));
  });

  test("and does nothing leaves the same program", () => {
    expect(step({ before: "const sharp = 1 as number;", body: "if (sharp > 2) loss = loss.exp();" })).toBe(
      plain,
    );
    expect(step({ body: "if (!training()) loss = loss.exp();" })).toBe(plain);
  });

  test("unrolls a loop over blocks, whose parameters are named by their places", () => {
    const module = compile({
      net: `module(
        { pool: adaptiveAvgPool2d(2), flat: flatten(), first: linear(12, 8), blocks: [linear(8, 8), linear(8, 8), linear(8, 8)] },
        ({ pool, flat, first, blocks }, x: Images): Features<8> => {
          let y = first(flat(pool(x)) as never) as Features<8>;
          for (const block of blocks) y = block(y as never).relu() as Features<8>;
          return y;
        })`,
    });
    expect(module.storages.filter((s) => s.role === "parameter").map((p) => p.name)).toEqual([
      "net.first.weight",
      "net.first.bias",
      ...[0, 1, 2].flatMap((i) => [`net.blocks.${i}.weight`, `net.blocks.${i}.bias`]),
      "head.weight",
      "head.bias",
    ]);
    const text = printModule(module, { function: "step" });
    expect(count(text, "relu")).toBe(3);
    expect(count(text, "for")).toBe(0);
  });

  test("unrolls counted loops, `while`, break and continue as JavaScript runs them", () => {
    const text = step({
      body: `for (let i = 0; i < 10; i++) { if (i === 1) continue; if (i === 4) break; loss = loss.add(i); }
             let k = 8; while (k > 1) { k = k / 2; loss = loss.mul(k); }`,
    });
    expect([...text.matchAll(/constant\((\d+)\)/g)].map((m) => m[1])).toEqual(
      expect.arrayContaining(["0", "2", "3", "4"]),
    );
    expect(count(text, "add")).toBe(count(plain, "add") + 3);
    expect(count(text, "mul")).toBe(count(plain, "mul") + 3);
  });

  test("takes lists, tuples and records apart, with defaults and rests", () => {
    const text = step({
      body: `const [a, [b, c = loss.mul(3)], ...others] = [loss.mul(2), [loss.exp()] as Scalar[], loss.abs(), loss.neg()] as any;
             const { p, q: { r }, s = loss.tanh(), ...left } = { p: a, q: { r: b }, t: c, u: others[1] } as any;
             loss = p.add(r).add(s).add(left.t).add(left.u) as Scalar;`,
    });
    for (const op of ["exp", "tanh", "neg"]) expect(count(text, op)).toBe(count(plain, op) + 1);
    expect(count(text, "mul")).toBe(count(plain, "mul") + 2);
    // Nobody uses the first of the others.
    expect(count(text, "abs")).toBe(count(plain, "abs"));
  });

  test("swaps two names by a pattern", () => {
    const text = step({
      body: "let a = loss.exp(); let b = loss.abs(); [a, b] = [b, a]; loss = a.sub(b) as Scalar;",
    });
    expect(text).toMatch(/sub\(%\S*b\S*, %\S*a\S*\)|sub\(%.*\)/);
    const [, left, right] = /= sub\((%[^,]+), (%[^,)]+)[^\n]*: f32\[\]/.exec(text)!;
    expect(text).toMatch(new RegExp(`\\${left} = abs\\(`));
    expect(text).toMatch(new RegExp(`\\${right} = exp\\(`));
  });
});

describe("functions", () => {
  test("close over names of the step and of the file, and are inlined at each call", () => {
    const text = step({
      before: "const factor = 7;",
      body: `const offset = loss.exp();
             const shifted = (t: Scalar, by = factor) => t.add(offset).mul(by) as Scalar;
             function twice(t: Scalar) { return shifted(shifted(t), 9); }
             loss = twice(loss);`,
    });
    expect(count(text, "exp")).toBe(1);
    expect(text).toContain("constant(7)");
    expect(text).toContain("constant(9)");
    expect(count(text, "call")).toBe(0);
  });

  test("see the value that a variable has at the call", () => {
    const text = step({
      body: "let by = 2; const scaled = () => loss.mul(by); by = 5; loss = scaled() as Scalar;",
    });
    expect(text).toContain("constant(5)");
    expect(text).not.toContain("constant(2)");
  });

  test("of another file are inlined, and places name that file and the call", () => {
    const files = {
      "parts/losses.ts": `import type { Tensor } from "f2c-dsl";
import { floor } from "./floor";
export const softened = (x: Tensor<readonly [], "f32">) => floor(x).tanh();`,
      "parts/floor.ts": `import type { Tensor } from "f2c-dsl";
export function floor(x: Tensor<readonly [], "f32">) { return x.clamp({ min: 0.25 }); }`,
    };
    const module = compile({
      before: 'import { softened } from "./parts/losses.js";',
      body: "loss = softened(loss);",
      files,
    });
    const text = printModule(module, { function: "step", locations: true });
    expect(text).toMatch(/tanh\(.*loc\(parts\/losses\.ts:\d+-\d+ <- experiment\.ts:\d+-\d+/);
    expect(text).toMatch(
      /clamp\(.*min = 0\.25.*loc\(parts\/floor\.ts:\S+ <- parts\/losses\.ts:\S+ <- experiment\.ts/,
    );
    expect(module.sources.map((s) => s.path)).toEqual(
      expect.arrayContaining(["experiment.ts", "parts/losses.ts", "parts/floor.ts"]),
    );
  });
});

describe("what is known only when the program runs", () => {
  test("makes an `if` a region in which both arms yield what they assign", () => {
    const text = step({ body: "if (plan.big) loss = loss.mul(2); else loss = loss.exp();" });
    const made = region(text, "if");
    expect(made).toMatch(/if\(%big\) \{/);
    expect(made).toMatch(/\} : f32\[\]$/);
    expect(count(made, "yield")).toBe(2);
    expect(count(made, "mul")).toBe(1);
    expect(count(made, "exp")).toBe(1);
    // What comes after reads the joined value.
    expect(text).toMatch(/gradients\(%loss/);
  });

  test("joins a number that one arm changes as a scalar of the program", () => {
    const text = step({ body: "let by = 3; if (plan.big) by = plan.weight; loss = loss.mul(by);" });
    expect(region(text, "if")).toMatch(/\} : f64$/);
    expect(region(text, "if")).toContain("constant(3)");
  });

  test("compares numbers of the plan by scalar ops", () => {
    const text = step({ body: "loss = loss.mul(plan.weight > 0.25 ? plan.weight + 1 : 4);" });
    expect(count(text, "scalar_gt")).toBe(1);
    expect(region(text, "if")).toMatch(/\} : f64$/);
  });

  test("turns an early return into a choice between it and what follows", () => {
    const text = step({
      body: "if (plan.weight > 2) return { loss: loss.exp() as Scalar }; loss = loss.tanh();",
    });
    const made = region(text, "if");
    expect(count(made, "exp")).toBe(1);
    expect(count(made, "tanh")).toBe(1);
    expect(made).toMatch(/\} : f32\[\]$/);
  });

  test("turns an early return of a function into a choice inside the step", () => {
    const text = step({
      before: `const softened = (t: Scalar, hard: boolean): Scalar => { if (hard) return t; const u = t.exp(); return u.mul(3) as Scalar; };`,
      body: "loss = softened(loss, plan.big).add(1) as Scalar;",
    });
    const made = region(text, "if");
    expect(count(made, "exp")).toBe(1);
    expect(text.indexOf("add(", text.indexOf(made) + made.length)).toBeGreaterThan(0);
  });

  test("makes a counted loop a region that carries what it assigns", () => {
    const text = step({ body: "for (let i = 0; i < plan.turns; i++) loss = loss.mul(2).add(i) as Scalar;" });
    const made = region(text, "for");
    expect(made).toMatch(/for\(%\S+, %\S+\) \(%\S+ : i64, %loss\S* : f32\[\]\) \{/);
    expect(made).toMatch(/\} : f32\[\]$/);
    expect(count(made, "yield")).toBe(1);
    expect(count(made, "mul")).toBe(1);
  });

  test("makes a conditional loop a region for its test and one for its turns", () => {
    const text = step({
      body: "let w = plan.weight; while (w < 8) { w = w * 2 + 1; loss = loss.mul(w) as Scalar; }",
    });
    const made = region(text, "while");
    expect(made).toMatch(/\} : f64, f32\[\]$|\} : f32\[\], f64$/);
    expect(count(made, "yield")).toBe(2);
    expect(count(made, "scalar_lt")).toBe(1);
    expect(count(made, "mul")).toBe(1);
  });

  test("evaluates the right side of && and || only where it counts", () => {
    for (const [operator, constant] of [
      ["&&", "false"],
      ["||", "true"],
    ]) {
      const text = step({
        body: `loss = plan.big ${operator} plan.weight * 3 > 1 ? loss.exp() as Scalar : loss;`,
      });
      const made = region(text, "if");
      expect(made).toMatch(/\} : bool$/);
      expect(count(made, "scalar_mul")).toBe(1);
      expect(made).toContain(`constant(${constant})`);
    }
  });

  test("computes without gradient in a region of its own", () => {
    const text = step({ body: "const still = noGrad(() => loss.exp()); loss = loss.add(still) as Scalar;" });
    expect(count(region(text, "no_grad"), "exp")).toBe(1);
  });
});

describe("a list of numbers", () => {
  const lines = (sources: Sources) =>
    step(sources)
      .split("\n")
      .filter((line) => / = tensor\(/.test(line))
      .map((line) => line.trim().replace(/%\S+ = /, ""));

  test("is a tensor, row by row, of what is captured or written", () => {
    const before = "const table = [[1, 2, 3], [4, 5, 6]]; const weights = new Float32Array([0.5, 2]);";
    const body = `loss = loss.mul(ops.tensor(table, "i64").to("f32").mean()).mul(ops.tensor(weights).mean())
      .mul(ops.tensor([2, 3].map((n) => n ** 2), { dtype: "f64" } as never).to("f32").mean());`;
    expect(lines({ before, body })).toEqual([
      'tensor(dtype = "i64", shape = [2, 3], values = [1, 2, 3, 4, 5, 6]) : i64[2, 3]',
      'tensor(dtype = "f32", shape = [2], values = [0.5, 2]) : f32[2]',
      'tensor(dtype = "f64", shape = [2], values = [4, 9]) : f64[2]',
    ]);
  });

  test("of booleans is a mask where it is to be one", () => {
    const body = `loss = ops.where(ops.tensor([[true, false]], "bool"), loss, 0).sum() as Scalar;`;
    expect(lines({ body })).toEqual(['tensor(dtype = "bool", shape = [1, 2], values = [1, 0]) : bool[1, 2]']);
  });
});

test("parts of a tensor are a list, as many as fit", () => {
  const text = step({
    body: "const [a, b, c] = features.chunk(3, 1); const [whole] = features.chunk(1); loss = loss.add(a!.mean()).add(c!.sum()).add(whole!.mean());",
  });
  expect(text).toContain("chunk(%features, chunks = 3, dim = 1) : f32[4, 3], f32[4, 3], f32[4, 2]");
  expect(count(text, "chunk")).toBe(2);
});

describe("a part of a tensor", () => {
  test("begins where a number of the plan says, cut to a whole one", () => {
    const text = step({ body: "loss = loss.add(features.narrow(0, plan.weight, 2).mean());" });
    expect(text).toMatch(/%\S+ = scalar_to_i64\(%\S*weight\) : i64/);
    expect(text).toMatch(/narrow\(%features, %\w+, dim = 0, length = 2\) : f32\[2, 8\]/);
  });

  test("begins at a number that is known now, too", () => {
    expect(step({ body: "loss = loss.add(features.narrow(1, -3, 2).mean());" })).toMatch(
      /narrow\(%features, %\w+, dim = 1, length = 2\) : f32\[4, 2\]/,
    );
  });
});

test("a filled tensor is as large as another of open size", () => {
  const module = compile({
    net: `module({ pool: adaptiveAvgPool2d(2), flat: flatten(), fc: linear(12, 8) },
      ({ pool, flat, fc }, x: Images): Features<8> => {
        const y = fc(flat(pool(x)) as never);
        return y.add(ops.full([y.shape[0], 8], 0.5)).add(ops.full([1, 8], 1)) as never;
      })`,
  });
  const infer = printModule(module, { function: "infer" });
  expect(infer).toMatch(
    /full_sized\(%\w+, dims = \[0\], dtype = "f32", shape = \[-1, 8\], value = 0.5\) : f32\[B, 8\]/,
  );
  expect(printModule(module, { function: "step" })).toContain(
    'full(dtype = "f32", shape = [4, 8], value = 0.5)',
  );
});

describe("a gradient as a value", () => {
  const penalty = "loss = loss.add(gradientOf(loss, features).pow(2).sum()) as Scalar;";
  const before = 'import { gradientOf } from "f2c-dsl";';
  const ops = (text: string, ...names: string[]) =>
    text.split("\n").filter((line) => names.some((name) => line.includes(`= ${name}(`)));

  test("is taken by what the loss was computed from: all that used it uses what is tracked", () => {
    const text = step({ before, body: penalty });
    const [tracked, taken] = ops(text, "tracked", "gradient_of").map((line) => line.trim());
    expect(tracked).toMatch(/^%features#1 = tracked\(%features\) : f32\[4, 8\]$/);
    expect(taken).toMatch(/= gradient_of\(%loss, %features#1\) : f32\[4, 8\]$/);
    expect(ops(text, "linear").join()).toMatch(/linear\(%features#1, /);
    expect(text.indexOf("gradient_of(")).toBeLessThan(text.indexOf(" gradients("));
  });

  test("of several values is a list, and by the step's images too", () => {
    const text = step({
      before,
      body: `const [a, b] = gradientOf(loss, [features, x]); loss = loss.add(a.sum()).add(b.sum()) as Scalar;`,
    });
    expect(ops(text, "tracked")).toHaveLength(2);
    expect(ops(text, "gradient_of")[0]).toMatch(/ : f32\[4, 8\], f32\[4, 3, 16, 16\]$/);
  });

  test("that is only logged is taken before the update", () => {
    const text = step({
      before,
      body: "const length = gradientOf(loss, features).norm();",
      result: "return { loss, length };",
    });
    expect(text.indexOf("gradient_of(")).toBeLessThan(text.indexOf(" gradients("));
  });
});

test("what stays in f32 is a region", () => {
  const text = step({
    before: 'import { inF32 } from "f2c-dsl";',
    body: "loss = inF32(() => features.mean().add(loss)) as Scalar;",
  });
  expect(region(text, "in_f32")).toMatch(/mean\(%features/);
});

describe("a random number", () => {
  const drawn = (text: string) =>
    text
      .split("\n")
      .filter((line) => / = (rand|randn|randint|bernoulli|permutation)\(/.test(line))
      .map((line) => line.trim().replace(/^%\S+ = /, ""));

  test("is a function of seed, step and its own place: calls of one function have each its own", () => {
    const text = step({
      before: "const noise = () => ops.randn([4, 8]);",
      body: `loss = loss.add(noise().mean()).add(noise().mean()).add(ops.randint(0, 5, [3]).to("f32").mean())
        .add(ops.bernoulli(features).mean()).add(ops.permutation(6).to("f32").mean()).add(ops.rand([2], "f64").to("f32").mean());`,
    });
    expect(drawn(text)).toEqual([
      'randn(%random.seed, %random.step, dtype = "f32", place = 0, shape = [4, 8]) : f32[4, 8]',
      'randn(%random.seed, %random.step, dtype = "f32", place = 1, shape = [4, 8]) : f32[4, 8]',
      "randint(%random.seed, %random.step, high = 5, low = 0, place = 2, shape = [3]) : i64[3]",
      "bernoulli(%features, %random.seed, %random.step, place = 3) : f32[4, 8]",
      "permutation(%random.seed, %random.step, place = 4, size = 6) : i64[6]",
      'rand(%random.seed, %random.step, dtype = "f64", place = 5, shape = [2]) : f64[2]',
    ]);
    expect(text).toMatch(/%random.seed : i64 from plan,\s+%random.step : i64 from plan/);
  });

  test("that is not drawn asks for no input", () => {
    expect(plain).not.toContain("random");
  });

  test("of dropout is drawn in training alone", () => {
    const net = `module({ pool: adaptiveAvgPool2d(2), flat: flatten(), fc: linear(12, 8), drop: dropout(0.25) },
      ({ pool, flat, fc, drop }, x: Images): Features<8> => drop(fc(flat(pool(x)) as never)) as never)`;
    const module = compile({ net, before: 'import { dropout } from "f2c-dsl";' });
    const text = printModule(module, { function: "step" });
    expect(drawn(text)).toEqual([
      expect.stringMatching(/^bernoulli\(%\d+, %random.seed, %random.step, place = 0\) : f32\[4, 8\]$/),
    ]);
    expect(text).toContain('full(dtype = "f32", shape = [4, 8], value = 0.75)');
    expect(drawn(printModule(module, { function: "infer" }))).toEqual([]);
  });
});
