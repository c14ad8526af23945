import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { compileExperiment, loadExperiment, printTorch, torchFunctionText } from "#compiler/index";
import { literal, pythonFloat, realLiteral, wholeLiteral } from "#compiler/torch/python-literal";

const root = new URL("../../", import.meta.url).pathname;
const tiny = `${root}test/fixtures/experiments/tiny.ts`;
const { module } = compileExperiment(loadExperiment(tiny));
const infer = module.functions.find((fn) => fn.name === "infer")!;

// What CPython 3.11 prints for `repr` of each.
test.each([
  [0, "0.0"],
  [-0, "-0.0"],
  [1, "1.0"],
  [-1.5, "-1.5"],
  [0.1, "0.1"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [1e-7, "1e-07"],
  [-2.5e-7, "-2.5e-07"],
  [123456.789, "123456.789"],
  [1e15, "1000000000000000.0"],
  [2 ** 53, "9007199254740992.0"],
  [1e16, "1e+16"],
  [123456789012345680, "1.2345678901234568e+17"],
  [1e22, "1e+22"],
  [5e-324, "5e-324"],
  [1.7976931348623157e308, "1.7976931348623157e+308"],
  [Number.NaN, "nan"],
  [Number.POSITIVE_INFINITY, "inf"],
  [Number.NEGATIVE_INFINITY, "-inf"],
])("Python spells the float %d as %s", (value, spelled) => {
  expect(pythonFloat(value)).toBe(spelled);
});

test("what is not finite is made by a call, since Python has no literal for it", () => {
  expect(["nan", "inf", Number.NEGATIVE_INFINITY].map(realLiteral)).toEqual([
    "float('nan')",
    "float('inf')",
    "float('-inf')",
  ]);
});

test("a number is an int where the wire carries one, a float beyond 32 bits; the sign of -0 is lost on the way", () => {
  const numbers = [1, -0, 0.5, 2 ** 32 - 1, 2 ** 32, -(2 ** 31), -(2 ** 31) - 1];
  expect(numbers.map(literal)).toEqual([
    "1",
    "0",
    "0.5",
    "4294967295",
    "4294967296.0",
    "-2147483648",
    "-2147483649.0",
  ]);
  expect(realLiteral(-0)).toBe("0.0");
  expect(wholeLiteral(1e21)).toBe("1000000000000000000000");
});

test("booleans, texts of numbers and lists are Python's", () => {
  expect([true, false, "inf", [1, -1]].map(literal)).toEqual(["True", "False", "float('inf')", "[1, -1]"]);
});

test("above the functions stand the storages that they touch, and no others", () => {
  const [head, text] = printTorch(module, { function: "infer" }).split("\n\n");
  expect(text).toBe(`${torchFunctionText(module, infer)}\n`);
  const listed = head!.split("\n").slice(1);
  const used = new Set(text!.match(/S\[\d+\]/g));
  expect(new Set(listed.map((line) => /S\[\d+\]/.exec(line)![0]))).toEqual(used);
  const { storages } = module;
  const first = storages[0]!;
  expect(listed[0]).toBe(`# S[0] = @${first.name} : f32[16, 3, 3, 3]`);
  const mean = storages.findIndex((s) => s.name === first.name.replace("conv.weight", "bn.mean"));
  expect(listed).toContain(`# S[${mean}] = @${storages[mean]!.name} : f32[16]`);
  expect(storages.filter((s) => s.role === "state").length).toBeGreaterThan(used.size);
});

test("places are comments alone: without them the text is the plain one, and each begins at another place", () => {
  const lines = printTorch(module, { function: "infer", locations: true }).split("\n");
  const isPlace = (line: string) => /^ *# [\w./-]+\.ts:\d+:\d+$/.test(line);
  expect(lines.filter((line) => !isPlace(line)).join("\n")).toBe(printTorch(module, { function: "infer" }));
  const places = lines.filter(isPlace).map((line) => line.trim());
  expect(places.length).toBeGreaterThan(50);
  expect(places.filter((place, i) => place === places[i - 1])).toEqual([]);
  const at = lines.findIndex((line) => line.includes("aten__linalg_vector_norm"));
  const [, path, line, column] = /# (.+):(\d+):(\d+)/.exec(lines.slice(0, at).filter(isPlace).at(-1)!)!;
  const source = module.sources.find((s) => s.path === path)!.text.split("\n")[Number(line) - 1]!;
  expect(source.slice(Number(column) - 1)).toMatch(/^.{0,40}norm\(/);
});

const ir = (...args: string[]) => {
  const run = spawnSync(process.execPath, [`${root}dist/runtime/cli/main.js`, "ir", tiny, ...args], {
    encoding: "utf8",
    env: { ...process.env, PATH: "" }, // no Python
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
};

test("`ir --stage torch` prints it, without Python", () => {
  const { code, out } = ir("--stage", "torch", "--function", "infer");
  expect(code).toBe(0);
  expect(out).toBe(printTorch(module, { function: "infer" }));
});

test("`ir --stage` refuses what it cannot show", () => {
  expect(ir("--stage", "torch", "--json")).toMatchObject({ code: 2, out: "" });
  expect(ir("--stage", "torch", "--function", "stride").err).toContain("choose one of step, embed, infer");
  expect(ir("--stage", "machine-code").err).toContain("optimised, torch");
});
