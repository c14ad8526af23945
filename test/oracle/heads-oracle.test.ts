import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirePython } from "#runtime/index";
import { share } from "../long.js";
import { BANKS, headSession, MARGINS } from "./head-sessions.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-heads-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Enough for pools and queues to be full. */
const STEPS = share(6, 12);
const cases = Object.keys(BANKS).flatMap((bank) =>
  Object.keys(MARGINS).map((margin) => [bank, margin] as const),
);

interface Apart {
  readonly loss: number;
  readonly gradient: number;
  readonly bank: number;
  readonly margin: number;
  /** Finite in f32 where own cosines are -1 or 1, or a margin has a kink. */
  readonly edges: boolean;
  readonly steps: number;
}

describe("every bank under every margin equals the literal oracle, row by row", () => {
  const apart = new Map<string, Apart>();
  beforeAll(() => {
    const path = join(folder, "sessions.json");
    writeFileSync(
      path,
      JSON.stringify(
        cases.map(([bank, margin], i) => ({
          ...headSession(folder, bank, margin, { steps: STEPS }),
          backend: i % 2 === 0 ? "torchscript" : "eager",
        })),
      ),
    );
    const oracle = new URL("../../python-host/tests/compare_heads.py", import.meta.url).pathname;
    const { stdout, stderr, status } = spawnSync(requirePython(), [oracle, path], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    if (status !== 0) throw new Error(stderr);
    for (const [i, result] of (JSON.parse(stdout) as Apart[]).entries()) apart.set(cases[i]!.join(), result);
  }, 600_000);

  test.each(cases)("%s, %s", (bank, margin) => {
    const found = apart.get([bank, margin].join())!;
    expect(found.steps).toBe(STEPS);
    expect(found.loss).toBeLessThan(1e-12);
    expect(found.gradient).toBeLessThan(1e-10);
    expect(found.bank).toBeLessThan(1e-12);
    expect(found.margin).toBeLessThan(1e-12);
    expect(found.edges).toBe(true);
  });
});
