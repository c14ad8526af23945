import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { ProcessLock } from "#runtime/bridge/process-lock";
import { comparisonFigure } from "#runtime/compare/figure";
import { readRuns } from "#runtime/compare/read";
import { Series } from "#runtime/compare/series";
import { comparisonTable } from "#runtime/compare/table";
import { atNight } from "#runtime/figure/colours";
import { pageSvg, pngOf, svgOf } from "#runtime/figure/figure";

const home = mkdtempSync(join(tmpdir(), "f2c-compare-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Made {
  name?: string;
  steps?: number;
  /** Steps between two evaluations. */
  evaluated?: number;
  errors?: boolean;
  options?: object;
  interrupted?: boolean;
  ended?: boolean;
  rest?: string;
}

/** Of an evaluation that came once, before the others: the lower the better. */
const ERRORS = (run: string) => ({
  numbers: { EER: { value: run.length / 100, as: "plain", better: "lower" } },
  notes: [],
});

/** A run of 8 steps an epoch whose loss is 10 less the number of its step, and whose accuracy is a share of it. */
function made(folder: string, { name = folder, steps = 4, evaluated = 2, ...more }: Made = {}): string {
  const { options = {}, interrupted = false, ended = true, errors = false, rest = "" } = more;
  const path = join(home, folder);
  mkdirSync(path);
  const lines = Array.from({ length: steps }, (_, step) => {
    const after = { step, epoch: (step + 1) / 8, loss: 10 - step, lr: 0.1, seconds: 0.2, wait: 0.05 };
    const numbers = {
      accuracy: { value: step / 8, std: 0.01, as: "percent", note: "on 72 pairs" },
      "TAR at FAR 0.1": { value: 0.5, as: "percent" },
      "TAR at FAR 0.001": { value: null, as: "percent" },
      pairs: { value: 72, as: "plain", quiet: true },
    };
    const evaluation = {
      verification: { numbers, notes: [] },
      ...(errors && step === 1 && { errors: ERRORS(name) }),
    };
    return (step + 1) % evaluated === 0 ? [after, { step, evaluation }] : [after];
  });
  const text = lines.flat().map((line) => `${JSON.stringify(line)}\n`);
  writeFileSync(join(path, "metrics.jsonl"), text.join("") + rest);
  const identity = { version: 1, options: { name, ...options }, versions: { node: "v20" } };
  writeFileSync(join(path, "config.json"), JSON.stringify({ name, identity }));
  if (ended) writeFileSync(join(path, "summary.json"), JSON.stringify({ steps, interrupted }));
  return path;
}

function read(...folders: string[]) {
  const said: string[] = [];
  return { runs: readRuns(folders, "step", (text) => said.push(text)), said };
}

test("runs beside each other: what differs in what they were asked for, and what came of it, the best marked", () => {
  const lr = (base: number) => ({ seed: 1, lr: { kind: "cosine", base } });
  const { runs, said } = read(
    made("wide", { options: lr(0.1), errors: true }),
    made("narrow", { options: { ...lr(0.05), device: "cpu" }, steps: 3, interrupted: true, errors: true }),
  );
  expect(comparisonTable(runs)).toBe(`\
                              wide                narrow
------------------------------------------------------------------
lr.base                       0.1                 0.05
device                        -                   cpu
run                           complete            interrupted
steps                         4                   3
final loss                    7.0000 *            8.0000
lowest loss                   7.0000 at step 4 *  8.0000 at step 3
verification: accuracy        37.50 % ± 1.00 % *  12.50 % ± 1.00 %
verification: TAR at FAR 0.1  50.00 %             50.00 %
errors: EER                   0.04 *              0.06
a step                        250 ms              250 ms
training                      1.0 s               0.8 s
`);
  expect(said).toEqual([]);
});

test("many runs stand below each other", () => {
  const folders = Array.from({ length: 6 }, (_, i) => made(`many-${i}`));
  const lines = comparisonTable(read(...folders).runs).split("\n");
  expect(lines[0]).toMatch(/^ +run +steps +final loss/);
  expect(lines.slice(2, 8).map((line) => line.split(" ")[0])).toEqual(folders.map((_, i) => `many-${i}`));
});

describe("runs are called", () => {
  test("by their experiments, where these differ", () => {
    expect(read(made("x-1", { name: "x" }), made("y-1", { name: "y" })).runs.map((r) => r.label)).toEqual([
      "x",
      "y",
    ]);
  });
  test("by their folders otherwise", () => {
    expect(read(made("z-1", { name: "z" }), made("z-2", { name: "z" })).runs.map((r) => r.label)).toEqual([
      "z-1",
      "z-2",
    ]);
  });
});

describe("what a reader should know is said", () => {
  test("of a run that is named twice, by whatever way", () => {
    const path = made("twice");
    symlinkSync(path, join(home, "link"));
    const { runs, said } = read(path, join(home, "link"));
    expect(runs).toHaveLength(1);
    expect(said).toEqual([`${join(home, "link")} is named twice, and compared once`]);
  });

  test("of a line that is being written or was cut off", () => {
    const path = made("torn", { rest: '{"step": 4, "lo' });
    const { runs, said } = read(path);
    expect(runs[0]!.steps).toBe(4);
    expect(said).toEqual([`${path}: a line of metrics.jsonl cannot be read: left out`]);
  });

  test("of a run without an evaluation, which stands in the table all the same", () => {
    const [plain, other] = [made("plain", { evaluated: 100 }), made("other")];
    const { runs, said } = read(plain, other);
    expect(said).toEqual([`${plain} was not evaluated`]);
    expect(comparisonTable(runs)).toMatch(/verification: accuracy +- +37\.50 %/);
  });

  test("of a run that goes on; one that ended without a summary of its last step did not end", () => {
    const [on, failed] = [made("on", { ended: false }), made("failed", { ended: false })];
    const lock = ProcessLock.tryToTake(join(on, ".lock"));
    const { runs, said } = read(on, failed);
    expect(runs.map(({ state }) => state)).toEqual(["goes on", "not ended"]);
    expect(said).toEqual([`${on} goes on: this is how it stands after 4 steps`]);
    if (lock.kind === "taken") lock.lock.release();
  });

  test("where a run went back is no step of it", () => {
    const { runs } = read(made("resumed", { rest: '{"step": 4, "event": "resumed", "at": "2026"}\n' }));
    expect(runs[0]).toMatchObject({ steps: 4, finalLoss: 7 });
  });
});

test("a folder that is no run is refused", () => {
  mkdirSync(join(home, "empty"));
  for (const [name, why] of [
    ["empty", "it has no metrics.jsonl"],
    ["nowhere", "there is no such folder"],
  ] as const)
    expect(() => read(made(`beside-${name}`), join(home, name))).toThrow(
      expect.objectContaining({ code: "F2C6421", message: `${join(home, name)} is no run: ${why}` }),
    );
});

test("a curve of a long run is of means of equally many steps, and keeps how far they lie apart", () => {
  const series = new Series(8);
  const ys = Array.from({ length: 50 }, (_, i) => (i * 7) % 13);
  for (const [i, y] of ys.entries()) series.add(i, y);
  expect(series.each).toBe(8);
  const expected = Array.from({ length: 7 }, (_, k) => {
    const part = ys.slice(8 * k, 8 * k + 8);
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    return {
      x: mean(part.map((_, i) => 8 * k + i)),
      y: mean(part),
      low: Math.min(...part),
      high: Math.max(...part),
    };
  });
  expect(series.points).toEqual(expected);
});

describe("the figure", () => {
  const figure = (...folders: string[]) => comparisonFigure(read(...folders).runs, "step")!;
  const first = made("first & <foremost>");
  const second = made("second", { steps: 3, evaluated: 100 });

  test("has a title, its axes' names and each run's name, and is drawn the same each time", async () => {
    const warned = vi.spyOn(console, "warn");
    const svg = await pageSvg(figure(first, second));
    const texts = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    for (const text of ["Loss, learning rate and verification accuracy", "2 runs", "loss", "learning rate"])
      expect(texts).toContain(text);
    for (const text of ["verification accuracy", "step", "first &amp; &lt;foremost&gt;", "second"])
      expect(texts).toContain(text);
    expect(await pageSvg(figure(first, second))).toBe(svg);
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  test("has the colours of its reader; what knows no style sheets sees those of day", async () => {
    const svg = await svgOf(figure(first, second));
    expect(svg).toContain('fill="#ffffff"');
    expect(atNight(svg)).not.toMatch(/#ffffff|#1f2328|#0072b2/);
    const style = (await pageSvg(figure(first, second))).match(
      /<style>@media\(prefers-color-scheme:dark\)\{(.*?)\}<\/style>/,
    )![1]!;
    // Every colour of the drawing has a rule.
    for (const [, attribute, colour] of svg.matchAll(/(fill|stroke)="(#[0-9a-f]{6})"/g))
      expect(style).toContain(`[${attribute}="${colour}"]{${attribute}:`);
  });

  test("as PNG has two pixels for one; where there is no font it is refused, for it would lack its text", async () => {
    const svg = await svgOf(figure(first));
    const [, width] = svg.match(/ width="(\d+)"/)!;
    const png = Buffer.from(await pngOf(svg));
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect(png.readUInt32BE(16)).toBe(2 * Number(width));
    await expect(pngOf(svg, { systemFonts: false })).rejects.toMatchObject({ code: "F2C6424" });
  });

  test("of a run without evaluations has no panel for them; of one without steps there is none", async () => {
    expect(await svgOf(figure(second))).not.toContain("accuracy");
    expect(comparisonFigure(read(made("none", { steps: 0 })).runs, "step")).toBeUndefined();
  });
});
