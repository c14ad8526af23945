import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirePython } from "#runtime/index";
import { BANKS, headSession, MARGINS } from "./head-sessions.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-heads-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pairs = [
  ...Object.keys(MARGINS).map((margin) => ["full", margin] as const),
  ...Object.keys(BANKS)
    .filter((bank) => bank !== "full" && bank !== "sampled whole")
    .map((bank) => [bank, "cosFace"] as const),
];
/** The distance from 1 to the next number: cosines, which are no larger, are rounded by about as much, logits by the scale times that. */
const EPS = { bf16: 2 ** -7, f16: 2 ** -10 };
const SCALE = 16;
/**
 * Margins whose negatives jump where they are rounded over a bound, whatever the type: here by 0.2 or less, times the scale, in one row
 * of 8 or so. Such a jump moves the net as well, and so all later steps: each step begins with what f32 has stored then.
 */
const JUMPING = ["svSoftmax", "curricularFace", "withoutConflicts"];
const JUMP = (0.2 * SCALE) / 8;
/** Small enough for these gradients from the first step on. */
const FIRST_SCALE = 1024;

interface Narrowed {
  readonly apart: number;
  readonly finite: boolean;
  readonly scale: number;
  readonly steps: number;
}

describe("a head in a narrow precision stays near f32 for 20 steps", () => {
  const results = new Map<string, readonly Narrowed[]>();
  beforeAll(() => {
    const groups = pairs.map(([bank, margin]) => {
      const [f32, bf16, f16] = (["f32", "bf16", "f16"] as const).map((precision) => ({
        ...headSession(folder, bank, margin, { steps: 20, precision }),
        eachStep: JUMPING.includes(margin),
      }));
      return [f32, bf16, { ...f16, scale: FIRST_SCALE }, f16];
    });
    const path = join(folder, "sessions.json");
    writeFileSync(path, JSON.stringify(groups));
    const script = new URL("../../python-host/tests/compare_precisions.py", import.meta.url).pathname;
    const { stdout, stderr, status } = spawnSync(requirePython(), [script, path], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    if (status !== 0) throw new Error(stderr);
    for (const [i, found] of (JSON.parse(stdout) as Narrowed[][]).entries())
      results.set(pairs[i]!.join(), found);
  }, 600_000);

  test.each(pairs)("%s, %s", (bank, margin) => {
    const [bf16, f16, scaled] = results.get([bank, margin].join())! as [Narrowed, Narrowed, Narrowed];
    const jump = JUMPING.includes(margin) ? JUMP : 0;
    expect(bf16.apart).toBeLessThan(2 * SCALE * EPS.bf16 + jump);
    expect(f16.apart).toBeLessThan(2 * SCALE * EPS.f16 + jump);
    // No update was left out.
    expect(f16.scale).toBe(FIRST_SCALE);
    // From 65,536 on the scale of the loss is halved until gradients are finite.
    expect(scaled.scale).toBeGreaterThanOrEqual(FIRST_SCALE);
    for (const { finite, steps } of [bf16, f16, scaled]) expect([finite, steps]).toEqual([true, 20]);
  });
});
