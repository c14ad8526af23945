/** Each pass before and after, in the IR's own text. That results stay the same is `python-host/tests/test_random_programs.py`. */
import { describe, expect, test } from "vitest";
import { printModule } from "#compiler/index";
import { accumulate } from "#compiler/passes/accumulate";
import { branches } from "#compiler/passes/branches";
import { deadCode } from "#compiler/passes/dead-code";
import { depthwiseNorms } from "#compiler/passes/depthwise-norms";
import { flatten } from "#compiler/passes/flatten";
import { fold } from "#compiler/passes/fold";
import { foldedNorms } from "#compiler/passes/folded-norms";
import { fusedNorms } from "#compiler/passes/fused-norms";
import { gradientBranches } from "#compiler/passes/gradient-branches";
import { islands } from "#compiler/passes/islands";
import { joinStreams } from "#compiler/passes/join-streams";
import { layout } from "#compiler/passes/layout";
import { merge } from "#compiler/passes/merge";
import { passesFor } from "#compiler/passes/pipeline";
import { precision } from "#compiler/passes/precision";
import { refine } from "#compiler/passes/refine";
import { remat } from "#compiler/passes/remat";
import { targetColumn } from "#compiler/passes/target-column";
import { ir, run } from "./pass-test.js";

const X = "%x : f32[4, 4] from plan";
const IMAGES = "%x : f32[2, 3, 6, 6] from plan";
const MEAN = "dim = [], keepdim = false";
const CONV = "dilation = [1, 1], groups = 1, padding = [1, 1], stride = [1, 1]";
const DEPTHWISE = CONV.replace("groups = 1", "groups = 8");
const BN = "eps = 0.00001, momentum = 0.1, training = true";

/** An update with momentum, after what makes the loss %y. */
const trained = (loss: string, more = "") => `${loss}
  %p = group(@parameters) : group<parameters>
  %g = gradients(%y, %p) : group<parameters>
  %v = group(@optimizer.velocity) : group<parameters>
  %c9 = constant(0.9) : f64
  foreach_mul_(%v, %c9)
  %c1 = constant(1) : f64
  foreach_add_(%v, %g, %c1)
  %c2 = constant(-0.1) : f64
  foreach_add_(%p, %v, %c2)
  ${more}
  return(%y)`;
/** An update without momentum, of the loss %y. */
const DESCENT = `%p = group(@parameters) : group<parameters>
  %g = gradients(%y, %p) : group<parameters>
  %less = constant(-0.1) : f64
  foreach_add_(%p, %g, %less)`;
const net = `
  %conv = state(@conv) : f32[8, 3, 3, 3]
  %a = conv2d(%x, %conv, none, ${CONV}) : f32[2, 8, 6, 6]
  %mean = state(@mean) : f32[8]
  %variance = state(@variance) : f32[8]
  %b = batch_norm(%a, none, none, %mean, %variance, ${BN}) : f32[2, 8, 6, 6]
  %depth = state(@depth) : f32[8, 1, 3, 3]
  %c = conv2d(%b, %depth, none, ${DEPTHWISE}) : f32[2, 8, 6, 6]
  %y = mean(%c, ${MEAN}) : f32[]`;
const lines = (text: string, word: string) => text.split("\n").filter((line) => line.includes(word));
const upTo = (text: string, word: string) => text.slice(0, text.indexOf(word));

describe("fold", () => {
  test("computes scalars, takes the arm that they choose, and drops what changes nothing", () => {
    const { body, statistics } = run(
      [fold, deadCode],
      `%a : f64 from plan, ${X}`,
      `%0 = constant(2) : f64
       %1 = constant(3) : f64
       %2 = scalar_mul(%0, %1) : f64
       %3 = scalar_gt(%2, %0) : bool
       %r = if(%3) { %4 = mul(%x, %2) : f32[4, 4] yield(%4) } { %5 = add(%x, %a) : f32[4, 4] yield(%5) } : f32[4, 4]
       %6 = transpose(%r, a = 0, b = 1) : f32[4, 4]
       %7 = transpose(%6, a = -1, b = -2) : f32[4, 4]
       %8 = constant(1) : f64
       %9 = mul(%7, %8) : f32[4, 4]
       %10 = neg(%9) : f32[4, 4]
       %11 = neg(%10) : f32[4, 4]
       %12 = to(%11, dtype = "f32") : f32[4, 4]
       %y = mean(%12, ${MEAN}) : f32[]
       return(%y)`,
    );
    expect(body).toBe(ir`
      %0 = constant(6) : f64
      %r = mul(%x, %0) : f32[4, 4]
      %y = mean(%r, dim = [], keepdim = false) : f32[]
      return(%y)
    `);
    expect(statistics).toEqual({ dropped: 6 });
  });

  test("leaves alone what rounds, overflows, or loses the sign of zero", () => {
    const ops = `
      %0 = constant(0) : f64
      %1 = constant(-1) : f64
      %2 = scalar_mul(%0, %1) : f64
      %3 = scalar_div(%1, %0) : f64
      %4 = scalar_exp(%1) : f64
      %5 = constant(9007199254740991) : i64
      %6 = scalar_add(%5, %5) : i64
      %z = add(%x, %0) : f32[4, 4]
      %7 = add(%z, %2) : f32[4, 4]
      %8 = add(%7, %3) : f32[4, 4]
      %9 = add(%8, %4) : f32[4, 4]
      %10 = add(%9, %6) : f32[4, 4]
      %y = mean(%10, ${MEAN}) : f32[]
      return(%y)`;
    expect(run(fold, X, ops).statistics).toEqual({});
  });

  test("keeps a copy of what is stored: a write may come before it is read", () => {
    const { body } = run(
      fold,
      X,
      `%w = state(@w) : f32[4, 4]
       %one = constant(1) : f64
       %old = mul(%w, %one) : f32[4, 4]
       %t = transpose(%w, a = 0, b = 1) : f32[4, 4]
       %turned = div(%t, %one) : f32[4, 4]
       %n = neg(%w) : f32[4, 4]
       %same = neg(%n) : f32[4, 4]
       copy_(%w, %x)
       %free = mul(%x, %one) : f32[4, 4]
       %a = add(%old, %turned) : f32[4, 4]
       %b = add(%a, %same) : f32[4, 4]
       %c = add(%b, %free) : f32[4, 4]
       %y = mean(%c, ${MEAN}) : f32[]
       return(%y)`,
    );
    expect(body).toContain("%old = mul(%w, %one)");
    expect(body).toContain("%turned = div(%t, %one)");
    expect(body).toContain("%same = neg(%n)");
    expect(body).toContain("add(%b, %x)");
  });

  test("drops a loop without turns", () => {
    const { body } = run(
      [fold, deadCode],
      X,
      `%n = constant(0) : i64
       %r = for(%n, %x) (%i : i64, %t : f32[4, 4]) { %u = neg(%t) : f32[4, 4] yield(%u) } : f32[4, 4]
       %y = mean(%r, ${MEAN}) : f32[]
       return(%y)`,
    );
    expect(body).toBe(ir`
      %y = mean(%x, dim = [], keepdim = false) : f32[]
      return(%y)
    `);
  });
});

describe("merge", () => {
  test("makes equal ops one, but not across a write to what they read, nor out of no_grad", () => {
    const { body, statistics } = run(
      merge,
      `${X}, %i : i64[4] from plan`,
      `%pool = state(@pool) : f32[8, 4]
       %0 = index_select(%pool, %i, dim = 0) : f32[4, 4]
       %1 = index_select(%pool, %i, dim = 0) : f32[4, 4]
       %2 = add(%0, %1) : f32[4, 4]
       index_copy_(%pool, %i, %x, dim = 0)
       %again = state(@pool) : f32[8, 4]
       %3 = index_select(%again, %i, dim = 0) : f32[4, 4]
       %4 = add(%2, %3) : f32[4, 4]
       %5 = no_grad() { %6 = add(%2, %3) : f32[4, 4] yield(%6) } : f32[4, 4]
       %7 = mul(%4, %5) : f32[4, 4]
       %y = mean(%7, ${MEAN}) : f32[]
       return(%y)`,
    );
    expect(body).toBe(ir`
      %pool = state(@pool) : f32[8, 4]
      %0 = index_select(%pool, %i, dim = 0) : f32[4, 4]
      %1 = add(%0, %0) : f32[4, 4]
      index_copy_(%pool, %i, %x, dim = 0)
      %2 = index_select(%pool, %i, dim = 0) : f32[4, 4]
      %3 = add(%1, %2) : f32[4, 4]
      %5 = no_grad() {
        %4 = add(%1, %2) : f32[4, 4]
        yield(%4)
      } : f32[4, 4]
      %6 = mul(%3, %5) : f32[4, 4]
      %y = mean(%6, dim = [], keepdim = false) : f32[]
      return(%y)
    `);
    expect(statistics).toEqual({ merged: 2 });
  });

  test("what is made once has all the places where it was written", () => {
    const { module } = run(
      merge,
      X,
      `%0 = relu(%x) : f32[4, 4] loc(exp.ts:0-4)
       %1 = relu(%x) : f32[4, 4] loc(exp.ts:5-9 <- exp.ts:20-30)
       %2 = relu(%x) : f32[4, 4] loc(exp.ts:0-4)
       %3 = add(%0, %1) : f32[4, 4] loc(exp.ts:40-50)
       %4 = add(%3, %2) : f32[4, 4] loc(exp.ts:40-60)
       %y = mean(%4, ${MEAN}) : f32[] loc(exp.ts:70-80)
       return(%y) loc(exp.ts:70-80)`,
    );
    const [relu] = lines(printModule(module, { locations: true }), "relu");
    expect(relu).toMatch(/ loc\(exp\.ts:0-4, exp\.ts:5-9 <- exp\.ts:20-30\)$/);
  });

  test("sees a write through a view, through a group, by batch statistics, and in a loop", () => {
    const reads = (write: string, storage = "pool", type = "f32[8, 4]") => {
      const ops = `
        %s = state(@${storage}) : ${type}
        %0 = sum(%s, ${MEAN}) : f32[]
        ${write}
        %1 = sum(%s, ${MEAN}) : f32[]
        %y = add(%0, %1) : f32[]
        return(%y)`;
      return lines(
        run(merge, `${X}, %m : f32[2, 8, 6, 6] from plan, %i : i64[4] from plan, %n : f64 from plan`, ops)
          .body,
        "sum(%s",
      ).length;
    };
    expect(reads("")).toBe(1);
    expect(reads("%v = slice(%s, dim = 0, end = 4, start = 0) : f32[4, 4] %w = neg(%v) : f32[4, 4]")).toBe(1);
    expect(reads("index_copy_(%s, %i, %x, dim = 0)")).toBe(2);
    expect(reads("%p = group(@parameters) : group<parameters> foreach_mul_(%p, %n)", "w", "f32[4, 4]")).toBe(
      2,
    );
    expect(reads("%p = group(@parameters) : group<parameters> foreach_mul_(%p, %n)")).toBe(1);
    const statistics = `%v = state(@variance) : f32[8] %b = batch_norm(%m, none, none, %s, %v, ${BN}) : f32[2, 8, 6, 6]`;
    expect(reads(statistics, "mean", "f32[8]")).toBe(2);
    expect(reads(statistics.replace("true", "false"), "mean", "f32[8]")).toBe(1);
    const loop = `%k = scalar_to_i64(%n) : i64 for(%k) (%j : i64) { %t = sum(%s, ${MEAN}) : f32[] index_copy_(%s, %i, %x, dim = 0) yield() }`;
    expect(reads(loop)).toBe(3);
  });
});

test("flatten: no_grad and remat stay only where something is recorded", () => {
  const { body, statistics } = run(
    flatten,
    X,
    trained(
      `%w = state(@w) : f32[4, 4]
       %0 = no_grad() { %1 = no_grad() { %2 = neg(%x) : f32[4, 4] yield(%2) } : f32[4, 4] yield(%1) } : f32[4, 4]
       %3 = mul(%0, %w) : f32[4, 4]
       %y = mean(%3, ${MEAN}) : f32[]`,
      `%4 = no_grad() { %5 = remat() { %6 = neg(%x) : f32[4, 4] yield(%6) } : f32[4, 4] yield(%5) } : f32[4, 4]
       %pool = state(@pool) : f32[8, 4]
       %i = arange(size = 4) : i64[4]
       index_copy_(%pool, %i, %4, dim = 0)`,
    ),
  );
  expect(upTo(body, "%2 =")).toBe(
    `${ir`
      %w = state(@w) : f32[4, 4]
      %1 = no_grad() {
        %0 = neg(%x) : f32[4, 4]
        yield(%0)
      } : f32[4, 4]
    `}\n`,
  );
  expect(body.slice(body.indexOf("%3 ="))).toBe(ir`
    %3 = neg(%x) : f32[4, 4]
    %pool = state(@pool) : f32[8, 4]
    %i = arange(size = 4) : i64[4]
    index_copy_(%pool, %i, %3, dim = 0)
    return(%y)
  `);
  expect(statistics).toEqual({ "written out": 3 });
});

describe("target-column", () => {
  const arcFace = (mask: string) => `
    %head = state(@head) : f32[5, 4]
    %cosine = linear(%x, %head, none) : f32[4, 5]
    %angle = acos(%cosine) : f32[4, 5]
    %m = constant(0.5) : f64
    %0 = add(%angle, %m) : f32[4, 5]
    %moved = cos(%0) : f32[4, 5]
    ${mask}
    %logits = where(%mask, %moved, %cosine) : f32[4, 5]
    %l = cross_entropy(%logits, %t) : f32[4]
    %y = mean(%l, ${MEAN}) : f32[]
    return(%y)`;
  const targets = `${X}, %t : i64[4] from plan, %m : f64 from plan`;

  test("computes an ArcFace that was written over all columns in the target's column", () => {
    const ops = arcFace(
      '%hot = one_hot(%t, classes = 5) : i64[4, 5] %mask = to(%hot, dtype = "bool") : bool[4, 5]',
    );
    expect(
      run(
        [targetColumn, deadCode],
        targets,
        ops.replaceAll("%m =", "%half =").replace("%angle, %m", "%angle, %half"),
      ).body,
    ).toBe(ir`
        %head = state(@head) : f32[5, 4]
        %cosine = linear(%x, %head, none) : f32[4, 5]
        %half = constant(0.5) : f64
        %column = unsqueeze(%t, dim = 1) : i64[4, 1]
        %0 = gather(%cosine, %column, dim = 1) : f32[4, 1]
        %1 = acos(%0) : f32[4, 1]
        %2 = add(%1, %half) : f32[4, 1]
        %3 = cos(%2) : f32[4, 1]
        %logits = scatter(%cosine, %column, %3, dim = 1) : f32[4, 5]
        %l = cross_entropy(%logits, %t) : f32[4]
        %y = mean(%l, dim = [], keepdim = false) : f32[]
        return(%y)
      `);
  });

  test("leaves rows alone whose target may be no column", () => {
    const mask = `
      %columns = arange(size = 5) : i64[5]
      %target = unsqueeze(%t, dim = 1) : i64[4, 1]
      %mask = eq(%columns, %target) : bool[4, 5]`;
    const { body } = run(
      [targetColumn, deadCode],
      targets,
      arcFace(mask).replaceAll("%m =", "%half =").replace("%angle, %m", "%angle, %half"),
    );
    expect(body.slice(body.indexOf("%0 ="), body.indexOf("%l ="))).toBe(
      `${ir`
        %0 = clamp(%t, max = 4, min = 0) : i64[4]
        %column = unsqueeze(%0, dim = 1) : i64[4, 1]
        %1 = gather(%cosine, %column, dim = 1) : f32[4, 1]
        %2 = acos(%1) : f32[4, 1]
        %3 = add(%2, %half) : f32[4, 1]
        %4 = cos(%3) : f32[4, 1]
        %5 = constant(0) : i64
        %6 = ge(%t, %5) : bool[4]
        %7 = constant(5) : i64
        %8 = lt(%t, %7) : bool[4]
        %9 = logical_and(%6, %8) : bool[4]
        %10 = unsqueeze(%9, dim = 1) : bool[4, 1]
        %11 = where(%10, %4, %1) : f32[4, 1]
        %logits = scatter(%cosine, %column, %11, dim = 1) : f32[4, 5]
      `}\n`,
    );
  });

  test("subtracts a margin times a one-hot matrix in one column", () => {
    const ops = `
      %head = state(@head) : f32[5, 4]
      %cosine = linear(%x, %head, none) : f32[4, 5]
      %hot = one_hot(%t, classes = 5) : i64[4, 5]
      %mask = to(%hot, dtype = "f32") : f32[4, 5]
      %0 = mul(%mask, %m) : f32[4, 5]
      %logits = sub(%cosine, %0) : f32[4, 5]
      %l = cross_entropy(%logits, %t) : f32[4]
      %y = mean(%l, ${MEAN}) : f32[]
      return(%y)`;
    const { body } = run([targetColumn, deadCode], targets, ops);
    expect(lines(body, "[4, 5]")).toEqual([
      "%cosine = linear(%x, %head, none) : f32[4, 5]",
      "%logits = scatter(%cosine, %column, %1, dim = 1) : f32[4, 5]",
    ]);
  });

  test("leaves other choices as they are", () => {
    const ops = arcFace("%z = constant(0) : f64 %mask = gt(%cosine, %z) : bool[4, 5]")
      .replaceAll("%m =", "%half =")
      .replace("%angle, %m", "%angle, %half");
    expect(run(targetColumn, targets, ops).statistics).toEqual({});
  });

  const small = `%z : f32[8, 4] from plan, %own : f32[8, 1] from plan, %whole : i64[8, 4] from plan,
    %t : i64[8] from plan, %one : i64[1] from plan, %half : f64 from plan`;
  const narrowed = (ops: string) =>
    run([targetColumn, deadCode], small, `${ops}\nreturn(%y)`, "y: f32[8, 4]");
  const count = (ops: string, type = "f32[8, 4]") =>
    run(targetColumn, small, `${ops}\nreturn(%y)`, `y: ${type}`).statistics.narrowed ?? 0;
  const hot = "%hot = one_hot(%t, classes = 4) : i64[8, 4]";
  const scaled = `${hot} %amount = mul(%hot, %half) : f32[8, 4]`;
  const less = "%less = sub(%z, %half) : f32[8, 4]";

  test("leaves alone what is broadcast: a mask of one row or column, a base of one column", () => {
    const where = (mask: string) => `${less} ${mask} %y = where(%mask, %less, %z) : f32[8, 4]`;
    expect(count(where(`${hot} %mask = to(%hot, dtype = "bool") : bool[8, 4]`))).toBe(1);
    expect(
      count(
        where(`%columns = arange(size = 4) : i64[4] %target = unsqueeze(%one, dim = 1) : i64[1, 1]
               %mask = eq(%columns, %target) : bool[1, 4]`),
      ),
    ).toBe(0);
    expect(
      count(
        where(`%columns = arange(size = 1) : i64[1] %target = unsqueeze(%t, dim = 1) : i64[8, 1]
               %mask = eq(%columns, %target) : bool[8, 1]`),
      ),
    ).toBe(0);
    expect(
      count(`${less} ${hot} %mask = to(%hot, dtype = "bool") : bool[8, 4]
             %y = where(%mask, %less, %own) : f32[8, 4]`),
    ).toBe(0);
    expect(count(`${scaled} %y = sub(%z, %amount) : f32[8, 4]`)).toBe(1);
    expect(count(`${scaled} %y = sub(%own, %amount) : f32[8, 4]`)).toBe(0);
    expect(count("%hot = one_hot(%one, classes = 4) : i64[1, 4] %y = sub(%z, %hot) : f32[8, 4]")).toBe(0);
  });

  test("leaves alone what is converted: integers that become real, narrow numbers that become wide", () => {
    expect(count(`${scaled} %y = sub(%whole, %amount) : f32[8, 4]`)).toBe(0);
    expect(count(`${hot} %y = sub(%whole, %hot) : i64[8, 4]`, "i64[8, 4]")).toBe(0);
    expect(
      count(`${scaled} %narrow = to(%z, dtype = "bf16") : bf16[8, 4] %y = sub(%narrow, %amount) : f32[8, 4]`),
    ).toBe(0);
    expect(
      count(`${less} ${hot} %mask = to(%hot, dtype = "bool") : bool[8, 4]
             %narrow = to(%z, dtype = "bf16") : bf16[8, 4] %y = where(%mask, %less, %narrow) : f32[8, 4]`),
    ).toBe(0);
  });

  test("takes a row that is for all images, such as a margin a class, in the target's column", () => {
    const { body } = narrowed(`
      %head = state(@head) : f32[5, 4]
      %row = slice(%head, dim = 0, end = 1, start = 0) : f32[1, 4]
      %less = sub(%z, %row) : f32[8, 4]
      ${hot}
      %mask = to(%hot, dtype = "bool") : bool[8, 4]
      %y = where(%mask, %less, %z) : f32[8, 4]`);
    expect(body.slice(body.indexOf("%column ="))).toBe(ir`
      %column = unsqueeze(%t, dim = 1) : i64[8, 1]
      %0 = gather(%z, %column, dim = 1) : f32[8, 1]
      %1 = expand(%row, shape = [8, 4]) : f32[8, 4]
      %2 = gather(%1, %column, dim = 1) : f32[8, 1]
      %3 = sub(%0, %2) : f32[8, 1]
      %y = scatter(%z, %column, %3, dim = 1) : f32[8, 4]
      return(%y)
    `);
  });

  test("makes nothing again that read what was written since", () => {
    const text = (write: string) => `
      %pool = state(@pool) : f32[8, 4]
      %doubled = add(%pool, %pool) : f32[8, 4]
      ${write}
      %less = sub(%doubled, %half) : f32[8, 4]
      ${hot}
      %mask = to(%hot, dtype = "bool") : bool[8, 4]
      %y = where(%mask, %less, %z) : f32[8, 4]`;
    const gathers = (write: string) => lines(narrowed(text(write)).body, "gather(");
    expect(gathers("")[0]).toContain("gather(%pool,");
    expect(gathers("copy_(%pool, %z)")[0]).toContain("gather(%doubled,");
    expect(
      gathers("%n = scalar_to_i64(%half) : i64 for(%n) (%i : i64) { copy_(%pool, %z) yield() }")[0],
    ).toContain("gather(%doubled,");
    // The targets themselves.
    const kept = `%targets = state(@targets) : i64[8] %hot = one_hot(%targets, classes = 4) : i64[8, 4]`;
    const y = `%mask = to(%hot, dtype = "bool") : bool[8, 4] %y = where(%mask, %less, %z) : f32[8, 4]`;
    expect(count(`${less} ${kept} ${y}`)).toBe(1);
    expect(count(`${less} ${kept} copy_(%targets, %t) ${y}`)).toBe(0);
  });
});

const island = `
  %w = state(@w) : f32[4, 4]
  %a = linear(%x, %w, none) : f32[8, 4]
  %b = in_f32() {
    %c = linear(%a, %w, none) : f32[8, 4]
    yield(%c)
  } : f32[8, 4]
  %d = linear(%b, %w, none) : f32[8, 4]
  %y = mean(%d, ${MEAN}) : f32[]`;

describe("islands", () => {
  test("keep their types in a narrow program: what comes in is cast", () => {
    const { body } = run(precision("bf16"), "%x : f32[8, 4] from plan", trained(island));
    expect(upTo(body, "%p =")).toBe(
      `${ir`
        %w = state(@w) : f32[4, 4]
        %0 = to(%x, dtype = "bf16") : bf16[8, 4]
        %1 = to(%w, dtype = "bf16") : bf16[4, 4]
        %a = linear(%0, %1, none) : bf16[8, 4]
        %2 = to(%a, dtype = "f32") : f32[8, 4]
        %c = linear(%2, %w, none) : f32[8, 4]
        %3 = to(%c, dtype = "bf16") : bf16[8, 4]
        %4 = to(%w, dtype = "bf16") : bf16[4, 4]
        %d = linear(%3, %4, none) : bf16[8, 4]
        %5 = to(%d, dtype = "f32") : f32[8, 4]
        %y = mean(%5, dim = [], keepdim = false) : f32[]
      `}\n`,
    );
  });

  test("are written out where nothing is narrow", () => {
    const { body, statistics } = run(islands, "%x : f32[8, 4] from plan", `${island} return(%y)`);
    expect(body).not.toContain("in_f32");
    expect(body).toContain("%c = linear(%a, %w, none) : f32[8, 4]");
    expect(statistics).toEqual({ regions: 1 });
  });
});

describe("precision", () => {
  test("computes products in bf16 and sums in f32, with casts that one can see", () => {
    expect(upTo(run(precision("bf16"), IMAGES, trained(net)).body, "%p =")).toBe(
      `${ir`
        %conv = state(@conv) : f32[8, 3, 3, 3]
        %0 = to(%x, dtype = "bf16") : bf16[2, 3, 6, 6]
        %1 = to(%conv, dtype = "bf16") : bf16[8, 3, 3, 3]
        %a = conv2d(%0, %1, none, dilation = [1, 1], groups = 1, padding = [1, 1], stride = [1, 1]) : bf16[2, 8, 6, 6]
        %mean = state(@mean) : f32[8]
        %variance = state(@variance) : f32[8]
        %b = batch_norm(%a, none, none, %mean, %variance, eps = 0.00001, momentum = 0.1, training = true) : bf16[2, 8, 6, 6]
        %depth = state(@depth) : f32[8, 1, 3, 3]
        %2 = to(%depth, dtype = "bf16") : bf16[8, 1, 3, 3]
        %c = conv2d(%b, %2, none, dilation = [1, 1], groups = 8, padding = [1, 1], stride = [1, 1]) : bf16[2, 8, 6, 6]
        %3 = to(%c, dtype = "f32") : f32[2, 8, 6, 6]
        %y = mean(%3, dim = [], keepdim = false) : f32[]
      `}\n`,
    );
  });

  test("scales the loss for f16, and takes back an update of gradients that are not finite", () => {
    const { body, text } = run([precision("f16"), merge, deadCode], IMAGES, trained(net));
    expect(lines(text, "@precision")).toEqual([
      "  optimizer @precision.loss_scale : f32[] = constant(value = 65536)",
      "  optimizer @precision.good_steps : f32[] = zeros",
      "    %4 = state(@precision.loss_scale) : f32[]",
      "    %12 = state(@precision.good_steps) : f32[]",
    ]);
    expect(body.slice(body.indexOf("%4 ="), body.indexOf("%c9"))).toBe(
      `${ir`
        %4 = state(@precision.loss_scale) : f32[]
        %5 = mul(%y, %4) : f32[]
        %6 = gradients(%5, %p) : group<parameters>
        %7 = constant(-1) : f64
        %8 = pow(%4, %7) : f32[]
        %g = foreach_scale(%6, %8) : group<parameters>
        %9 = foreach_norm(%g) : f32[]
        %finite = isfinite(%9) : bool[]
        %c1 = constant(1) : f64
        %v = group(@optimizer.velocity) : group<parameters>
        %10 = foreach_mul(%v, %c1) : group<parameters>
        %11 = foreach_mul(%p, %c1) : group<parameters>
      `}\n`,
    );
    expect(lines(body, "foreach_restore_")).toEqual([
      "foreach_restore_(%v, %10, %finite)",
      "foreach_restore_(%p, %11, %finite)",
    ]);
  });

  test("takes back what f16's update writes within an `if`, and storages that it names one by one", () => {
    const { body } = run(
      [precision("f16"), merge, deadCode],
      `${IMAGES}, %late : bool from plan`,
      `${net}
       %p = group(@parameters) : group<parameters>
       %g = gradients(%y, %p) : group<parameters>
       %w = state(@conv) : f32[8, 3, 3, 3]
       if(%late) {
         %v = group(@optimizer.velocity) : group<parameters>
         %c9 = constant(0.9) : f64
         foreach_mul_(%v, %c9)
         %half = mul(%w, %c9) : f32[8, 3, 3, 3]
         copy_(%w, %half)
         yield()
       } { yield() }
       return(%y)`,
    );
    const from = body.indexOf("%11 =");
    expect(body.slice(from, body.indexOf("%14 ="))).toBe(
      `${ir`
        %11 = foreach_mul(%v, %10) : group<parameters>
        %12 = where(%finite, %conv, %conv) : f32[8, 3, 3, 3]
        if(%late) {
          %c9 = constant(0.9) : f64
          foreach_mul_(%v, %c9)
          %half = mul(%conv, %c9) : f32[8, 3, 3, 3]
          copy_(%conv, %half)
          yield()
        } {
          yield()
        }
        foreach_restore_(%v, %11, %finite)
        %13 = where(%finite, %conv, %12) : f32[8, 3, 3, 3]
        copy_(%conv, %13)
      `}\n`,
    );
    expect(lines(body.slice(body.indexOf("%14 =")), "copy_")).toEqual(["copy_(%4, %26)", "copy_(%14, %27)"]);
  });

  test("takes back what follows f16's update, and not what does not come of the gradient", () => {
    const { body } = run(
      passesFor({ precision: "f16", layout: "contiguous", accumulate: 1 }),
      `${IMAGES}, %rows : f32[8, 4] from plan`,
      `${net}
       ${DESCENT}
       %pool = state(@pool) : f32[8, 4]
       copy_(%pool, %rows)
       %twin = state(@twin) : f32[8, 3, 3, 3]
       %w = state(@conv) : f32[8, 3, 3, 3]
       copy_(%twin, %w)
       return(%y)`,
    );
    const saved = body.match(/(%\d+) = where\(%finite, %twin, %twin\)/)![1];
    const kept = body.match(/(%\d+) = where\(%finite, %twin, (%\d+)\)/)!;
    expect(kept[2]).toBe(saved);
    expect(body).toContain(`copy_(%twin, ${kept[1]})`);
    expect(body.indexOf(`copy_(%twin, ${kept[1]})`)).toBeGreaterThan(body.indexOf("copy_(%twin, %conv)"));
    expect(lines(body, "%pool,")).toEqual(["copy_(%pool, %rows)"]);
  });

  test("moves f16's scale also where nothing is updated", () => {
    const { body } = run(
      [precision("f16"), merge],
      IMAGES,
      `${net}
       %p = group(@parameters) : group<parameters>
       %g = gradients(%y, %p) : group<parameters>
       return(%y)`,
    );
    expect(lines(body, "foreach_restore_")).toEqual([]);
    expect(lines(body, "copy_")).toHaveLength(2);
  });

  test("keeps the types that arms, turns and writes must have", () => {
    const { body } = run(
      precision("bf16"),
      `${X}, %c : bool from plan, %k : f64 from plan, %i : i64[4] from plan`,
      trained(
        `%w = state(@w) : f32[4, 4]
         %0 = if(%c) { %1 = matmul(%x, %w) : f32[4, 4] yield(%1) } { %2 = neg(%x) : f32[4, 4] yield(%2) } : f32[4, 4]
         %n = scalar_to_i64(%k) : i64
         %start = matmul(%x, %w) : f32[4, 4]
         %3 = for(%n, %start) (%j : i64, %t : f32[4, 4]) { %4 = matmul(%t, %w) : f32[4, 4] yield(%4) } : f32[4, 4]
         %pool = state(@pool) : f32[8, 4]
         %5 = add(%0, %3) : f32[4, 4]
         %6 = matmul(%5, %w) : f32[4, 4]
         %7 = detach(%6) : f32[4, 4]
         index_copy_(%pool, %i, %7, dim = 0)
         %y = mean(%6, ${MEAN}) : f32[]`,
      ),
    );
    // Neither the first arm nor what the loop begins with makes the rest narrow.
    const [start] = lines(body, "for(%n,").map((line) => /for\(%n, (%\d+)\)/.exec(line)![1]!);
    const joined = [start!, ...lines(body, "yield").map((line) => /%\d+/.exec(line)![0])];
    expect(joined).toHaveLength(4);
    for (const value of joined) expect(lines(body, `${value} =`)[0]).toMatch(/ : f32\[4, 4\]$/);
    expect(lines(body, "} : f32[4, 4]")).toHaveLength(2);
    expect(body).toMatch(
      /%(\d+) = to\(%\d+, dtype = "f32"\) : f32\[4, 4\]\nindex_copy_\(%pool, %i, %\1, dim = 0\)/,
    );
  });
});

test("precision: a number or a limit that the narrow type cannot hold asks for f32", () => {
  const type = (narrow: "bf16" | "f16", op: string) => {
    const { body } = run(
      precision(narrow),
      `${X}, %mask : bool[4, 4] from plan`,
      trained(`%w = state(@w) : f32[4, 4]
        %product = matmul(%x, %w) : f32[4, 4]
        %far = constant(-100000) : f64
        %near = constant(-60000) : f64
        %changed = ${op} : f32[4, 4]
        %y = mean(%changed, ${MEAN}) : f32[]`),
    );
    return / : (\w+)\[4, 4\]$/.exec(lines(body, "%changed =")[0]!)![1];
  };
  expect(type("f16", "masked_fill(%product, %mask, value = -1000000000)")).toBe("f32");
  expect(type("f16", "masked_fill(%product, %mask, value = -10000)")).toBe("f16");
  expect(type("f16", 'masked_fill(%product, %mask, value = "-inf")')).toBe("f16");
  expect(type("bf16", "masked_fill(%product, %mask, value = -1000000000)")).toBe("bf16");
  expect(type("f16", "where(%mask, %product, %far)")).toBe("f32");
  expect(type("f16", "where(%mask, %product, %near)")).toBe("f16");
  // 0.9999999 would be 1, where the angle has no derivative; 1e-8 would be 0.
  expect(type("bf16", "clamp(%product, max = 0.9999999)")).toBe("f32");
  expect(type("f16", "clamp(%product, min = 1e-8)")).toBe("f32");
  expect(type("bf16", "clamp(%product, max = 6, min = 0)")).toBe("bf16");
});

test("precision: f16 saves an update's states in their own types, to take it back", () => {
  const { body } = run(
    [precision("f16"), merge, deadCode],
    IMAGES,
    `${net}
     ${DESCENT}
     %pool = state(@pool) : f32[8, 4]
     %w = state(@w) : f32[4, 4]
     %rows = cat(%w, %w, dim = 0) : f32[8, 4]
     %best = argmax(%rows, dim = 1, keepdim = false) : i64[8]
     %targets = state(@targets) : i64[8]
     copy_(%targets, %best)
     return(%y)`,
  );
  expect(lines(body, "%targets").filter((line) => line.includes("where"))).toHaveLength(2);
  for (const line of lines(body, "where").filter((l) => l.includes("%targets")))
    expect(line).toMatch(/ : i64\[8\]$/);
});

test("layout: images are put in order once, and weights, their momenta and twins lie the same way", () => {
  const { body, text, statistics } = run(layout, IMAGES, trained(net));
  expect(lines(body, "channels_last")).toEqual(["%0 = channels_last(%x) : f32[2, 3, 6, 6]"]);
  expect(lines(body, "conv2d")[0]).toContain("conv2d(%0, %conv,");
  expect(
    lines(text, " channels_last")
      .map((l) => /@\S+/.exec(l)?.[0])
      .filter(Boolean),
  ).toEqual(["@conv", "@depth", "@optimizer.velocity.conv", "@optimizer.velocity.depth"]);
  expect(statistics).toEqual({ reordered: 1, storages: 4 });
});

test("remat: the inside runs without recording, and again for the gradient, through leaves", () => {
  const block = `
    %conv = state(@conv) : f32[8, 3, 3, 3]
    %a = conv2d(%x, %conv, none, ${CONV}) : f32[2, 8, 6, 6]
    %d = remat() {
      %mean = state(@mean) : f32[8]
      %variance = state(@variance) : f32[8]
      %b = batch_norm(%a, none, none, %mean, %variance, ${BN}) : f32[2, 8, 6, 6]
      %depth = state(@depth) : f32[8, 1, 3, 3]
      %c = conv2d(%b, %depth, none, ${DEPTHWISE}) : f32[2, 8, 6, 6]
      yield(%c)
    } : f32[2, 8, 6, 6]
    %e = add(%a, %d) : f32[2, 8, 6, 6]
    %y = mean(%e, ${MEAN}) : f32[]`;
  const { body, statistics } = run([remat, deadCode], IMAGES, trained(block));
  expect(upTo(body, "%v =")).toBe(
    `${ir`
      %conv = state(@conv) : f32[8, 3, 3, 3]
      %a = conv2d(%x, %conv, none, dilation = [1, 1], groups = 1, padding = [1, 1], stride = [1, 1]) : f32[2, 8, 6, 6]
      %a#1 = leaf(%a) : f32[2, 8, 6, 6]
      %0 = no_grad() {
        %mean = state(@mean) : f32[8]
        %variance = state(@variance) : f32[8]
        %b = batch_norm(%a#1, none, none, %mean, %variance, eps = 0.00001, momentum = 0.1, training = true) : f32[2, 8, 6, 6]
        %depth = state(@depth) : f32[8, 1, 3, 3]
        %c = conv2d(%b, %depth, none, dilation = [1, 1], groups = 8, padding = [1, 1], stride = [1, 1]) : f32[2, 8, 6, 6]
        yield(%c)
      } : f32[2, 8, 6, 6]
      %d = leaf(%0) : f32[2, 8, 6, 6]
      %e = add(%a#1, %d) : f32[2, 8, 6, 6]
      %y = mean(%e, dim = [], keepdim = false) : f32[]
      %p = group(@parameters) : group<parameters>
      %1 = full(dtype = "f32", shape = [], value = 1) : f32[]
      %2, %3, %4 = vjp(%p, %y, %1, %a#1, %d, outputs = 1, retain = true) : group<parameters>, f32[2, 8, 6, 6], f32[2, 8, 6, 6]
      %5 = constant(1) : f64
      %b#1 = batch_norm(%a#1, none, none, none, none, eps = 0.00001, momentum = 0.1, training = true) : f32[2, 8, 6, 6]
      %depth#1 = state(@depth) : f32[8, 1, 3, 3]
      %c#1 = conv2d(%b#1, %depth#1, none, dilation = [1, 1], groups = 8, padding = [1, 1], stride = [1, 1]) : f32[2, 8, 6, 6]
      %6, %7 = vjp(%p, %c#1, %4, %a#1, outputs = 1, retain = false) : group<parameters>, f32[2, 8, 6, 6]
      %8 = add(%3, %7) : f32[2, 8, 6, 6]
      %9 = foreach_add(%2, %6, %5) : group<parameters>
      %10 = vjp(%p, %a, %8, outputs = 1, retain = true) : group<parameters>
      %g = foreach_add(%9, %10, %5) : group<parameters>
    `}\n`,
  );
  expect(statistics).toEqual({ dropped: 2 });
});

test("remat: a normalisation that evaluates reads its statistics again", () => {
  const { body } = run(
    [remat, deadCode],
    IMAGES,
    trained(`
      %conv = state(@conv) : f32[8, 3, 3, 3]
      %a = conv2d(%x, %conv, none, ${CONV}) : f32[2, 8, 6, 6]
      %mean = state(@mean) : f32[8]
      %variance = state(@variance) : f32[8]
      %d = remat() {
        %b = batch_norm(%a, none, none, %mean, %variance, ${BN.replace("true", "false")}) : f32[2, 8, 6, 6]
        yield(%b)
      } : f32[2, 8, 6, 6]
      %y = mean(%d, ${MEAN}) : f32[]`),
  );
  expect(lines(body, "batch_norm(")).toHaveLength(2);
  for (const line of lines(body, "batch_norm(")) expect(line).toContain("none, none, %mean, %variance,");
});

test("accumulate: gradients add up, the update waits for the last step, what sees no image happens in the first", () => {
  const { body } = run(
    accumulate(4),
    `${X}, %i : i64[4] from plan, %ema : f64 from plan`,
    trained(
      `%before = group(@optimizer.velocity) : group<parameters>
       %now = group(@parameters) : group<parameters>
       foreach_lerp_(%before, %now, %ema)
       %pool = state(@pool) : f32[8, 4]
       index_copy_(%pool, %i, %x, dim = 0)
       %w = state(@w) : f32[4, 4]
       %0 = matmul(%x, %w) : f32[4, 4]
       %y = mean(%0, ${MEAN}) : f32[]`,
    ),
  );
  expect(body).toBe(ir`
    %before = group(@optimizer.velocity) : group<parameters>
    %now = group(@parameters) : group<parameters>
    if(%accumulate.first) {
      foreach_lerp_(%before, %now, %ema)
      yield()
    } {
      yield()
    }
    %pool = state(@pool) : f32[8, 4]
    index_copy_(%pool, %i, %x, dim = 0)
    %w = state(@w) : f32[4, 4]
    %0 = matmul(%x, %w) : f32[4, 4]
    %y = mean(%0, dim = [], keepdim = false) : f32[]
    %p = group(@parameters) : group<parameters>
    %1 = gradients(%y, %p) : group<parameters>
    %g = group(@accumulate.gradient) : group<parameters>
    %2 = constant(0.25) : f64
    foreach_add_(%g, %1, %2)
    if(%accumulate.last) {
      %v = group(@optimizer.velocity) : group<parameters>
      %c9 = constant(0.9) : f64
      foreach_mul_(%v, %c9)
      %c1 = constant(1) : f64
      foreach_add_(%v, %g, %c1)
      %c2 = constant(-0.1) : f64
      foreach_add_(%p, %v, %c2)
      %3 = constant(0) : f64
      foreach_mul_(%g, %3)
      yield()
    } {
      yield()
    }
    return(%y)
  `);
});

/** Two losses, each with a group of parameters that learns by it. */
const TWO_LOSSES = `
  %w = state(@w) : f32[4, 4]
  %h = state(@head) : f32[5, 4]
  %y = mean(%w, ${MEAN}) : f32[]
  %d = remat() {
    %1 = exp(%h) : f32[5, 4]
    yield(%1)
  } : f32[5, 4]
  %z = mean(%d, ${MEAN}) : f32[]
  %p = group(@first) : group<first>
  %g = gradients(%y, %p) : group<first>
  %q = group(@second) : group<second>
  %k = gradients(%z, %q) : group<second>
  %less = constant(-0.1) : f64
  foreach_add_(%p, %g, %less)
  foreach_add_(%q, %k, %less)
  return(%y)`;

test("accumulate: each of two losses has its sums, and all are cleared behind the last update", () => {
  const { body, text } = run(accumulate(2), X, TWO_LOSSES);
  expect(text).toContain("group @accumulate.gradient.first = [@accumulate.gradient.w]");
  expect(text).toContain("group @accumulate.gradient.second = [@accumulate.gradient.head]");
  expect(body.slice(body.indexOf("%p = "))).toBe(ir`
    %p = group(@first) : group<first>
    %1 = gradients(%y, %p) : group<first>
    %g = group(@accumulate.gradient.first) : group<first>
    %2 = constant(0.5) : f64
    foreach_add_(%g, %1, %2)
    %q = group(@second) : group<second>
    %3 = gradients(%z, %q) : group<second>
    %k = group(@accumulate.gradient.second) : group<second>
    %4 = constant(0.5) : f64
    foreach_add_(%k, %3, %4)
    if(%accumulate.last) {
      %less = constant(-0.1) : f64
      foreach_add_(%p, %g, %less)
      foreach_add_(%q, %k, %less)
      %5 = constant(0) : f64
      foreach_mul_(%g, %5)
      %6 = constant(0) : f64
      foreach_mul_(%k, %6)
      yield()
    } {
      yield()
    }
    return(%y)
  `);
});

test("precision: with two losses all is undone unless both gradients are finite", () => {
  const { body } = run(precision("f16"), X, TWO_LOSSES);
  expect(lines(body, "isfinite(")).toHaveLength(2);
  expect(lines(body, "logical_and(")).toHaveLength(1);
  const [last, undone] = [body.indexOf("foreach_add_(%q"), body.indexOf("foreach_restore_(")];
  expect(last).toBeGreaterThan(body.indexOf("logical_and("));
  expect(undone).toBeGreaterThan(last);
  expect(lines(body, "foreach_restore_(")).toHaveLength(2);
  expect(lines(body, "copy_(")).toHaveLength(2); // the scale, and the count of good steps
});

test("precision: sums of two losses are what they were where one gradient is not finite, and the update is undone", () => {
  const { body, text } = run([accumulate(2), precision("f16"), merge, deadCode], X, TWO_LOSSES);
  expect(lines(text, "@precision.all_finite :")).toEqual([
    "  optimizer @precision.all_finite : f32[] = constant(value = 1)",
  ]);
  const [adding, update] = body.split("if(%accumulate.last)") as [string, string, string];
  // Both sums are copied before the first gradient, and put back after the second was added.
  expect(adding.indexOf("foreach_mul(")).toBeLessThan(adding.indexOf("gradients("));
  expect(lines(adding, "foreach_restore_(").map((line) => line.trim())).toEqual([
    expect.stringMatching(/^foreach_restore_\(%g, %\d+, %finite#1\)$/),
    expect.stringMatching(/^foreach_restore_\(%k, %\d+, %finite#1\)$/),
  ]);
  expect(adding.indexOf("foreach_restore_(")).toBeGreaterThan(adding.indexOf("foreach_add_(%k"));
  // After the update both groups are, by all gradients since the last one; the scale changes with the last step alone.
  expect(lines(update, "foreach_restore_(")).toHaveLength(2);
  expect(lines(update, "%finite#1)")).toHaveLength(0);
  const [, closing] = body.split(/if\(%accumulate\.last\) \{\n(?=\s*%\d+ = state\(@precision\.)/);
  expect(lines(closing!, "copy_(")).toHaveLength(3);
});

test("remat: a loss that does not see a region does not have it computed again", () => {
  const { body } = run(remat, X, TWO_LOSSES);
  const [first, second] = body.split("%q = group(@second)") as [string, string];
  expect(lines(first, "vjp(")).toHaveLength(1);
  expect(lines(first.slice(first.indexOf("vjp(")), "exp(")).toHaveLength(0);
  expect(lines(second, "vjp(")).toHaveLength(2);
  expect(lines(second, "exp(")).toHaveLength(1);
});

test("accumulate: what stands between two writes of the update happens in every step", () => {
  const { body } = run(
    accumulate(2),
    `${X}, %rows : f32[8, 4] from images(x)`,
    `%w = state(@w) : f32[4, 4]
     %z = matmul(%x, %w) : f32[4, 4]
     %y = mean(%z, ${MEAN}) : f32[]
     ${DESCENT}
     %pool = state(@pool) : f32[8, 4]
     copy_(%pool, %rows)
     %size = norm(%w, dim = [1], keepdim = true) : f32[4, 1]
     %length = mean(%size, ${MEAN}) : f32[]
     %scaled = div(%w, %size) : f32[4, 4]
     copy_(%w, %scaled)
     return(%length)`,
  );
  const from = body.indexOf("if(%accumulate.last)");
  expect(body.slice(from)).toBe(
    `${ir`
      if(%accumulate.last) {
        %less = constant(-0.1) : f64
        foreach_add_(%p, %g, %less)
        yield()
      } {
        yield()
      }
      %pool = state(@pool) : f32[8, 4]
      copy_(%pool, %rows)
      %size = norm(%w, dim = [1], keepdim = true) : f32[4, 1]
      %length = mean(%size, dim = [], keepdim = false) : f32[]
      if(%accumulate.last) {
        %scaled = div(%w, %size) : f32[4, 4]
        copy_(%w, %scaled)
        %2 = constant(0) : f64
        foreach_mul_(%g, %2)
        yield()
      } {
        yield()
      }
      return(%length)
    `}`,
  );
});

test("a chain of ops may be longer than a stack is deep", () => {
  const turns = Array.from({ length: 10_000 }, (_, i) => `%l${i + 1} = mul(%l${i}, %lr) : f32[]`);
  const { body } = run(
    passesFor({ precision: "f16", layout: "channels_last", accumulate: 2 }),
    `${X}, %lr : f64 from plan`,
    trained(`%l0 = mean(%x, ${MEAN}) : f32[]\n${turns.slice(0, -1).join("\n")}
             %y = mul(%l9999, %lr) : f32[]`),
  );
  expect(lines(body, ", %lr)")).toHaveLength(10_000);
});

test("refine: a size that is given is known in every shape", () => {
  const ops = "%0 = cat(%x, %x, dim = 0) : f32[2*B, 4] %1 = cat(%0, %z, dim = 0) : f32[2*B+C, 4] return(%1)";
  const { body } = run(refine({ B: 64 }), "%x : f32[B, 4], %z : f32[C, 4]", ops, "y: f32[2*B+C, 4]");
  expect(body).toBe(ir`
    %0 = cat(%x, %x, dim = 0) : f32[128, 4]
    %1 = cat(%0, %z, dim = 0) : f32[C+128, 4]
    return(%1)
  `);
});

test("the passes of an experiment are those that it asks for", () => {
  const names = (options: Partial<Parameters<typeof passesFor>[0]>) =>
    passesFor({ precision: "f32", layout: "contiguous", accumulate: 1, ...options }).map((pass) => pass.name);
  expect(names({})).toEqual([
    "flatten",
    "islands",
    "target-column",
    "handwritten-heads",
    "heads",
    "folded-norms",
    "remat",
    "fold",
    "merge",
    "join-streams",
    "fused-norms",
    "gradient-branches",
    "branches",
    "dead-code",
  ]);
  expect(names({ precision: "bf16", layout: "channels_last", accumulate: 2 })).toEqual([
    "flatten",
    "accumulate",
    "target-column",
    "handwritten-heads",
    "heads",
    "precision",
    "islands",
    "layout",
    "folded-norms",
    "remat",
    "fold",
    "merge",
    "join-streams",
    "fused-norms",
    "depthwise-norms",
    "gradient-branches",
    "branches",
    "dead-code",
  ]);
});

describe("accumulate", () => {
  test("asks of writes in a choice what it asks of others: once an update, and the optimizer's at its end", () => {
    const { body } = run(
      accumulate(3),
      `${X}, %late : bool from plan`,
      `%pool = state(@pool) : f32[8, 4]
       if(%late) { %0 = mul(%pool, %1) : f32[8, 4] copy_(%pool, %0) yield() } { yield() }
       %w = state(@w) : f32[4, 4]
       %z = matmul(%x, %w) : f32[4, 4]
       %y = mean(%z, ${MEAN}) : f32[]
       %p = group(@parameters) : group<parameters>
       %g = gradients(%y, %p) : group<parameters>
       %2 = constant(-0.1) : f64
       if(%late) { foreach_add_(%p, %g, %2) yield() } { yield() }
       return(%y)`.replace("%1)", "%pool)"),
    );
    const first = body.slice(body.indexOf("if(%accumulate.first)"), body.indexOf("gradients("));
    expect(first).toMatch(/if\(%accumulate\.first\) \{\s+if\(%late\) \{[^}]*copy_\(%pool/);
    expect(body).toMatch(/if\(%accumulate\.last\) \{[^}]*if\(%late\) \{[^}]*foreach_add_\(%p,/);
    expect(lines(body, "if(%late)")).toHaveLength(2);
  });

  const step = (before: string, after: string) =>
    run(
      accumulate(4),
      `${X}, %rows : f32[8, 4] from images(x), %m : f64 from plan`,
      `%w = state(@w) : f32[4, 4]
       %pool = state(@pool) : f32[8, 4]
       %mean = state(@mean) : f32[8]
       %variance = state(@variance) : f32[8]
       ${before}
       %z = matmul(%x, %w) : f32[4, 4]
       %y = mean(%z, ${MEAN}) : f32[]
       ${DESCENT}
       ${after}
       return(%y)`,
    ).body;
  /** Writes in every step stand outside of any `if`. */
  const everyStep = (body: string) => lines(body, "_(").filter((line) => !line.startsWith(" "));

  test("leaves what a method writes to a parameter from images to every step", () => {
    const first = "%part = slice(%rows, dim = 0, end = 4, start = 0) : f32[4, 4]";
    const body = step("", `${first} copy_(%w, %part)`);
    expect(everyStep(body).at(-1)).toBe("copy_(%w, %part)");
    // What is only made from the parameters is part of the update.
    expect(everyStep(step("", "%half = mul(%w, %less) : f32[4, 4] copy_(%w, %half)"))).toHaveLength(1);
  });

  test("follows images through storage, in this step and from the one before", () => {
    const sums = `%a = sum(%pool, dim = [1], keepdim = false) : f32[8] lerp_(%mean, %a, %m)`;
    const once = `lerp_(%variance, %mean, %m)`;
    expect(everyStep(step(`copy_(%pool, %rows) ${sums}`, once)).map((l) => l.split(",")[0])).toEqual([
      "copy_(%pool",
      "lerp_(%mean",
      "foreach_add_(%g",
      "lerp_(%variance",
    ]);
    expect(everyStep(step(sums, "copy_(%pool, %rows)"))).toHaveLength(3);
    expect(everyStep(step(sums, once))).toHaveLength(1);
    // Parameters, and the statistics of a normalisation, see images too, but their averages are the update's.
    const normalised = `
      %maps = reshape(%rows, shape = [4, 8]) : f32[4, 8]
      %b = batch_norm(%maps, none, none, %mean, %variance, ${BN}) : f32[4, 8]`;
    expect(everyStep(step(normalised, "lerp_(%mean, %variance, %m)"))).toHaveLength(1);
    expect(
      everyStep(
        step(
          "",
          "%a = sum(%w, dim = [], keepdim = false) : f32[] %b = mul(%mean, %a) : f32[8] copy_(%mean, %b)",
        ),
      ),
    ).toHaveLength(1);
  });
});

describe("join-streams", () => {
  const inputs =
    "%x: f32[6, 4] from plan, %y: f32[6, 4] from plan, %t: i64[6] from plan, %u: i64[6] from plan, %i: i64[1, 2] from plan, %j: i64[1, 2] from plan, %n: f64 from plan, %m: f64 from plan";
  const results = "a: f32[6], b: f32[6]";
  const first = `
    %pool = state(@pool) : f32[8, 4]
    %s = constant(64) : f64
    %a, %c = negatives_logsumexp(%x, %pool, %t, %s, none, %n, none, none, none, none, %i, centres = 1, nearest = 2) : f32[6], i64[6, 2]`;
  const second =
    "%b, %d = negatives_logsumexp(%z, %pool, %u, %s, none, %m, none, none, none, none, %j, centres = 1, nearest = 2) : f32[6], i64[6, 2]";
  const joined = (...ops: string[]) => run(joinStreams, inputs, ops.join("\n"), results);

  test("two streams over the same classes are one, each a group of rows with its limit and what it leaves out", () => {
    const { body, statistics } = joined(first, "%z = neg(%y) : f32[6, 4]", second, "return(%a, %b)");
    expect(statistics).toEqual({ joined: 2 });
    expect(body).toBe(ir`
      %pool = state(@pool) : f32[8, 4]
      %s = constant(64) : f64
      %z = neg(%y) : f32[6, 4]
      %0 = from_scalar(%n, dtype = "f64") : f64[]
      %1 = from_scalar(%m, dtype = "f64") : f64[]
      %2 = cat(%x, %z, dim = 0) : f32[12, 4]
      %3 = cat(%t, %u, dim = 0) : i64[12]
      %4 = cat(%i, %j, dim = 0) : i64[2, 2]
      %5 = stack(%0, %1, dim = 0) : f64[2]
      %6, %7 = negatives_logsumexp(%2, %pool, %3, %s, none, %5, none, none, none, none, %4, centres = 1, nearest = 2) : f32[12], i64[12, 2]
      %a = slice(%6, dim = 0, end = 6, start = 0) : f32[6]
      %c = slice(%7, dim = 0, end = 6, start = 0) : i64[6, 2]
      %b = slice(%6, dim = 0, end = 12, start = 6) : f32[6]
      %d = slice(%7, dim = 0, end = 12, start = 6) : i64[6, 2]
      return(%a, %b)
    `);
  });

  test.each([
    [
      "a need of the other's result",
      "%q = unsqueeze(%a, dim = 1) : f32[6, 1]",
      "%z = mul(%y, %q) : f32[6, 4]",
    ],
    ["a write in between", "index_copy_(%pool, %t, %y, dim = 0)", "%z = neg(%y) : f32[6, 4]"],
  ])("%s keeps them apart", (_, ...between) => {
    expect(joined(first, ...between, second, "return(%a, %b)").statistics).toEqual({});
  });

  test("streams that look for another number of nearest classes are two", () => {
    const other = second.replace("nearest = 2", "nearest = 1").replace("i64[6, 2]", "i64[6, 1]");
    expect(joined(first, "%z = neg(%y) : f32[6, 4]", other, "return(%a, %b)").statistics).toEqual({});
  });
});

describe("fused-norms", () => {
  const inputs = "%x: f32[6, 8, 3, 3] from plan";
  const results = "y: f32[6, 8, 3, 3]";
  const norm = (training = true) => `
    %mean = state(@mean) : f32[8]
    %variance = state(@variance) : f32[8]
    %a = batch_norm(%x, none, none, %mean, %variance, eps = 0.001, momentum = 0.2, training = ${training}) : f32[6, 8, 3, 3]`;
  const slope = "%s = state(@slope) : f32[8]";
  const act = "%y = prelu(%a, %s) : f32[6, 8, 3, 3]";
  const fused = (...ops: string[]) => run(fusedNorms, inputs, ops.join("\n"), results);

  test("batch normalisation and the PReLU behind it are one op, before which the slope is named", () => {
    const { body, statistics } = fused(norm(), slope, act, "return(%y)");
    expect(statistics).toEqual({ fused: 1 });
    expect(body).toBe(ir`
      %mean = state(@mean) : f32[8]
      %variance = state(@variance) : f32[8]
      %s = state(@slope) : f32[8]
      %y = batch_norm_prelu(%x, none, none, %mean, %variance, %s, eps = 0.001, momentum = 0.2, training = true) : f32[6, 8, 3, 3]
      return(%y)
    `);
  });

  test.each([
    ["running statistics", norm(false), slope, act],
    ["another use of what is normalised", norm(), slope, act, "%z = neg(%a) : f32[6, 8, 3, 3]"],
    ["an op in between", norm(), slope, "%z = neg(%x) : f32[6, 8, 3, 3]", act],
    ["another op behind", norm(), "%y = relu(%a) : f32[6, 8, 3, 3]"],
    ["nothing behind", norm(), slope, "%y = prelu(%x, %s) : f32[6, 8, 3, 3]"],
  ])("%s leaves it alone", (_, ...ops) => {
    expect(fused(...ops, "return(%y)").statistics).toEqual({});
  });
});

describe("depthwise-norms", () => {
  const inputs = "%x: f32[6, 8, 9, 9] from plan";
  const results = "y: f32[6, 8, 5, 5]";
  const how = (training = true, eps = 0.001) => `eps = ${eps}, momentum = 0.2, training = ${training}`;
  const first = (training = true) => `
    %mean = state(@mean) : f32[8]
    %variance = state(@variance) : f32[8]
    %s = state(@slope) : f32[8]
    %a = batch_norm_prelu(%x, none, none, %mean, %variance, %s, ${how(training)}) : f32[6, 8, 9, 9]`;
  const kernel = "%k = state(@depth) : f32[8, 1, 3, 3]";
  const places = "padding = [1, 1], stride = [2, 2]";
  const conv = `%c = conv2d(%a, %k, none, dilation = [1, 1], groups = 8, ${places}) : f32[6, 8, 5, 5]`;
  const second = (attributes = how()) =>
    `%y = batch_norm(%c, %s, none, none, none, ${attributes}) : f32[6, 8, 5, 5]`;
  const fused = (...ops: string[]) => run(depthwiseNorms, inputs, ops.join("\n"), results);

  test("the normalisations before and behind it, with PReLU or without, are one op with it", () => {
    const { body, statistics } = fused(first(), kernel, conv, second(), "return(%y)");
    expect(statistics).toEqual({ fused: 1 });
    expect(body).toBe(ir`
      %mean = state(@mean) : f32[8]
      %variance = state(@variance) : f32[8]
      %s = state(@slope) : f32[8]
      %k = state(@depth) : f32[8, 1, 3, 3]
      %y = norm_depthwise_norm(%x, none, none, %mean, %variance, %s, %k, %s, none, none, none, none, eps = 0.001, momentum = 0.2, padding = [1, 1], stride = [2, 2], training = true) : f32[6, 8, 5, 5]
      return(%y)
    `);
  });

  test.each([
    ["running statistics before", first(false), kernel, conv, second()],
    [
      "running statistics behind",
      first(),
      kernel,
      conv,
      second(how(false)).replace("none, none, none", "none, %mean, %variance"),
    ],
    ["another eps behind", first(), kernel, conv, second(how(true, 0.01))],
    [
      "statistics that both move",
      first(),
      kernel,
      conv,
      second().replace("none, none, none", "none, %mean, %variance"),
    ],
    [
      "statistics that move before they are a bias behind",
      first(),
      kernel,
      conv,
      second().replace("none, none, none", "%mean, none, none"),
    ],
    ["nothing behind", first(), kernel, conv, "%y = neg(%c) : f32[6, 8, 5, 5]"],
    ["another use of what is convolved", first(), kernel, conv, second(), "%z = neg(%a) : f32[6, 8, 9, 9]"],
    ["another use of what comes of it", first(), kernel, conv, second(), "%z = neg(%c) : f32[6, 8, 5, 5]"],
    ["something added", first(), kernel, conv.replace("none", "%s"), second()],
    [
      "a dilated kernel",
      first(),
      kernel,
      conv.replace(
        "dilation = [1, 1], groups = 8, padding = [1, 1]",
        "dilation = [2, 2], groups = 8, padding = [2, 2]",
      ),
      second(),
    ],
    [
      "a kernel for several channels",
      first(),
      "%k = state(@grouped) : f32[8, 2, 3, 3]",
      conv.replace("groups = 8", "groups = 4"),
      second(),
    ],
  ])("%s leaves it alone", (_, ...ops) => {
    expect(fused(...ops, "return(%y)").statistics).toEqual({});
  });

  test("of two that share a normalisation, the first has it", () => {
    const again = `
      %d = conv2d(%y, %k, none, dilation = [1, 1], groups = 8, ${places}) : f32[6, 8, 3, 3]
      %z = batch_norm(%d, none, none, none, none, ${how()}) : f32[6, 8, 3, 3]
      return(%z)`;
    const { body, statistics } = run(
      depthwiseNorms,
      inputs,
      [first(), kernel, conv, second(), again].join("\n"),
      "z: f32[6, 8, 3, 3]",
    );
    expect(statistics).toEqual({ fused: 1 });
    expect(body).toMatch(/%y = norm_depthwise_norm.*%d = conv2d\(%y.*%z = batch_norm\(%d/s);
  });
});

describe("folded-norms", () => {
  const inputs = "%x: f32[6, 3, 9, 9] from plan";
  const net = (training: boolean) => `
    %conv = state(@conv) : f32[8, 3, 3, 3]
    %a = conv2d(%x, %conv, none, dilation = [1, 1], groups = 1, padding = [1, 1], stride = [1, 1]) : f32[6, 8, 9, 9]
    %slope = state(@slope) : f32[8]
    %mean = state(@mean) : f32[8]
    %variance = state(@variance) : f32[8]
    %b = batch_norm(%a, %slope, none, %mean, %variance, eps = 0.001, momentum = 0.2, training = ${training}) : f32[6, 8, 9, 9]`;
  const unrecorded = (ops: string) => `%c = no_grad() {${ops}\nyield(%b)\n} : f32[6, 8, 9, 9]`;
  const learnt = `
    %w = state(@w) : f32[4, 4]
    %y = sum(%w) : f32[]
    %parameters = group(@first) : group<first>
    %g = gradients(%y, %parameters) : group<first>
    return(%y)`;
  const foldedIn = (ops: string) => run(foldedNorms, inputs, ops);

  test("where a step records nothing, the convolution scales and shifts", () => {
    const { body, statistics } = foldedIn(unrecorded(net(false)) + learnt);
    expect(statistics).toEqual({ folded: 1 });
    expect(body).toBe(ir`
      %c = no_grad() {
        %conv = state(@conv) : f32[8, 3, 3, 3]
        %slope = state(@slope) : f32[8]
        %mean = state(@mean) : f32[8]
        %variance = state(@variance) : f32[8]
        %0 = constant(0.001) : f64
        %1 = add(%variance, %0) : f32[8]
        %2 = rsqrt(%1) : f32[8]
        %3 = mul(%2, %slope) : f32[8]
        %4 = reshape(%3, shape = [-1, 1, 1, 1]) : f32[8, 1, 1, 1]
        %5 = mul(%conv, %4) : f32[8, 3, 3, 3]
        %6 = neg(%mean) : f32[8]
        %7 = mul(%6, %3) : f32[8]
        %b = conv2d(%x, %5, %7, dilation = [1, 1], groups = 1, padding = [1, 1], stride = [1, 1]) : f32[6, 8, 9, 9]
        yield(%b)
      } : f32[6, 8, 9, 9]
      %w = state(@w) : f32[4, 4]
      %y = sum(%w) : f32[]
      %parameters = group(@first) : group<first>
      %g = gradients(%y, %parameters) : group<first>
      return(%y)
    `);
  });

  test.each([
    ["the batch's statistics", unrecorded(net(true)) + learnt],
    ["what is recorded", net(false) + learnt],
    ["a function without a gradient", `${net(false)}\n%y = sum(%b) : f32[]\nreturn(%y)`],
  ])("%s leaves it alone", (_, ops) => {
    expect(foldedIn(ops).statistics).toEqual({});
  });
});

/** A product of a row of the pool's size, so that it begins a chain. */
const product = (from: string, weight: string, to: string) =>
  `%${to}.w = state(@${weight}) : f32[4, 4]\n%${to} = linear(%${from}, %${to}.w, none) : f32[4, 4]`;

describe("branches", () => {
  const inputs = "%x : f32[4, 4] from plan, %z : f32[4, 4] from plan";
  const branched = (ops: string, worth = 0) => run(branches(worth), inputs, ops, "y: f32[4, 4]");

  test("what needs nothing of each other stands in branches, each with what it alone uses", () => {
    const { body, statistics } = branched(`
      %n = neg(%x) : f32[4, 4]
      ${product("n", "w", "a")}
      %m = neg(%z) : f32[4, 4]
      ${product("m", "w", "b")}
      %c = tanh(%b) : f32[4, 4]
      ${product("c", "w", "d")}
      %late = tanh(%d) : f32[4, 4]
      %y = mul(%a, %late) : f32[4, 4]
      return(%y)`);
    expect(statistics).toEqual({ branches: 2 });
    expect(body).toBe(ir`
      %a#1 = branch() {
        %n = neg(%x) : f32[4, 4]
        %a.w = state(@w) : f32[4, 4]
        %a = linear(%n, %a.w, none) : f32[4, 4]
        yield(%a)
      } : f32[4, 4]
      %d#1 = branch() {
        %m = neg(%z) : f32[4, 4]
        %b.w = state(@w) : f32[4, 4]
        %b = linear(%m, %b.w, none) : f32[4, 4]
        %c = tanh(%b) : f32[4, 4]
        %d.w = state(@w) : f32[4, 4]
        %d = linear(%c, %d.w, none) : f32[4, 4]
        yield(%d)
      } : f32[4, 4]
      %late = tanh(%d#1) : f32[4, 4]
      %y = mul(%a#1, %late) : f32[4, 4]
      return(%y)
    `);
  });

  test.each([
    ["one goes on from the other", product("a", "w", "b")],
    ["one writes what the other reads", `${product("z", "w", "b")}\nlerp_(%a.w, %b, %half)`],
    ["nothing is multiplied", "%b = neg(%z) : f32[4, 4]"],
    [
      "random numbers are drawn from one stream",
      `%r = dropout(%z, p = 0.5, training = true) : f32[4, 4]\n${product("r", "w", "b")}`,
    ],
  ])("where %s, there are none", (_, other) => {
    const half = "%half = constant(0.5) : f64";
    const { statistics } = branched(
      `${half}\n${product("x", "w", "a")}\n${other}\n%y = mul(%a, %b) : f32[4, 4]\nreturn(%y)`,
    );
    expect(statistics).toEqual({});
  });

  test("a little work is not worth a thread", () => {
    const ops = `${product("x", "w", "a")}\n${product("z", "w", "b")}\n%y = mul(%a, %b) : f32[4, 4]\nreturn(%y)`;
    expect(branched(ops, 64).statistics).toEqual({ branches: 2 });
    expect(branched(ops, 65).statistics).toEqual({});
  });

  test("a little beside much is no branch: all cores are sooner done with the much", () => {
    const much = `${product("x", "w", "a")}\n${product("a", "w", "b")}\n${product("b", "w", "c")}`;
    const ops = (other: string) => `${much}\n${other}\n%y = mul(%c, %e) : f32[4, 4]\nreturn(%y)`;
    expect(branched(ops(product("z", "w", "e")), 1).statistics).toEqual({});
    const half = `${product("z", "w", "d")}\n${product("d", "w", "e")}`;
    expect(branched(ops(half), 1).statistics).toEqual({ branches: 2 });
  });

  test.each([
    ["are in one branch, they stand in branches", "%l = mul(%b, %c) : f32[4, 4]", 2],
    [
      "are in a branch and beside it, they do not",
      "%q = mul(%b, %c) : f32[4, 4] %l = matmul(%q, %a.w) : f32[4, 4]",
      undefined,
    ],
  ])("where all uses of a parameter by a gradient %s", (_, loss, count) => {
    const { statistics } = run(
      branches(0),
      inputs,
      `${product("x", "w", "a")}
       ${product("a", "w", "b")}
       %c = no_grad() { ${product("z", "average", "e")}
         ${product("e", "average", "f")}
         yield(%f) } : f32[4, 4]
       ${loss}
       %m = mul(%l, %c) : f32[4, 4]
       %loss = mean(%m, ${MEAN}) : f32[]
       %p = group(@first) : group<first>
       %g = gradients(%loss, %p) : group<first>
       %rate = constant(-0.1) : f64
       foreach_add_(%p, %g, %rate)
       return(%loss)`,
      "loss: f32[]",
    );
    expect(statistics.branches).toBe(count);
  });

  test("two passes of a net that moves statistics follow each other in one branch", () => {
    const norm = (of: string) =>
      `%${of} = batch_norm(%${of}.c, none, none, %mean, %variance, eps = 0.001, momentum = 0.2, training = true) : f32[2, 8, 3, 3]`;
    const pass = (from: string, weight: string, of: string) =>
      `%${of}.c = conv2d(%${from}, ${weight}, none, dilation = [1, 1], groups = 1, padding = [1, 1], stride = [1, 1]) : f32[2, 8, 3, 3]`;
    const again = (from: string, of: string) =>
      `%${of} = conv2d(%${from}, %depth, none, dilation = [1, 1], groups = 8, padding = [1, 1], stride = [1, 1]) : f32[2, 8, 3, 3]`;
    const { body } = run(
      branches(0),
      "%x : f32[2, 3, 3, 3] from plan, %z : f32[2, 3, 3, 3] from plan",
      `%conv = state(@conv) : f32[8, 3, 3, 3]
       %twin = state(@twin) : f32[8, 3, 3, 3]
       %mean = state(@mean) : f32[8]
       %variance = state(@variance) : f32[8]
       %depth = state(@depth) : f32[8, 1, 3, 3]
       ${pass("x", "%conv", "a")}
       ${norm("a")}
       ${again("a", "e")}
       ${pass("z", "%conv", "b")}
       ${norm("b")}
       ${again("b", "f")}
       ${pass("x", "%twin", "t")}
       ${pass("z", "%twin", "v")}
       %s = add(%e, %f) : f32[2, 8, 3, 3]
       %st = mul(%s, %t.c) : f32[2, 8, 3, 3]
       %y = mul(%st, %v.c) : f32[2, 8, 3, 3]
       return(%y)`,
      "y: f32[2, 8, 3, 3]",
    );
    const [first, second] = body.split("branch()").slice(1);
    expect(lines(first!, "batch_norm")).toHaveLength(2);
    expect(second).toContain("@twin");
    expect(lines(second!, "batch_norm")).toHaveLength(0);
  });
});

describe("gradient-branches", () => {
  const inputs = "%x : f32[4, 4] from plan, %z : f32[4, 4] from plan";
  const update = `
    %p = group(@first) : group<first>
    %g = gradients(%loss, %p) : group<first>
    %rate = constant(-0.1) : f64
    foreach_add_(%p, %g, %rate)
    return(%loss)`;
  const split = (ops: string, worth = 0) =>
    run(gradientBranches(worth), inputs, `${ops}\n${update}`, "loss: f32[]");

  test("the gradient of each pass is taken by itself, from what arrives at what it gave", () => {
    const { body, statistics } = split(`
      ${product("x", "w", "a")}
      ${product("z", "w", "b")}
      %d = sub(%a, %b) : f32[4, 4]
      %loss = mean(%d, ${MEAN}) : f32[]`);
    expect(statistics).toEqual({ branches: 2 });
    expect(body).toBe(ir`
      %a.w = state(@w) : f32[4, 4]
      %a = linear(%x, %a.w, none) : f32[4, 4]
      %b.w = state(@w) : f32[4, 4]
      %b = linear(%z, %b.w, none) : f32[4, 4]
      %a#1 = leaf(%a) : f32[4, 4]
      %b#1 = leaf(%b) : f32[4, 4]
      %d = sub(%a#1, %b#1) : f32[4, 4]
      %loss = mean(%d, dim = [], keepdim = false) : f32[]
      %p = group(@first) : group<first>
      %0 = full(dtype = "f32", shape = [], value = 1) : f32[]
      %1 = group(@step.gradient.others) : group<step.gradient.others>
      %2, %3, %4 = vjp(%1, %loss, %0, %a#1, %b#1, outputs = 1, retain = false) : group<step.gradient.others>, f32[4, 4], f32[4, 4]
      %7 = branch() {
        %5 = group(@first) : group<first>
        %6 = vjp(%5, %a, %3, outputs = 1, retain = false) : group<first>
        yield(%6)
      } : group<first>
      %10 = branch() {
        %8 = group(@first) : group<first>
        %9 = vjp(%8, %b, %4, outputs = 1, retain = false) : group<first>
        yield(%9)
      } : group<first>
      %11 = constant(1) : f64
      %g = foreach_add(%7, %10, %11) : group<first>
      %rate = constant(-0.1) : f64
      foreach_add_(%p, %g, %rate)
      return(%loss)
    `);
  });

  test.each([
    ["one pass", `${product("x", "w", "a")}\n%d = neg(%a) : f32[4, 4]`],
    [
      "passes of which one goes on from the other",
      `${product("x", "w", "a")}\n${product("a", "w", "b")}\n%d = sub(%a, %b) : f32[4, 4]`,
    ],
    [
      "a loss that sees their parameters itself",
      `${product("x", "w", "a")}\n${product("z", "w", "b")}\n%c = mul(%a, %a.w) : f32[4, 4]\n%d = sub(%c, %b) : f32[4, 4]`,
    ],
    [
      "a pass that records nothing",
      `${product("x", "w", "a")}\n%b = no_grad() { ${product("z", "w", "c")}\nyield(%c) } : f32[4, 4]\n%d = sub(%a, %b) : f32[4, 4]`,
    ],
    [
      "a pass that the loss does not see",
      `${product("x", "w", "a")}\n${product("z", "w", "b")}\n%shown = tanh(%b) : f32[4, 4]\n%d = neg(%a) : f32[4, 4]`,
    ],
  ])("%s has its gradient as it was", (_, ops) => {
    expect(split(`${ops}\n%loss = mean(%d, ${MEAN}) : f32[]`).statistics).toEqual({});
  });
});
