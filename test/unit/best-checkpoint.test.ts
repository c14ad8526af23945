/** The checkpoint that is kept because its net scored best: which it is, and that a resume knows it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type CompiledExperiment, compileExperiment, loadExperiment } from "#compiler/index";
import { type Figure, protocol, steps } from "#dsl/index";
import { JsonLines } from "#runtime/observe/json-lines";
import { Observers } from "#runtime/observe/observer";
import { RunFolder } from "#runtime/run/run-folder";
import type { Summary } from "#runtime/run/summary";
import { Trainer } from "#runtime/stages/trainer";
import { FakeHost, type FakeHostOptions, failure } from "./fake-host.js";

const home = mkdtempSync(join(tmpdir(), "f2c-best-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const tiny = new URL("../fixtures/experiments/tiny.ts", import.meta.url).pathname;
const compiled = compileExperiment(loadExperiment(tiny));

/** What the net scores before each step that is evaluated. */
type Scores = Readonly<Record<number, number | null>>;

/** 24 steps, a checkpoint every 8 steps, an evaluation `lfw` every 4 that gives `rate` and `error`. */
function program(
  scores: Scores,
  keepBest: string | undefined = "lfw.rate",
  { better, period = 4, baselines = false }: Partial<Figure> & { period?: number; baselines?: boolean } = {},
): CompiledExperiment {
  const scored = protocol("own", { every: steps(period), baselines }, () => ({
    images: Int32Array.of(0, 1),
    async score(view) {
      const [step] = await view.cosines(Int32Array.of(0, 1));
      const value = scores[step!] ?? null;
      const figure: Figure = { value, as: "plain", ...(better && { better }) };
      return { numbers: { first: { value: 1, as: "plain" }, rate: figure }, notes: [], curves: {} };
    },
  }));
  const [{ people, source }] = compiled.evaluations as [CompiledExperiment["evaluations"][number]];
  const opened = scored.open({ offsets: people.offsets, seed: 0, directory: "." });
  return {
    ...compiled,
    experiment: { ...compiled.experiment, keepBest, checkpoint: steps(8), evaluate: { lfw: scored } },
    evaluations: [{ name: "lfw", protocol: scored, people, source, opened }],
  };
}

interface Ended {
  readonly folder: RunFolder;
  readonly said: readonly string[];
  readonly result: { readonly summary: Summary } | Error;
}

/** A run on one host, which tells a protocol the step by the cosine of its images. */
async function run(
  of: CompiledExperiment,
  { folder: before, ...behaviour }: FakeHostOptions & { folder?: RunFolder } = {},
): Promise<Ended> {
  const folder = before ?? RunFolder.create(mkdtempSync(join(home, "run-")), "tiny");
  const said: string[] = [];
  const observers = new Observers(
    { name: "the test", note: (text) => said.push(text) },
    new JsonLines(folder.history),
  );
  let next = 0;
  const host = new FakeHost({
    ...behaviour,
    onPlan: (step, host) => {
      next = step + 1;
      return behaviour.onPlan?.(step, host);
    },
    on: {
      restore: (saved) => {
        next = saved.next;
        return "usual";
      },
      cosines: () => Float64Array.of(next),
      ...behaviour.on,
    },
  });
  const trainer = new Trainer(of, folder, observers, {
    device: "cpu",
    backend: "eager",
    sameProgram: true,
    resume: before !== undefined,
    restarts: 0,
    start: async () => host,
  });
  const result = await trainer.run(Promise.resolve(host)).catch((error: Error) => error);
  folder.release();
  return { folder, said, result };
}

const checkpoints = (folder: RunFolder) =>
  readdirSync(folder.file("checkpoints")).filter((name) => name !== "best");
const best = (folder: RunFolder) => {
  const home = folder.file("checkpoints", "best");
  return existsSync(home) ? readdirSync(home).sort() : [];
};
const keptAs = (folder: RunFolder, name: string) =>
  JSON.parse(readFileSync(folder.file("checkpoints", "best", name, "best.json"), "utf8"));

const RISES_AND_FALLS = { 4: 0.5, 8: 0.6, 12: 0.9, 16: 0.8, 20: 0.9, 24: 0.7 };

describe("the best checkpoint", () => {
  test("is that of the highest value, the first of equal ones, and stays beside the two newest", async () => {
    const { folder, said, result } = await run(program(RISES_AND_FALLS));
    expect(result).toMatchObject({ summary: { steps: 24, best: { by: "lfw.rate", value: 0.9, step: 12 } } });
    expect(checkpoints(folder).sort()).toEqual(["step-00000016", "step-00000024"]);
    expect(best(folder).at(-1)).toBe("step-00000012");
    expect(keptAs(folder, "step-00000012")).toMatchObject({ by: "lfw.rate", value: 0.9 });
    expect(said.filter((line) => line.includes("best so far"))).toEqual([
      "step 4 is the best so far: lfw: rate 0.5",
      "step 8 is the best so far: lfw: rate 0.6",
      "step 12 is the best so far: lfw: rate 0.9",
    ]);
  });

  test("is a whole checkpoint, whose files take no room a second time while it is among the newest", async () => {
    const { folder } = await run(program({ 24: 1 }));
    expect(best(folder)).toEqual(["step-00000024"]);
    const files = ["checkpoint.json", "planner.safetensors", "state.safetensors"];
    for (const file of files) {
      const inode = (...of: string[]) => statSync(folder.file("checkpoints", ...of, file)).ino;
      expect(inode("best", "step-00000024")).toBe(inode("step-00000024"));
    }
  });

  test("is that of the lowest value where lower is better", async () => {
    const { result } = await run(
      program({ 4: 0.3, 8: 0.1, 12: 0.2, 16: 0.1 }, "lfw.rate", { better: "lower" }),
    );
    expect(result).toMatchObject({ summary: { best: { value: 0.1, step: 8 } } });
  });

  test("goes by the evaluation's first number where none is named", async () => {
    const { result } = await run(program(RISES_AND_FALLS, "lfw"));
    expect(result).toMatchObject({ summary: { best: { by: "lfw", value: 1, step: 4 } } });
  });

  test("is none where nothing could be told, or nothing is asked for", async () => {
    const rising = program(RISES_AND_FALLS);
    const unasked = { ...rising, experiment: { ...rising.experiment, keepBest: undefined } };
    for (const nothing of [program({}), unasked]) {
      const { folder, result } = await run(nothing);
      expect(best(folder)).toEqual([]);
      expect((result as { summary: Summary }).summary.best).toBeUndefined();
    }
  });

  test("by a number that the evaluation does not give is an error before the first step", async () => {
    const host: string[] = [];
    const { result } = await run(program(RISES_AND_FALLS, "lfw.rat", { baselines: true }), {
      onPlan: (step) => {
        host.push(`step ${step}`);
        return true;
      },
    });
    expect(result).toMatchObject({
      code: "F2C6220",
      message: "`keepBest` names the number `rat` of the evaluation `lfw`, which gives `first`, `rate`",
    });
    expect(host).toEqual([]);
  });

  test("by such a number, of an evaluation without baselines, is an error after the first one", async () => {
    const { folder, result } = await run(program(RISES_AND_FALLS, "lfw.rat"));
    expect(result).toMatchObject({ code: "F2C6220" });
    expect(checkpoints(folder)).toEqual(["step-00000004"]);
  });
});

describe("a resumed run", () => {
  test("keeps the same one wherever it broke off", async () => {
    const of = program(RISES_AND_FALLS);
    const whole = await run(of);
    for (let struck = 1; struck < 24; struck++) {
      const dies = (step: number, host: FakeHost) => {
        if (step !== struck) return undefined;
        host.die();
        return false;
      };
      const { folder, result } = await run(of, { onPlan: dies });
      expect(result).toMatchObject({ code: "F2C6006" });
      const again = await run(of, { folder });
      expect(again.result, `struck at ${struck}`).toMatchObject({
        summary: { best: { value: 0.9, step: 12 } },
      });
      expect(best(folder)).toEqual(best(whole.folder));
      expect(checkpoints(folder).sort()).toEqual(checkpoints(whole.folder).sort());
    }
  });

  test("knows nothing of a better net of steps that it makes again otherwise", async () => {
    const lucky = program({ 4: 0.5, 8: 0.6, 20: 0.3, 24: 0.95 });
    const { folder } = await run(lucky);
    expect(best(folder).at(-1)).toBe("step-00000024");
    // The newest checkpoint is damaged: it goes on from before its best.
    for (const name of checkpoints(folder))
      if (Number(name.slice(5)) > 16) rmSync(folder.file("checkpoints", name, "checkpoint.json"));
    const again = await run(program({ 4: 0.5, 8: 0.6, 20: 0.1, 24: 0.7 }), { folder });
    expect(again.said).toContain("the best by lfw.rate so far is that of step 8");
    expect(again.result).toMatchObject({ summary: { best: { value: 0.7, step: 24 } } });
  });

  test("that goes by another number, or by other images, begins anew with it", async () => {
    const { folder } = await run(program(RISES_AND_FALLS), {
      onPlan: (step, host) => {
        if (step !== 18) return undefined;
        host.events.onFailed?.(failure("F2C6104"), host.name, 18);
        return false;
      },
    });
    expect(best(folder).at(-1)).toBe("step-00000012");
    const again = await run(program(RISES_AND_FALLS, "lfw.first"), {
      folder,
    });
    expect(again.said).toContain(
      "step-00000012 was the best by another number, or on other images: the next evaluation begins anew",
    );
    expect(again.result).toMatchObject({ summary: { best: { by: "lfw.first", value: 1, step: 20 } } });
  });
});
