import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type CompiledExperiment, compileExperiment, loadExperiment } from "#compiler/index";
import type { Curve } from "#dsl/index";
import type { BridgeError } from "#runtime/bridge/bridge-error";
import { JsonLines } from "#runtime/observe/json-lines";
import { type Observer, Observers } from "#runtime/observe/observer";
import { RunFolder } from "#runtime/run/run-folder";
import type { Host } from "#runtime/stages/host";
import { type Loading, loadProgram, Trainer } from "#runtime/stages/trainer";
import { FakeHost, type FakeHostOptions, failure } from "./fake-host.js";

const home = mkdtempSync(join(tmpdir(), "f2c-trainer-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const tiny = new URL("../fixtures/experiments/tiny.ts", import.meta.url).pathname;
const text = readFileSync(tiny, "utf8");
let count = 0;

/** The tiny experiment, 24 steps with a checkpoint every 8, evaluated every `evaluate` steps. */
function program(evaluate = 8): CompiledExperiment {
  const file = join(home, `exp-${evaluate}.ts`);
  writeFileSync(file, text.replace('pairs: "held-out"', `pairs: "held-out", every: steps(${evaluate})`));
  return compileExperiment(loadExperiment(file));
}
const everyEight = program();
/** Four steps more, which end with a checkpoint. */
const longer = { ...everyEight, steps: 28 };

interface Run {
  readonly folder: RunFolder;
  readonly trainer: Trainer;
  readonly hosts: FakeHost[];
  readonly said: string[];
  /** What the run told, but for notes and parts. */
  readonly told: string[];
  /** Whatever the run ends with. */
  readonly end: Promise<Awaited<ReturnType<Trainer["run"]>> | Error>;
}

/** A run on hosts that behave as told, one after the other. */
function started(
  behaviours: readonly FakeHostOptions[],
  options: {
    folder?: RunFolder;
    program?: CompiledExperiment;
    restarts?: number;
    /** The host is asked to load the program before there is a trainer. */
    ahead?: boolean;
    observers?: readonly Observer[];
  } = {},
): Run {
  const folder = options.folder ?? RunFolder.create(join(home, `run-${count++}`), "tiny");
  const said: string[] = [];
  const told: string[] = [];
  const listener: Observer = {
    name: "the test",
    note: (text) => said.push(text),
    begun: () => told.push("begun"),
    resumed: (step) => told.push(`resumed ${step}`),
    step: ({ step }) => told.push(`step ${step}`),
    evaluated: ({ step, results }) => told.push(`evaluated ${step} ${Object.keys(results)}`),
    saved: (step) => told.push(`saved ${step}`),
    ended: (how) => void told.push(`ended ${how}`),
  };
  const observers = new Observers(listener, new JsonLines(folder.history), ...(options.observers ?? []));
  const hosts: FakeHost[] = [];
  const start = async () => {
    const host = new FakeHost(behaviours[hosts.length]);
    hosts.push(host);
    return host;
  };
  const program = options.program ?? everyEight;
  const executed = { device: "cpu", backend: "eager" };
  const first = start();
  const loading = new WeakMap<Host, Loading>();
  if (options.ahead) loading.set(hosts[0]!, loadProgram(hosts[0]!, program, executed));
  const trainer = new Trainer(program, folder, observers, {
    ...executed,
    loading,
    sameProgram: true,
    resume: options.folder !== undefined,
    restarts: options.restarts ?? 2,
    start,
  });
  const end = trainer.run(first).catch((error: Error) => error);
  return { folder, trainer, hosts, said, told, end: end.finally(() => folder.release()) };
}

/** A host that gets something else to do at a step, which it keeps to itself. */
const at = (step: number, does: (host: FakeHost) => unknown): FakeHostOptions => ({
  onPlan: (now, host) => {
    if (now !== step) return undefined;
    does(host);
    return false;
  },
});
const dyingAt = (step: number, error?: BridgeError) => at(step, (host) => host.die(error));

/** A measurement of something. */
const MEASURED = { numbers: expect.anything(), notes: expect.any(Array) };
const pairs = (value: number) => ({ numbers: { pairs: { value } } });

const lines = (folder: RunFolder): Record<string, unknown>[] =>
  readFileSync(folder.file("metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const written = (folder: RunFolder) =>
  lines(folder).map(({ step, event, evaluation }) =>
    evaluation ? `evaluated ${step}` : event ? `${event} ${step}` : step,
  );
/** Without the lines that say that it went back. */
const stepsOf = (folder: RunFolder) => written(folder).filter((line) => !String(line).startsWith("resumed"));
const checkpoints = (folder: RunFolder) => readdirSync(folder.file("checkpoints")).sort();
const upTo = (end: number) => Array.from({ length: end }, (_, i) => i);
const between = (from: string, host: FakeHost) => host.asked.slice(host.asked.indexOf(from) + 1);

describe("a program that was on its way before the trainer", () => {
  test("is not sent again", async () => {
    const { hosts, end } = started([{}], { ahead: true });
    expect(await end).toMatchObject({ summary: { steps: 24 } });
    expect(hosts[0]!.asked.filter((what) => what === "load")).toHaveLength(1);
  });
  test("is sent to the host that takes over", async () => {
    const { hosts, end } = started([dyingAt(3), {}], { ahead: true });
    expect(await end).toMatchObject({ summary: { steps: 24 } });
    expect(hosts.map(({ asked }) => asked.filter((what) => what === "load").length)).toEqual([1, 1]);
  });
});

describe("where a checkpoint and an evaluation are due at the same step", () => {
  test("both are made, and what is saved is saved first", async () => {
    const { hosts, folder, end } = started([{}]);
    expect(await end).toMatchObject({ summary: { steps: 24, interrupted: false } });
    const [host] = hosts;
    expect(between("step 7", host!).slice(0, 3)).toEqual(["save", "embed", "step 8"]);
    expect(host!.asked.slice(-5)).toEqual(["step 23", "save", "embed", "export", "export"]);
    expect(stepsOf(folder).filter((s) => typeof s === "string")).toEqual([
      "evaluated 7",
      "evaluated 15",
      "evaluated 23",
    ]);
    expect(checkpoints(folder)).toEqual(["step-00000016", "step-00000024"]);
  });
});

describe("a net that cannot be exported", () => {
  test("for want of an exporter is no reason to train first", async () => {
    const lacking: FakeHostOptions = {
      on: {
        exporters: () => {
          throw failure("F2C6319", "host");
        },
      },
    };
    const { hosts, end, folder } = started([lacking]);
    expect(await end).toMatchObject({ code: "F2C6319" });
    expect(hosts[0]!.asked).toEqual(["exporters"]);
    expect(existsSync(folder.file("metrics.jsonl"))).toBe(false);
  });

  test("in one format is there in the others, and the summary too", async () => {
    const written: string[] = [];
    const failing: FakeHostOptions = {
      on: {
        export: ({ to, path }) => {
          if (to === "torchscript") throw failure("F2C6316");
          written.push(path);
          return "usual";
        },
      },
    };
    const { end, folder } = started([failing]);
    expect(await end).toMatchObject({ code: "F2C6316" });
    expect(written).toEqual([folder.file("net.safetensors")]);
    expect(JSON.parse(readFileSync(folder.file("summary.json"), "utf8"))).toMatchObject({ steps: 24 });
  });
});

describe("a host that dies", () => {
  test("before the first checkpoint: the run begins anew in its folder", async () => {
    const { folder, hosts, said, end } = started([dyingAt(5), {}]);
    expect(await end).toMatchObject({
      summary: { steps: 24, results: { verification: { untrained: MEASURED } } },
    });
    expect(hosts[1]!.asked.slice(0, 8)).toEqual([
      "exporters",
      "load",
      "source",
      "source",
      "init",
      "embed",
      "embed",
      "step 0",
    ]);
    expect(stepsOf(folder).filter((s) => typeof s === "number")).toEqual(upTo(24));
    expect(said.join("\n")).toMatch(
      /killed by SIGKILL\nstarting it again\nthere is no checkpoint yet: the run begins anew/,
    );
  });

  test("while a plan is sent to it: that is what the run says", async () => {
    const died = failure("F2C6006", "host", "the host was killed by SIGSEGV");
    const { end } = started([dyingAt(5, died)], {
      restarts: 0,
    });
    expect(await end).toBe(died);
  });

  test("again and again at the same place: the run ends after as many restarts as it may", async () => {
    const dies: FakeHostOptions = dyingAt(9);
    const { hosts, end } = started([dies, dies, dies, dies, dies], { restarts: 2 });
    expect(await end).toMatchObject({ code: "F2C6006" });
    // Two after the one that made the checkpoint.
    expect(hosts).toHaveLength(3);
  });

  test("in the evaluation, in the export: the run goes on from its checkpoint and makes them after all", async () => {
    for (const kind of ["embed", "export"]) {
      let times = 0;
      const dies = {
        on: {
          [kind]: (_: unknown, host: FakeHost): "usual" => {
            if (++times > (kind === "export" ? 0 : 2)) host.die();
            return "usual";
          },
        },
      };
      const { folder, end, hosts } = started([dies as FakeHostOptions, {}]);
      expect(await end).toMatchObject({
        summary: { steps: 24, results: { verification: { trained: pairs(72) } } },
      });
      expect(hosts).toHaveLength(2);
      expect(hosts[1]!.asked.at(-1)).toBe("export");
      expect(stepsOf(folder).filter((s) => typeof s === "number")).toEqual(upTo(24));
      expect(stepsOf(folder).filter((s) => typeof s === "string")).toEqual([
        "evaluated 7",
        "evaluated 15",
        "evaluated 23",
      ]);
    }
  });
});

describe("a stop", () => {
  test("with steps in flight: the host drops what it had not begun, the run saves and ends", async () => {
    const run: Run = started([at(5, () => run.trainer.stop())]);
    expect(await run.end).toMatchObject({ summary: { steps: 5, interrupted: true } });
    expect(checkpoints(run.folder)).toEqual(["step-00000005"]);
  });

  test("while the steps before a checkpoint are waited for: none is waited for that was dropped", async () => {
    const run: Run = started([at(7, () => run.trainer.stop())]);
    expect(await run.end).toMatchObject({ summary: { steps: 7, interrupted: true } });
    expect(checkpoints(run.folder)).toEqual(["step-00000007"]);
    const again = started([{}], { folder: run.folder });
    expect(await again.end).toMatchObject({ summary: { steps: 24, interrupted: false } });
    expect(again.hosts[0]!.asked.slice(4, 6)).toEqual(["restore", "step 7"]);
    expect(stepsOf(run.folder).filter((s) => typeof s === "number")).toEqual(upTo(24));
  });

  test("while the last steps are waited for", async () => {
    const run: Run = started([at(23, () => run.trainer.stop())]);
    expect(await run.end).toMatchObject({ summary: { steps: 23, interrupted: true } });
  });

  test("in an evaluation: that is cut off, and made after the resume", async () => {
    let measured = 0;
    const run: Run = started([
      {
        on: {
          embed: () => {
            if (++measured < 3) return "usual"; // the baselines
            run.trainer.stop();
            throw failure("F2C6601");
          },
        },
      },
    ]);
    expect(await run.end).toMatchObject({
      summary: { steps: 8, interrupted: true, results: { verification: { trained: null } } },
      failedEvaluation: undefined,
    });
    const again = started([{}], { folder: run.folder });
    await again.end;
    expect(again.hosts[0]!.asked.slice(4, 7)).toEqual(["restore", "embed", "step 8"]);
    expect(stepsOf(run.folder).filter((s) => typeof s === "string")).toEqual([
      "evaluated 7",
      "evaluated 15",
      "evaluated 23",
    ]);
  });

  test("in a save: that is finished", async () => {
    const run: Run = started([
      {
        on: {
          save: () => {
            run.trainer.stop();
            return "usual";
          },
        },
      },
    ]);
    expect(await run.end).toMatchObject({ summary: { steps: 8, interrupted: true } });
    expect(run.hosts[0]!.asked.filter((kind) => kind === "save")).toHaveLength(1);
    expect(checkpoints(run.folder)).toEqual(["step-00000008"]);
  });

  test("before there is anything to save: the run says so, and may be ended at once", async () => {
    let asked: boolean | undefined;
    const run: Run = started([
      {
        on: {
          init: () => {
            asked = run.trainer.stop();
            return "usual";
          },
        },
      },
    ]);
    await run.end;
    expect(asked).toBe(false);
    expect(run.trainer.whatIsSaved()).toContain("step-00000024");
  });
});

describe("an evaluation that fails", () => {
  test("in the middle: it is said once, training goes on, the net is exported, and the outcome tells", async () => {
    let measured = 0;
    const broken = failure("F2C6104", "user", "image p3/2.pgm cannot be decoded");
    const { hosts, said, folder, end } = started([
      {
        on: {
          embed: () => {
            if (++measured < 3) return "usual";
            throw broken;
          },
        },
      },
    ]);
    expect(await end).toMatchObject({
      summary: { steps: 24, results: { verification: { trained: null } } },
      failedEvaluation: broken,
    });
    expect(said.filter((line) => line.includes("cannot be decoded"))).toHaveLength(1);
    expect(hosts[0]!.asked.at(-1)).toBe("export");
    expect(checkpoints(folder)).toEqual(["step-00000016", "step-00000024"]);
  });
});

test("an evaluation of which broken images leave too few pairs fails, and is no accuracy of NaN", async () => {
  let measured = 0;
  const { end } = started([
    {
      on: {
        embed: async (_, host) => {
          if (++measured < 3) return "usual";
          const broken = Int32Array.from({ length: 30 }, (_, i) => i);
          const { matrix } = await new FakeHost().embed(_);
          expect(host.asked).toContain("step 7");
          return { matrix, broken };
        },
      },
    },
  ]);
  expect(await end).toMatchObject({
    summary: { steps: 24, results: { verification: { trained: null } } },
    failedEvaluation: { code: "F2C2505", message: expect.stringContaining("without their broken images") },
  });
});

describe("several evaluations", () => {
  /** The tiny experiment with other evaluations. */
  const evaluating = (name: string, evaluate: string) => {
    const file = join(home, `several-${name}.ts`);
    writeFileSync(
      file,
      text
        .replace("verification }", "verification, identification, protocol }")
        .replace('evaluate: verification({ pairs: "held-out" })', `evaluate: ${evaluate}`),
    );
    return compileExperiment(loadExperiment(file));
  };
  const both = evaluating(
    "both",
    "{ pairs: verification({ every: steps(8) }), searches: identification({ every: steps(12) }) }",
  );
  const evaluations = (folder: RunFolder) =>
    lines(folder).flatMap((line) =>
      "evaluation" in line ? [[line.step, ...Object.keys(line.evaluation as object)]] : [],
    );
  const asked = (host: FakeHost, kind: string) => host.asked.filter((what) => what === kind).length;

  test("come each at its own steps, all at the end, and embed the images that they share once", async () => {
    const { hosts, folder, end } = started([{}], { program: both });
    expect(await end).toMatchObject({
      summary: {
        results: {
          pairs: { trained: pairs(72), untrained: pairs(72), rawPixels: pairs(72) },
          searches: { trained: { numbers: { enrolled: { value: 8 } } }, untrained: MEASURED },
        },
      },
    });
    expect(evaluations(folder)).toEqual([
      [7, "pairs"],
      [11, "searches"],
      [15, "pairs"],
      [23, "pairs", "searches"],
    ]);
    // Two baselines and four evaluations.
    expect(asked(hosts[0]!, "embed")).toBe(6);
    expect(asked(hosts[0]!, "source")).toBe(2);
    const plots = readdirSync(folder.path).filter((name) => name.endsWith(".svg"));
    expect(plots.sort()).toEqual([
      "pairs-roc.svg",
      "pairs-scores.svg",
      "searches-cmc.svg",
      "searches-det.svg",
    ]);
  });

  test("that were made before a checkpoint are not made again, each by its name", async () => {
    const { folder, end } = started([{}], { program: both });
    const whole = (await end) as { summary: object };
    const before = lines(folder).filter((line) => "evaluation" in line);
    rmSync(folder.file("checkpoints", "step-00000024"), { recursive: true });
    const again = started([{}], { folder, program: both });
    expect(await again.end).toMatchObject({
      summary: { results: (whole.summary as { results: object }).results },
    });
    expect(asked(again.hosts[0]!, "embed")).toBe(1);
    expect(lines(folder).filter((line) => "evaluation" in line)).toEqual(before);
    const checkpoint = folder.file("checkpoints", "step-00000024", "checkpoint.json");
    expect(JSON.parse(readFileSync(checkpoint, "utf8")).evaluated).toEqual({ pairs: 16, searches: 12 });
  });

  test("of which one is new to a run that goes on: only its baselines are measured anew", async () => {
    const alone = evaluating("alone", "{ pairs: verification({ every: steps(8) }) }");
    const { folder, end } = started([{}], { program: alone });
    await end;
    const again = started([{}], { folder, program: both });
    expect(await again.end).toMatchObject({
      summary: {
        results: { pairs: { trained: pairs(72) }, searches: { trained: MEASURED, untrained: MEASURED } },
      },
    });
    expect(again.said).toContain("the baselines of `searches` are missing; they are measured anew");
    // Of the searches the baselines, and at the end what the pairs have already.
    expect(evaluations(folder).at(-1)).toEqual([23, "searches"]);
    expect(asked(again.hosts[0]!, "embed")).toBe(3);
  });

  test("of which one fails: the other is kept, training goes on, and the outcome tells", async () => {
    let searches = 0;
    const broken = failure("F2C6304", "resource", "out of memory");
    const { folder, said, end } = started(
      [
        {
          on: {
            topK: () => {
              if (++searches < 3) return "usual";
              throw broken;
            },
          },
        },
      ],
      { program: both },
    );
    expect(await end).toMatchObject({
      summary: { steps: 24, results: { pairs: { trained: pairs(72) }, searches: { trained: null } } },
      failedEvaluation: broken,
    });
    expect(evaluations(folder)).toEqual([
      [7, "pairs"],
      [15, "pairs"],
      [23, "pairs"],
    ]);
    expect(said.filter((line) => line.includes("out of memory"))).toEqual([
      "the evaluation `searches` before step 12 failed: F2C6304: out of memory; training goes on",
    ]);
  });

  test("cut off by a stop are made together after the resume", async () => {
    let searches = 0;
    const run: Run = started(
      [
        {
          on: {
            topK: () => {
              if (++searches < 4) return "usual";
              run.trainer.stop();
              throw failure("F2C6601");
            },
          },
        },
      ],
      { program: both },
    );
    expect(await run.end).toMatchObject({
      summary: { steps: 24, interrupted: true },
      failedEvaluation: undefined,
    });
    expect(evaluations(run.folder).at(-1)).toEqual([15, "pairs"]);
    const again = started([{}], { folder: run.folder, program: both });
    expect(await again.end).toMatchObject({ summary: { interrupted: false } });
    expect(evaluations(run.folder).at(-1)).toEqual([23, "pairs", "searches"]);
  });

  test("on people of other sources: each source is opened once, and embedded by itself", async () => {
    const others =
      "syntheticFaces({ identities: 9, imagesPerIdentity: fixed(4), size: 32, heldOut: { identities: 0, images: 0 } })";
    const elsewhere = evaluating(
      "elsewhere",
      `((other) => ({ own: verification(), a: verification({ data: other }), b: identification({ data: other, flip: false }) }))(${others})`,
    );
    expect(
      elsewhere.evaluations.map(({ name, source, people }) => [name, source, people.offsets.length - 1]),
    ).toEqual([
      ["own", "heldOut", 12],
      ["a", "evaluate.a", 9],
      ["b", "evaluate.a", 9],
    ]);
    const embedded: unknown[] = [];
    const { hosts, end } = started(
      [
        {
          on: {
            embed: ({ source, function: fn }) => {
              embedded.push([source, fn]);
              return "usual";
            },
          },
        },
      ],
      { program: elsewhere },
    );
    await end;
    expect(asked(hosts[0]!, "source")).toBe(3);
    const nets = [
      ["heldOut", "embed"],
      ["evaluate.a", "embed"],
      ["evaluate.a", "infer"],
    ];
    // The untrained net, raw pixels (of which there is one kind), the trained net.
    expect(embedded).toEqual([...nets, ["heldOut", null], ["evaluate.a", null], ...nets]);
  });

  test("of your own are of the same form, and see only their own images", async () => {
    const own = evaluating(
      "own",
      `{
        mine: protocol("first-two", { depth: 2 }, ({ offsets }) => ({
          images: offsets.subarray(0, 2),
          async score(view) {
            const [cosine] = await view.cosines(Int32Array.of(0, 1));
            return { numbers: { cosine: { value: cosine!, as: "plain" } }, curves: {}, notes: [\`of \${view.count}\`] };
          },
        })),
        pairs: verification(),
      }`,
    );
    const { folder, end } = started([{}], { program: own });
    expect(await end).toMatchObject({
      summary: {
        results: { mine: { trained: { numbers: { cosine: { value: 0, as: "plain" } }, notes: ["of 2"] } } },
      },
    });
    expect(readdirSync(folder.path).filter((name) => name.endsWith(".svg"))).toEqual([
      "pairs-roc.svg",
      "pairs-scores.svg",
    ]);
  });

  test("of your own that throw are said to, by name, and training goes on", async () => {
    const own = evaluating(
      "throws",
      `{
        mine: protocol("mine", { baselines: false }, ({ offsets }) => ({
          images: offsets.subarray(0, 2),
          score: () => Promise.reject(new TypeError("no such thing")),
        })),
      }`,
    );
    const { end } = started([{}], { program: own });
    expect(await end).toMatchObject({
      summary: { steps: 24, results: { mine: { trained: null } } },
      failedEvaluation: { code: "F2C2508", message: "the protocol `evaluate.mine` threw: no such thing" },
    });
  });
});

describe("a checkpoint is written while steps go on", () => {
  const quiet = program(24);
  /** A host that goes on with its `nth` save when `step` comes, as `then` has it. */
  const slow = (nth: number, step: number, then: () => "usual" = () => "usual"): FakeHostOptions => {
    let saves = 0;
    let goOn = (): void => {};
    const reached = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    return {
      on: { save: async () => (++saves === nth ? reached.then(then) : "usual") },
      onPlan: (now) => {
        if (now === step) goOn();
        return undefined;
      },
    };
  };
  const order = (told: readonly string[]) => (a: string, b: string) => told.indexOf(a) < told.indexOf(b);

  test("and is there when all of it is written", async () => {
    const { folder, told, end } = started([slow(1, 12)], { program: quiet });
    expect(await end).toMatchObject({ summary: { steps: 24 } });
    const isFirst = order(told);
    expect(isFirst("step 11", "saved 8")).toBe(true);
    expect(isFirst("saved 8", "saved 16")).toBe(true);
    expect(checkpoints(folder)).toEqual(["step-00000016", "step-00000024"]);
  });

  test("the next one waits for it", async () => {
    const early = started([slow(1, 99)], { program: quiet });
    await new Promise((resolve) => setTimeout(resolve, 500));
    // All steps before the next checkpoint, and none after it.
    expect(early.told.filter((told) => told.startsWith("step"))).toHaveLength(16);
    expect(early.hosts[0]!.asked.filter((kind) => kind === "save")).toHaveLength(1);
    early.hosts[0]!.die();
    await early.end;
  });

  test("what keeps it from being written ends the run, which saves where it stands", async () => {
    const full = slow(1, 12, () => {
      throw failure("F2C6206", "resource");
    });
    const { folder, said, told, end } = started([full], { program: quiet });
    expect(await end).toMatchObject({ code: "F2C6206" });
    const done = told.filter((line) => line.startsWith("step")).length;
    expect(done).toBeGreaterThan(12);
    expect(done).toBeLessThan(17);
    expect(said.at(-1)).toBe(`saved as it was before step ${done}`);
    expect(checkpoints(folder)).toEqual([`step-${String(done).padStart(8, "0")}`]);
    const again = started([{}], { folder, program: quiet });
    expect(await again.end).toMatchObject({ summary: { steps: 24 } });
    expect(stepsOf(folder).filter((step) => typeof step === "number")).toEqual(upTo(24));
  });

  test("a host that dies meanwhile: the run goes on from the one before, and nothing is left of it", async () => {
    const dies = slow(2, 20);
    const { folder, hosts, end } = started(
      [{ ...dies, onPlan: (step, host) => (step === 19 ? void host.die() : dies.onPlan!(step, host)) }, {}],
      { program: quiet },
    );
    expect(await end).toMatchObject({ summary: { steps: 24 } });
    expect(between("restore", hosts[1]!)[0]).toBe("step 8");
    expect(stepsOf(folder).filter((step) => typeof step === "number")).toEqual(upTo(24));
    expect(checkpoints(folder)).toEqual(["step-00000016", "step-00000024"]);
  });

  test("a stop meanwhile waits for it, and saves what came after", async () => {
    const waits = slow(1, 11);
    const run: Run = started(
      [
        {
          ...waits,
          onPlan: (step, host) => {
            if (step === 11) run.trainer.stop();
            return waits.onPlan!(step, host);
          },
        },
      ],
      { program: quiet },
    );
    expect(await run.end).toMatchObject({ summary: { interrupted: true } });
    const done = run.told.filter((line) => line.startsWith("step")).length;
    expect(checkpoints(run.folder)).toEqual(["step-00000008", `step-${String(done).padStart(8, "0")}`]);
  });

  test("the best net waits for its own", async () => {
    const best = { ...everyEight, experiment: { ...everyEight.experiment, keepBest: "verification.pairs" } };
    const { folder, end } = started([{}], { program: best });
    expect(await end).toMatchObject({ summary: { steps: 24, best: { by: "verification.pairs" } } });
    expect(checkpoints(folder)).toContain("step-00000024");
  });
});

describe("what cannot be saved", () => {
  test("checkpoints whose folder was removed: the next one makes it again, and a signal meanwhile finds none", async () => {
    const run: Run = started([
      {
        onPlan: (step) => {
          if (step !== 20) return undefined;
          rmSync(run.folder.file("checkpoints"), { recursive: true });
          expect(run.trainer.whatIsSaved()).toContain("it holds no checkpoint");
          return undefined;
        },
      },
    ]);
    expect(await run.end).toMatchObject({ summary: { steps: 24 } });
    expect(checkpoints(run.folder)).toEqual(["step-00000024"]);
  });

  test("NaN in the state: no checkpoint, none pruned, nothing exported", async () => {
    let saves = 0;
    const { folder, hosts, end } = started([
      {
        on: {
          save: () => {
            if (++saves < 3) return "usual";
            throw failure("F2C6207");
          },
        },
      },
    ]);
    expect(await end).toMatchObject({ code: "F2C6207" });
    expect(checkpoints(folder)).toEqual(["step-00000008", "step-00000016"]);
    expect(hosts[0]!.asked).not.toContain("export");
  });

  test("all that the loss or the net uses must be finite", async () => {
    let finite: readonly string[] = [];
    const { end } = started([
      {
        on: {
          save: (asked) => {
            finite = asked.finite;
            return "usual";
          },
        },
      },
    ]);
    await end;
    const names = everyEight.module.storages.map((s) => s.name);
    expect(finite).toEqual(names); // F2C uses all it has: both nets, their statistics, the pool, the velocities
  });

  test("an image that cannot be read ends the run, and the steps before it are saved", async () => {
    const { folder, said, end } = started([
      at(13, (host) => host.events.onFailed?.(failure("F2C6104"), host.name, 13)),
    ]);
    expect(await end).toMatchObject({ code: "F2C6104" });
    expect(checkpoints(folder)).toEqual(["step-00000008", "step-00000013"]);
    expect(said.at(-1)).toBe("saved as it was before step 13");
  });
});

describe("resuming", () => {
  const whole = async () => {
    const run = started([{}]);
    await run.end;
    return run.folder;
  };

  test("at the end: nothing is done twice, and the summary is that of the whole run", async () => {
    const folder = await whole();
    const before = readFileSync(folder.file("summary.json"), "utf8");
    const plot = readFileSync(folder.file("roc.svg"), "utf8");
    const again = started([{}], { folder });
    await again.end;
    expect(again.hosts[0]!.asked).toEqual([
      ...["exporters", "load", "source", "source", "restore"],
      ...["export", "export"],
    ]);
    const summary = JSON.parse(readFileSync(folder.file("summary.json"), "utf8"));
    expect(summary).toEqual(JSON.parse(before));
    expect(summary.throughput.stepMilliseconds).toBeCloseTo(10);
    // Six identities and half of eight instances in each stream, a hundred times a second.
    const each = expect.closeTo(1000, 6);
    expect(summary.throughput.imagesPerSecond).toEqual({ x: each, y: each });
    expect(summary.finalLoss).toBe(10 - 23 / 10);
    expect(readFileSync(folder.file("roc.svg"), "utf8")).toBe(plot);
    expect(plot).toContain(">tiny after 24 steps</tspan>");
    expect(plot).toMatch(/>accuracy \d+\.\d\d % ± \d+\.\d\d % on 72 pairs of unseen people, at a cosine of/);
    expect(plot).toMatch(/untrained net[\s\S]*raw pixels|raw pixels[\s\S]*untrained net/);
  });

  test("a checkpoint that the host finds damaged is skipped for the one before it, and said", async () => {
    const folder = await whole();
    let restores = 0;
    const again = started(
      [
        {
          on: {
            restore: () => {
              if (++restores > 1) return "usual";
              throw failure("F2C6205");
            },
          },
        },
      ],
      { folder },
    );
    expect(await again.end).toMatchObject({ summary: { steps: 24 } });
    expect(again.said.join("\n")).toMatch(
      /skipping the checkpoint step-00000024, which is not whole: it is F2C6205\nresuming at step 16/,
    );
    expect(stepsOf(folder).filter((s) => typeof s === "number")).toEqual(upTo(24));
  });

  test("from the one before a damaged one, and stopped again: the damaged one takes no whole one's place", async () => {
    const folder = await whole();
    let restores = 0;
    const again = started(
      [
        {
          ...at(18, (host) => host.events.onFailed?.(failure("F2C6104"), host.name, 18)),
          on: {
            restore: () => {
              if (++restores > 1) return "usual";
              throw failure("F2C6205");
            },
          },
        },
      ],
      { folder },
    );
    expect(await again.end).toMatchObject({ code: "F2C6104" });
    expect(checkpoints(folder)).toEqual(["step-00000016", "step-00000018"]);
    expect(again.trainer.whatIsSaved()).toContain("step-00000018");
  });

  test("with other pairs: what was measured on those of before is not shown beside these", async () => {
    const folder = await whole();
    const file = join(home, "fewer-pairs.ts");
    writeFileSync(file, text.replace('pairs: "held-out"', "pairs: { genuine: 20, impostor: 20 }"));
    const fewer = compileExperiment(loadExperiment(file));
    rmSync(folder.file("checkpoints", "step-00000024"), { recursive: true });
    const again = started([{}], { folder, program: fewer });
    expect(await again.end).toMatchObject({
      summary: { results: { verification: { trained: { numbers: { genuine: { value: 20 } } } } } },
    });
    expect(again.said.join("\n")).toContain(
      "the baselines are of other images or options; they are measured anew",
    );
    // Of the host's answers, which are the sine of the pair's number, the first twenty of either kind and not thirty-six.
    const { measured } = JSON.parse(readFileSync(folder.file("curves.json"), "utf8")).verification;
    // The lowest rate that can be told is one of twenty impostor pairs.
    expect(measured.map(({ curves }: { curves: { roc: Curve } }) => curves.roc.untold?.below)).toEqual([
      1 / 20,
      1 / 20,
      1 / 20,
    ]);
  });

  test("any byte that changed in the planner's file or in the description is found", async () => {
    const folder = await whole();
    const newest = folder.file("checkpoints", "step-00000024");
    for (const name of ["planner.safetensors", "checkpoint.json"]) {
      const path = join(newest, name);
      const bytes = readFileSync(path);
      for (let place = 0; place < bytes.length; place += Math.ceil(bytes.length / 5)) {
        const damaged = Buffer.from(bytes);
        damaged[place]! ^= 1;
        writeFileSync(path, damaged);
        const again = started([{}], { folder });
        expect(await again.end, `${name} at ${place}`).toMatchObject({ summary: { steps: 24 } });
        expect(again.said.join("\n"), `${name} at ${place}`).toContain(
          "skipping the checkpoint step-00000024",
        );
      }
    }
  });

  test("where no checkpoint is whole, nothing begins anew over them", async () => {
    const folder = await whole();
    const again = started(
      [
        {
          on: {
            restore: () => {
              throw failure("F2C6205");
            },
          },
        },
      ],
      { folder },
    );
    expect(await again.end).toMatchObject({ code: "F2C6405" });
    expect(checkpoints(folder)).toEqual(["step-00000016", "step-00000024"]);
    expect(stepsOf(folder).filter((s) => typeof s === "number")).toEqual(upTo(24));
  });

  test("what was measured before training and is lost, damaged or of other pairs is measured anew", async () => {
    const before = await whole();
    const { trained: _, ...expected } = JSON.parse(readFileSync(before.file("summary.json"), "utf8")).results
      .verification;
    expect(expected).toEqual({ untrained: MEASURED, rawPixels: MEASURED });
    const removed = (folder: RunFolder) => rmSync(folder.file("baselines.json"));
    const holding = (name: string, text: string) => (folder: RunFolder) =>
      writeFileSync(folder.file(name), text);
    const others = (folder: RunFolder) => {
      const kept = JSON.parse(readFileSync(folder.file("baselines.json"), "utf8"));
      const verification = { ...kept.verification, of: "others" };
      writeFileSync(folder.file("baselines.json"), JSON.stringify({ verification }));
    };
    for (const [damage, words] of [
      [removed, "the baselines are missing"],
      [holding("baselines.json", '{"verification":{}}'), "baselines.json is damaged"],
      [holding("baselines.json", '{"untrai'), "baselines.json is damaged"],
      [holding("curves.json", "[1]"), "curves.json is damaged"],
      [others, "the baselines are of other images or options"],
    ] as const) {
      const folder = await whole();
      damage(folder);
      const again = started([{}], { folder });
      expect(await again.end).toMatchObject({
        summary: { results: { verification: expected }, interrupted: false },
      });
      expect(again.said.join("\n")).toContain(words);
      expect(again.hosts[0]!.asked.slice(4, 8)).toEqual(["init", "embed", "embed", "restore"]);
      const third = started([{}], { folder });
      await third.end;
      expect(third.hosts[0]!.asked).not.toContain("init");
    }
  });

  test("baselines that cannot be measured anew do not keep a run from going on", async () => {
    const folder = await whole();
    rmSync(folder.file("baselines.json"));
    const fails = {
      embed: () => {
        throw failure("F2C6104");
      },
    };
    const again = started([{ on: fails }], { folder });
    expect(await again.end).toMatchObject({
      summary: { steps: 24, results: { verification: { untrained: null } } },
    });
    expect(again.said.join("\n")).toContain("the baselines cannot be measured: F2C6104");
  });

  test("metrics that are lost are said to be", async () => {
    const folder = await whole();
    rmSync(folder.file("metrics.jsonl"));
    const again = started([{}], { folder });
    expect(await again.end).toMatchObject({ summary: { steps: 24, finalLoss: null } });
    expect(again.said).toContain("metrics.jsonl lacks the lines of steps 0 to 23");
  });

  test("a damaged checkpoint that the run has gone back from counts as none of those that are kept", async () => {
    const folder = await whole();
    const damaged = folder.file("checkpoints", "step-00000030");
    mkdirSync(damaged);
    const again = started([{}], { folder, program: longer });
    expect(await again.end).toMatchObject({ summary: { steps: 28 } });
    expect(checkpoints(folder)).toEqual(["step-00000024", "step-00000028"]);
  });

  test("a checkpoint of another program is no damage", async () => {
    const folder = await whole();
    const again = started(
      [
        {
          on: {
            restore: () => {
              throw failure("F2C6203");
            },
          },
        },
      ],
      { folder },
    );
    expect(await again.end).toMatchObject({ code: "F2C6203" });
  });

  test("checkpoints from before they were hashed are read", async () => {
    const folder = await whole();
    const path = folder.file("checkpoints", "step-00000024", "checkpoint.json");
    const { files: _, seal: __, evaluated: ___, ...old } = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify(old));
    const again = started([{}], { folder });
    await again.end;
    expect(again.said.join("\n")).toContain("resuming at step 24");
  });
});

const lasting = (told: readonly string[]) => told.filter((text) => !text.startsWith("step"));

describe("what a run tells", () => {
  test("to its end: each step, what is saved and measured, and that it is complete", async () => {
    const { told, folder, end } = started([{}]);
    await end;
    expect(told.filter((text) => text.startsWith("step"))).toEqual(upTo(24).map((step) => `step ${step}`));
    const each = (step: number) => [`saved ${step}`, `evaluated ${step} verification`];
    expect(lasting(told)).toEqual(["begun", ...each(8), ...each(16), ...each(24), "ended complete"]);
    expect(lines(folder)[3]).toMatchObject({ step: 3, loss: 10 - 3 / 10, seconds: 0.01, wait: 0 });
  });

  test("where a host died: from where it goes on, or that it begins anew; the file says so too", async () => {
    const { told, folder, end } = started([dyingAt(5), dyingAt(13), {}]);
    await end;
    const from = (resumed: string) => told.slice(told.indexOf(resumed), told.indexOf(resumed) + 2);
    expect([told[0], from("resumed 0"), from("resumed 8")]).toEqual([
      "begun",
      ["resumed 0", "step 0"],
      ["resumed 8", "step 8"],
    ]);
    const all = written(folder);
    expect(all.slice(0, 2)).toEqual(["resumed 0", 0]);
    const place = all.indexOf("resumed 8");
    expect(all.slice(place - 2, place + 2)).toEqual([7, "evaluated 7", "resumed 8", 8]);
  });

  test("that it was interrupted, or that it failed", async () => {
    const stopped: Run = started([at(10, (host) => stopped.trainer.stop() && host.report(10))]);
    await stopped.end;
    expect(lasting(stopped.told).at(-1)).toBe("ended interrupted");
    const failed = started([at(13, (host) => host.events.onFailed?.(failure("F2C6104"), host.name, 13))]);
    await failed.end;
    expect(lasting(failed.told).at(-1)).toBe("ended failed");
  });

  test("reaches everyone else where one fails; that one is said once, and hears no more", async () => {
    let heard = 0;
    const failing: Observer = {
      name: "a plot",
      step: ({ step }) => {
        heard++;
        if (step === 3) throw new Error("no such display");
      },
    };
    const { told, said, end } = started([{}], { observers: [failing] });
    expect(await end).toMatchObject({ summary: { steps: 24, interrupted: false } });
    expect(heard).toBe(4);
    expect(said.filter((text) => text.includes("a plot"))).toEqual([
      "a plot failed, and hears no more of this run: no such display",
    ]);
    expect(told.at(-1)).toBe("ended complete");
  });
});

test("a full disk under the metrics ends the run with what the system said", async () => {
  const run: Run = started([
    {
      onPlan: (step) => {
        if (step === 3)
          run.folder.history.add = () => {
            throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
          };
        return undefined;
      },
    },
  ]);
  expect(await run.end).toMatchObject({ code: "ENOSPC" });
  expect(existsSync(run.folder.file("summary.json"))).toBe(false);
});
