/** Where the gradient of a loss goes, on functions in the IR's text form. Which ops it passes is asked of torch: test_shape_rules.py. */
import { describe, expect, test } from "vitest";
import { GradientFlow } from "#compiler/frontend/build/gradient-flow";
import { isTrained, verified } from "#compiler/index";
import { moduleOf } from "../passes/pass-test.js";

const MEAN = "dim = [], keepdim = false";
const START = `%w = state(@w) : f32[4, 4]
  %a = matmul(%x, %w) : f32[4, 4]
  %pool = state(@pool) : f32[8, 4]`;
const wrote = (source: string) => `index_copy_(%pool, %at, ${source}, dim = 0)`;

/** A step over images %x, slots %at, a condition %late and a count %n; it ends with the loss %y. */
function flowOf(ops: string) {
  const inputs =
    "%x : f32[4, 4] from plan, %at : i64[4] from plan, %late : bool from plan, %n : i64 from plan";
  const module = verified(moduleOf(`func @step(${inputs}) -> (y: f32[]) {\n${START}\n${ops}\nreturn(%y)\n}`));
  const [step] = module.functions;
  const body = step!.body.ops;
  const groups = new Map(module.groups.map((g) => [g.name, g.members]));
  const parameters = new Set(module.storages.filter(isTrained).map((p) => p.name));
  const flow = new GradientFlow(body.slice(0, -1), groups, parameters, new Set(["twin"]));
  return { flow, loss: body.at(-1)!.operands[0]! };
}
const reaches = (ops: string) => {
  const { flow, loss } = flowOf(ops);
  return { reaches: flow.reaches([loss]), cuts: flow.cuts([loss]).map((op) => op.op) };
};
const lost = (ops: string) => {
  const { flow, loss } = flowOf(ops);
  return flow.lost(loss).map(({ storage, write, read }) => [storage, write.op, read.op]);
};

describe("a parameter is reached", () => {
  test.each([
    ["through what has a derivative", `%y = mean(%a, ${MEAN}) : f32[]`],
    [
      "through a view of itself",
      `%t = transpose(%w, a = 0, b = 1) : f32[4, 4] %y = mean(%t, ${MEAN}) : f32[]`,
    ],
    ["through a group", "%g = group(@parameters) : group<parameters> %y = foreach_norm(%g) : f32[]"],
    [
      "through one arm of two",
      `%r = if(%late) { %d = detach(%a) : f32[4, 4] yield(%d) } { yield(%a) } : f32[4, 4]
       %y = mean(%r, ${MEAN}) : f32[]`,
    ],
    [
      "through what a loop carries",
      `%r = for(%n, %x) (%i : i64, %c : f32[4, 4]) { %s = add(%c, %a) : f32[4, 4] yield(%s) } : f32[4, 4]
       %y = mean(%r, ${MEAN}) : f32[]`,
    ],
    [
      "through remat",
      `%r = remat() { %s = relu(%a) : f32[4, 4] yield(%s) } : f32[4, 4] %y = mean(%r, ${MEAN}) : f32[]`,
    ],
    [
      "beside what is cut",
      `%d = detach(%a) : f32[4, 4] %m = mul(%d, %a) : f32[4, 4] %y = mean(%m, ${MEAN}) : f32[]`,
    ],
  ])("%s", (_, ops) => {
    expect(reaches(ops).reaches).toBe(true);
  });
});

describe("no parameter is reached", () => {
  test.each<[string, string, string[]]>([
    ["by a constant", `%c = constant(2) : f64 %y = from_scalar(%c) : f32[]`, []],
    ["by images alone", `%y = mean(%x, ${MEAN}) : f32[]`, []],
    ["by states alone", `%y = mean(%pool, ${MEAN}) : f32[]`, []],
    ["through detach", `%d = detach(%a) : f32[4, 4] %y = mean(%d, ${MEAN}) : f32[]`, ["detach"]],
    [
      "through no_grad",
      `%r = no_grad() { %s = relu(%a) : f32[4, 4] yield(%s) } : f32[4, 4] %y = mean(%r, ${MEAN}) : f32[]`,
      ["no_grad"],
    ],
    [
      "through a mask",
      `%c = constant(0) : f64 %m = gt(%a, %c) : bool[4, 4] %f = to(%m, dtype = "f32") : f32[4, 4]
       %y = mean(%f, ${MEAN}) : f32[]`,
      ["gt"],
    ],
    [
      "through whole numbers",
      `%k = argmax(%a, dim = 1, keepdim = false) : i64[4] %f = to(%k, dtype = "f32") : f32[4]
       %y = mean(%f, ${MEAN}) : f32[]`,
      ["argmax"],
    ],
    [
      "through both arms",
      `%r = if(%late) { %d = detach(%a) : f32[4, 4] yield(%d) } { yield(%x) } : f32[4, 4]
       %y = mean(%r, ${MEAN}) : f32[]`,
      ["detach"],
    ],
    [
      "through its shape",
      `%f = full_like(%a, value = 1) : f32[4, 4] %y = mean(%f, ${MEAN}) : f32[]`,
      ["full_like"],
    ],
  ])("%s", (_, ops, cuts) => {
    expect(reaches(ops)).toEqual({ reaches: false, cuts });
  });
});

const READ = `%r = matmul(%pool, %x) : f32[8, 4] %y = mean(%r, ${MEAN}) : f32[]`;

describe("a gradient is lost where the loss reads", () => {
  test.each([
    ["what was written", `${wrote("%a")} ${READ}`, ["pool", "index_copy_", "matmul"]],
    [
      "it through a view",
      `${wrote("%a")} %t = transpose(%pool, a = 0, b = 1) : f32[4, 8] %y = mean(%t, ${MEAN}) : f32[]`,
      ["pool", "index_copy_", "transpose"],
    ],
    [
      "it under a condition",
      `${wrote("%a")} %r = if(%late) { %s = mean(%pool, ${MEAN}) : f32[] yield(%s) }
         { %s2 = mean(%x, ${MEAN}) : f32[] yield(%s2) } : f32[] %c = constant(2) : f64 %y = mul(%r, %c) : f32[]`,
      ["pool", "index_copy_", "mean"],
    ],
    [
      "what is written under a condition",
      `if(%late) { ${wrote("%a")} yield() } { yield() } ${READ}`,
      ["pool", "index_copy_", "matmul"],
    ],
    [
      "what was written over under a condition only",
      `${wrote("%a")} %z = full(shape = [8, 4], value = 0) : f32[8, 4]
       if(%late) { copy_(%pool, %z) yield() } { yield() } ${READ}`,
      ["pool", "index_copy_", "matmul"],
    ],
    [
      "a parameter that was written from another",
      `%h = state(@head) : f32[5, 4] %s = slice(%h, dim = 0, start = 0, end = 4) : f32[4, 4]
       copy_(%w, %s) %b = matmul(%x, %w) : f32[4, 4] %y = mean(%b, ${MEAN}) : f32[]`,
      ["w", "copy_", "matmul"],
    ],
  ])("%s", (_, ops, found) => {
    expect(lost(ops)).toEqual([found]);
  });

  test("a copy of what was written", () => {
    const copied = `%other = state(@head) : f32[5, 4] %five = slice(%pool, dim = 0, start = 0, end = 5) : f32[5, 4]
      copy_(%other, %five) %y = mean(%other, ${MEAN}) : f32[]`;
    expect(lost(`${wrote("%a")} ${copied}`)).toEqual([["head", "copy_", "mean"]]);
  });
});

describe("no gradient is lost where", () => {
  test.each([
    [
      "the loss reads a twin that follows its net",
      `%c = state(@conv) : f32[8, 3, 3, 3] %m = constant(0.1) : f64 %t = state(@twin) : f32[8, 3, 3, 3]
       lerp_(%t, %c, %m) %s = sub(%c, %t) : f32[8, 3, 3, 3] %y = mean(%s, ${MEAN}) : f32[]`,
    ],
    ["the loss reads before the write", `${READ} ${wrote("%a")}`],
    ["what is written is detached", `%d = detach(%a) : f32[4, 4] ${wrote("%d")} ${READ}`],
    ["what is written depends on no parameter", `${wrote("%x")} ${READ}`],
    [
      "what is read is detached",
      `${wrote("%a")} %d = detach(%pool) : f32[8, 4] %r = matmul(%d, %a) : f32[8, 4] %y = mean(%r, ${MEAN}) : f32[]`,
    ],
    ["the write stands in no_grad", `no_grad() { ${wrote("%a")} yield() } ${READ}`],
    [
      "the read stands in no_grad",
      `${wrote("%a")} %r = no_grad() { %s = matmul(%pool, %a) : f32[8, 4] yield(%s) } : f32[8, 4]
       %y = mean(%r, ${MEAN}) : f32[]`,
    ],
    [
      "it is written over",
      `${wrote("%a")} %z = full(shape = [8, 4], value = 0) : f32[8, 4] copy_(%pool, %z) ${READ}`,
    ],
    [
      "the other arm reads",
      `%r = if(%late) { ${wrote("%a")} %s = mean(%x, ${MEAN}) : f32[] yield(%s) }
      { %s2 = mean(%pool, ${MEAN}) : f32[] yield(%s2) } : f32[] %c = constant(2) : f64 %y = mul(%r, %c) : f32[]`,
    ],
    [
      "a parameter is written from itself",
      `%s = softmax(%w, dim = 1) : f32[4, 4] copy_(%w, %s) %b = matmul(%x, %w) : f32[4, 4] %y = mean(%b, ${MEAN}) : f32[]`,
    ],
    [
      "only a number of the log reads",
      `${wrote("%a")} %m = mean(%pool, ${MEAN}) : f32[] %y = mean(%a, ${MEAN}) : f32[]`,
    ],
  ])("%s", (_, ops) => {
    expect(lost(ops)).toEqual([]);
  });
});
