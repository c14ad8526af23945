import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirePython } from "#runtime/index";
import { long } from "../long.js";
import { BANKS, headSession, MARGINS } from "./head-sessions.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-heads-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * `F2C_EVERY_HEAD=1` takes the whole product, Inductor with it, which takes half an hour; a bank's name takes that bank's part; otherwise each margin
 * meets one bank, and every other one accumulates; with F2C_LONG=1 each in both ways.
 */
const asked = process.env.F2C_EVERY_HEAD ?? "";
const whole = asked !== "";
const [banks, margins] = [
  Object.keys(BANKS).filter((bank) => bank !== "sampled whole" && (!(asked in BANKS) || bank === asked)),
  Object.keys(MARGINS),
];
const pairs = whole
  ? banks.flatMap((bank) => margins.map((margin) => [bank, margin] as const))
  : margins.map((margin, i) => [banks[i % banks.length]!, margin] as const);
const formsOf = (pair: number) =>
  [1, 2]
    .filter((accumulate) => whole || long || accumulate === 1 + (pair % 2))
    .flatMap((accumulate) =>
      [false, true].map((checkpointed) => ({ accumulate, checkpointed, steps: 20 / accumulate })),
    );

const full = "full";
const sampledWhole = "sampled whole";

interface Same {
  /** Of losses and of everything stored, relative to eager, by backend. */
  readonly apart: Readonly<Record<string, number>>;
  /** How far eager is from itself in float64, where a backend is further from it than f32's tolerance. */
  readonly rounding: number;
  /** Whether the second half after a checkpoint is that of the uninterrupted session, to the last bit. */
  readonly resumed: boolean;
  readonly steps: number;
  /** Whether losses and all that both store are those of another session, to the last bit. */
  readonly identical: boolean;
}

describe("a head is the same on every backend, accumulated, made again and resumed", () => {
  const cases = pairs.flatMap(([bank, margin], pair) =>
    formsOf(pair).map((form) => ({ bank, margin, ...form })),
  );
  let results: readonly Same[] = [];
  beforeAll(() => {
    const sessions = cases.map(({ bank, margin, ...form }, i) => ({
      ...headSession(folder, bank, margin, form),
      backends: whole || i === 0 ? ["torchscript", "inductor"] : ["torchscript"],
      // What is made again, and the same plain: one program's result for both.
      likePlain: form.checkpointed ? i - 1 : i,
    }));
    const wholeSample = [full, sampledWhole].map((bank, i) => ({
      ...headSession(folder, bank, "cosFace", { steps: 12 }),
      backends: [],
      likePlain: sessions.length + i,
      identicalTo: sessions.length,
    }));
    const path = join(folder, "sessions.json");
    writeFileSync(path, JSON.stringify([...sessions, ...wholeSample]));
    const script = new URL("../../python-host/tests/compare_backends.py", import.meta.url).pathname;
    const { stdout, stderr, status } = spawnSync(requirePython(), [script, path], {
      encoding: "utf8",
      // What takes long says where it is.
      stdio: ["ignore", "pipe", whole ? "inherit" : "pipe"],
      maxBuffer: 1 << 26,
    });
    if (status !== 0) throw new Error(stderr);
    results = JSON.parse(stdout) as Same[];
  }, 7_200_000);

  test.each(
    cases.map(
      (c, i) =>
        [
          `${c.bank}, ${c.margin}, ${c.accumulate} steps an update${c.checkpointed ? ", checkpointed" : ""}`,
          i,
        ] as const,
    ),
  )("%s", (_, i) => {
    const { apart, rounding, resumed, steps } = results[i]!;
    expect(steps).toBe(20);
    expect(Object.keys(apart).length).toBeGreaterThan(1);
    // 1e-5, or what f32 itself is off by: a virtual class of one feature has a cosine of 1 with it, where angles are ill-conditioned, and steps multiply that.
    for (const [what, difference] of Object.entries(apart))
      expect(difference, what).toBeLessThan(Math.max(1e-5, rounding));
    expect(resumed).toBe(true);
  });

  test("a sample of all classes is the full bank, to the last bit", () => {
    expect(results).toHaveLength(cases.length + 2);
    expect(results.at(-1)!.identical).toBe(true);
  });
});
