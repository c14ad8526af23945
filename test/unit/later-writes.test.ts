/** Which writes may stand after the gradient, on functions in the IR's text form. */
import { expect, test } from "vitest";
import { earlyWrites } from "#compiler/frontend/build/early-writes";
import { laterWrites } from "#compiler/frontend/build/later-writes";
import { verified } from "#compiler/index";
import { moduleOf } from "../passes/pass-test.js";

/** The writes of a step that come too early for its loss %y, and those of them that can wait, as what stands in their place. */
function waiting(ops: string) {
  const inputs = "%x : f32[4, 4] from plan, %at : i64[4] from plan, %late : bool from plan";
  const start = `%w = state(@w) : f32[4, 4] %pool = state(@pool) : f32[8, 4] %a = matmul(%x, %w) : f32[4, 4]
    %seen = index_select(%pool, %at, dim = 0) : f32[4, 4] %m = mul(%a, %seen) : f32[4, 4]
    %half = mean(%m, dim = [], keepdim = false) : f32[]`;
  const text = `func @step(${inputs}) -> (y: f32[]) {\n${start}\n${ops}\nreturn(%y)\n}`;
  const module = verified(moduleOf(text));
  const body = module.functions[0]!.body.ops;
  const before = body.slice(0, -1);
  const groups = new Map(module.groups.map((g) => [g.name, g.members]));
  const early = earlyWrites(before, body.at(-1)!.operands[0]!, groups).map(({ write }) => write);
  const later = laterWrites(before, new Set(early), { updated: new Set(["w"]), groups });
  return { early: early.map(({ op }) => op), later: [...later].map(({ op }) => op) };
}

const WRITE = "index_copy_(%pool, %at, %x, dim = 0)";
const END = "%y = mul(%half, %half) : f32[]";
const PAIR = ["index_copy_", "copy_"];

test.each([
  ["one that nothing sees again", `${WRITE} ${END}`, ["index_copy_"], ["index_copy_"]],
  ["two of one storage, in their order", `${WRITE} copy_(%pool, %pool) ${END}`, PAIR, PAIR],
  [
    "none whose storage is read in between",
    `${WRITE} %s = sum(%pool, dim = [], keepdim = false) : f32[] %d = detach(%s) : f32[] %y = add(%half, %d) : f32[]`,
    ["index_copy_"],
    [],
  ],
  [
    "none whose storage is read through a view that was taken before",
    `%v = transpose(%pool, a = 0, b = 1) : f32[4, 8] ${WRITE} %s = sum(%v, dim = [], keepdim = false) : f32[]
     %d = detach(%s) : f32[] %y = add(%half, %d) : f32[]`,
    ["index_copy_"],
    [],
  ],
  [
    "none made of what the optimizer moves",
    `index_copy_(%pool, %at, %w, dim = 0) ${END}`,
    ["index_copy_"],
    [],
  ],
  [
    "none made of what is written in between",
    `%head = state(@head) : f32[5, 4] %four = slice(%head, dim = 0, start = 0, end = 4) : f32[4, 4]
     index_copy_(%pool, %at, %four, dim = 0) copy_(%head, %head) ${END}`,
    ["index_copy_"],
    [],
  ],
  ["none in a region", `if(%late) { ${WRITE} yield() } { yield() } ${END}`, ["index_copy_"], []],
  [
    "and what stands before it stays before it",
    `${WRITE} %s = sum(%pool, dim = [], keepdim = false) : f32[] %d = detach(%s) : f32[] copy_(%pool, %pool) %y = add(%half, %d) : f32[]`,
    PAIR,
    ["copy_"],
  ],
])("%s", (_, ops, early, later) => {
  expect(waiting(ops)).toEqual({ early, later });
});
