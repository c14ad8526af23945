/** Which heads become the op, and which programs stay. That losses and gradients stay is `python-host/tests/test_handwritten_heads.py`. */
import { describe, expect, test } from "vitest";
import { type IrModule, printModule } from "#compiler/index";
import { deadCode } from "#compiler/passes/dead-code";
import { handwrittenHeads } from "#compiler/passes/handwritten-heads";
import { targetColumn } from "#compiler/passes/target-column";
import { HEADS, made, OTHERS } from "../fixtures/handwritten-head-cases.mjs";
import { ir } from "./pass-test.js";

/** From the first op after the storages to the loss and what comes of it, one line an op. */
const body = (module: IrModule) => {
  const lines = printModule(module, { function: "step" })
    .split("\n")
    .map((line) => line.trim());
  const first = lines.findLastIndex((line) => line.includes("= state("));
  return lines
    .slice(
      first + 1,
      lines.findIndex((line) => line.startsWith("%weighted")),
    )
    .join("\n");
};
const becomes = (name: string) => body(made(HEADS[name]!, targetColumn, handwrittenHeads, deadCode));

describe("a head that is written by hand", () => {
  test.each(Object.entries(HEADS))("becomes the op: %s", (_, parts) => {
    const module = made(parts, targetColumn, handwrittenHeads, deadCode);
    expect(printModule(module)).toContain("margin_softmax(");
    expect(printModule(module)).not.toMatch(/cross_entropy|matmul|linear|\[7, (9|10)\]/);
  });

  test("takes the classifier's rows for the own cosines, and no matrix is left", () => {
    expect(becomes("a margin in the target's column")).toBe(ir`
      %0 = index_select(%w, %target, dim = 0) : f64[7, 5]
      %1 = mul(%x, %0) : f64[7, 5]
      %own = sum(%1, dim = [1], keepdim = true) : f64[7, 1]
      %less = sub(%own, %m) : f64[7, 1]
      %scale = constant(16) : i64
      %2 = squeeze(%less, dim = 1) : f64[7]
      %loss, %3, %4 = margin_softmax(%x, %w, %target, %2, %scale, none, none, none, none, none, none, none, none, centres = 1, hardest = 0) : f64[7], f64[7], f64[7]
      %near = unsqueeze(%weight, dim = 1) : f64[7, 1]
    `);
  });

  test("divides at once by a scale that is known, so that the head knows its own", () => {
    const text = becomes("a temperature");
    expect(text).toContain("constant(16) : f64");
    expect(text).not.toContain("scalar_div");
  });

  test("leaves classes out by a limit, and by ids that are nobody's", () => {
    expect(becomes("those from one on left out, and some")).toBe(ir`
      %0 = index_select(%w, %target, dim = 0) : f64[7, 5]
      %1 = mul(%x, %0) : f64[7, 5]
      %own = sum(%1, dim = [1], keepdim = true) : f64[7, 1]
      %less = sub(%own, %m) : f64[7, 1]
      %scale = constant(16) : i64
      %2 = squeeze(%less, dim = 1) : f64[7]
      %3 = arange(size = 9) : i64[9]
      %4 = constant(-1) : i64
      %5 = where(%mask, %4, %3) : i64[9]
      %loss, %6, %7 = margin_softmax(%x, %w, %target, %2, %scale, %5, %limit, none, none, none, none, none, none, centres = 1, hardest = 0) : f64[7], f64[7], f64[7]
      %near = unsqueeze(%weight, dim = 1) : f64[7, 1]
    `);
  });

  test("knows a queue's identities, those below 0 too, and gives the largest cosine to others", () => {
    expect(becomes("a queue, filled in part")).toBe(ir`
      %less = sub(%positive, %m) : f64[7, 1]
      %scale = constant(16) : i64
      %0 = constant(2) : i64
      %1 = mul(%labels, %0) : i64[7]
      %2 = constant(1) : i64
      %3 = add(%1, %2) : i64[7]
      %4 = neg(%3) : i64[7]
      %5 = constant(0) : i64
      %6 = ge(%labels, %5) : bool[7]
      %7 = where(%6, %1, %4) : i64[7]
      %8 = squeeze(%less, dim = 1) : f64[7]
      %9 = constant(2) : i64
      %10 = mul(%ids, %9) : i64[9]
      %11 = constant(1) : i64
      %12 = add(%10, %11) : i64[9]
      %13 = neg(%12) : i64[9]
      %14 = constant(0) : i64
      %15 = ge(%ids, %14) : bool[9]
      %16 = where(%15, %10, %13) : i64[9]
      %loss, %17, %18 = margin_softmax(%x, %w, %7, %8, %scale, %16, %limit, none, none, none, none, none, none, centres = 1, hardest = 0) : f64[7], f64[7], f64[7]
      %19 = constant(-1e+30) : f64
      %20 = le(%17, %19) : bool[7]
      %21 = masked_fill(%17, %20, value = -inf) : f64[7]
      %near = unsqueeze(%21, dim = 1) : f64[7, 1]
    `);
  });

  test.each(Object.entries(OTHERS))("stays where it is not the same: %s", (_, parts) => {
    const before = made(parts, targetColumn, deadCode);
    expect(handwrittenHeads.run(before)).toEqual({ module: before, statistics: {} });
    expect(printModule(before)).toMatch(/cross_entropy|logsumexp/);
  });
});
