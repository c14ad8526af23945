/** Experiments that are functions of options: what `--set` makes of them, and what is refused where. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CompileError, compileExperiment, type Diagnostic, loadExperiment } from "#compiler/index";
import { type ExperimentOptions, experiment } from "#dsl/index";
import { combinationsOf, settingsOf } from "#runtime/cli/settings";
import { relevantOf, revisionOf } from "#runtime/run/circumstances";
import { compareIdentity, identityOf } from "#runtime/run/identity";

const file = new URL("../fixtures/experiments/options.ts", import.meta.url).pathname;
const loaded = loadExperiment(file);
const home = mkdtempSync(join(tmpdir(), "f2c-options-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

// Vitest prepares stacks by itself; without, Node maps them to the TypeScript that ran, as it does for users.
beforeAll(() => {
  (Error as { prepareStackTrace?: unknown }).prepareStackTrace = undefined;
});

const programOf = (settings: Record<string, string> = {}) =>
  compileExperiment(loadExperiment(file, settings));

function refusalOf(settings: Record<string, string>, of = file): Diagnostic {
  try {
    loadExperiment(of, settings);
  } catch (error) {
    if (error instanceof CompileError) return error.diagnostics[0]!;
    throw error;
  }
  throw new Error("it loads");
}

describe("an experiment that is a function of options", () => {
  test("is one for their defaults", () => {
    expect(loaded.experiment.options).toEqual({
      ...{ lr: 0.05, people: 40, embedding: 16, margin: 0.2, nesterov: true, note: "plain" },
    });
    expect(programOf().setting.identities).toBe(40);
  });

  test("gets what is set, of the default's type", () => {
    const set = { lr: "2e-2", people: "12", nesterov: "false", note: "a = b, c" };
    const { experiment: other } = loadExperiment(file, set);
    expect(other.options).toEqual({
      ...{ lr: 0.02, people: 12, embedding: 16, margin: 0.2, nesterov: false, note: "a = b, c" },
    });
    expect(other.lr({ step: 0 } as never)).toBe(0.02);
    expect(programOf(set).setting.identities).toBe(12);
    expect(loaded.experiment.options.lr).toBe(0.05);
  });

  test("types them as their defaults are, and not as the defaults' values", () => {
    const rest = {} as Omit<ExperimentOptions, "lr" | "steps" | "name">;
    const typed = () =>
      experiment({ lr: 0.05, deep: true, name: "a" }, (o) => {
        const [lr, deep, name]: [number, boolean, string] = [o.lr, o.deep, o.name];
        // @ts-expect-error there is no such option
        o.width;
        // @ts-expect-error a number is no text
        const text: string = o.lr;
        return { ...rest, lr: deep ? lr : text.length, steps: 1, name };
      });
    // @ts-expect-error a list is no option
    const list = () => experiment({ lr: [1, 2] }, (o) => ({ ...rest, lr: o.lr[0], steps: 1, name: "a" }));
    expect([typed, list]).toHaveLength(2);
  });

  test.each([
    [{ lr: "fast" }, "--set lr=fast: `lr` is a number", "its default is 0.05"],
    [{ lr: "" }, "--set lr=: `lr` is a number", "its default is 0.05"],
    [{ lr: "Infinity" }, "`lr` is a number", undefined],
    [{ nesterov: "1" }, "`nesterov` is true or false", "its default is true"],
    [
      { embeding: "8" },
      "no option `embeding`: it has lr, people, embedding, margin, nesterov, note",
      "did you mean embedding?",
    ],
    [{ toString: "8" }, "no option `toString`", undefined],
  ])("refuses %j", (settings, message, hint) => {
    const found = refusalOf(settings as Record<string, string>);
    expect(found).toMatchObject({ code: "F2C1108", message: expect.stringContaining(message) });
    if (hint !== undefined) expect(found.hint).toBe(hint);
  });

  test("says that a plain experiment has none", () => {
    const tiny = new URL("../fixtures/experiments/tiny.ts", import.meta.url).pathname;
    expect(refusalOf({ lr: "1" }, tiny)).toMatchObject({
      code: "F2C1108",
      message: expect.stringContaining("no options"),
    });
    expect(loadExperiment(tiny).experiment.options).toEqual({});
  });

  test("shows what a value does wrong at its place in the function", () => {
    const at = ({ span }: Diagnostic) => loaded.texts.get(file)!.slice(span!.start, span!.end);
    const margin = refusalOf({ margin: "-5" });
    expect([margin.code, at(margin)]).toEqual(["F2C2113", "o.margin"]);
    const few = () => programOf({ people: "2" });
    expect(few).toThrow(CompileError);
    try {
      few();
    } catch (error) {
      expect(at((error as CompileError).diagnostics[0]!)).toMatch(/^(loader|6|8)$/);
    }
  });

  test.each([
    [{ lr: Number.NaN }, "`lr` is NaN"],
    [{ lr: null }, "`lr` is null"],
    [{ "a-b": 1 }, "`a-b` has a name"],
  ])("refuses the defaults %j", (defaults, message) => {
    const make = () => ({}) as ExperimentOptions;
    expect(() => experiment(defaults as unknown as Record<string, number>, make)).toThrow(
      expect.objectContaining({ code: "F2C2126", message: expect.stringContaining(message) }),
    );
  });
});

describe("options of a run that goes on", () => {
  const identity = (settings?: Record<string, string>) => identityOf(programOf(settings));
  const options = (found: readonly { option: string; was: string; is: string }[]) =>
    found.map(({ option, was, is }) => `${option} ${was} ${is}`);

  test("may change where what they change may", () => {
    const { refused, changed } = compareIdentity(identity(), identity({ lr: "0.02", note: "other" }));
    expect(refused).toEqual([]);
    expect(options(changed)).toEqual(
      expect.arrayContaining(["lr 0.05 0.02", "options.lr 0.05 0.02", "options.note plain other"]),
    );
  });

  test("are named where what they change makes it another run", () => {
    const { refused } = compareIdentity(identity(), identity({ embedding: "32" }));
    expect(refused.length).toBeGreaterThan(1);
    expect(options(refused).at(-1)).toBe("options.embedding 16 32");
    expect(options(compareIdentity(identity(), identity({ people: "41" })).refused)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^data /), "options.people 40 41"]),
    );
  });
});

describe("--set", () => {
  test("may stand several times; the last one counts, and a value may hold what it likes", () => {
    expect(settingsOf(["lr=0.1", "note=a=b", "lr=0.2", "empty="])).toEqual({
      lr: "0.2",
      note: "a=b",
      empty: "",
    });
    expect(settingsOf(undefined)).toEqual({});
  });

  test.each(["lr", "=1", "2x=1", "a b=1"])("is not %j", (setting) => {
    expect(() => settingsOf([setting])).toThrow(expect.objectContaining({ code: "F2C1108" }));
  });

  test("of a sweep is every combination, the last option changing first, none twice", () => {
    expect(combinationsOf(["lr=1,2,1", "width=3,4"])).toEqual([
      { lr: "1", width: "3" },
      { lr: "1", width: "4" },
      { lr: "2", width: "3" },
      { lr: "2", width: "4" },
    ]);
  });
});

describe("the circumstances of a run", () => {
  test("hold the variables that matter, and no secret", () => {
    const environment = {
      ...{ OMP_NUM_THREADS: "2", CUDA_VISIBLE_DEVICES: "0,1", F2C_HOST_LOG: "1", NODE_OPTIONS: "--trace" },
      ...{
        F2C_TOKEN: "x",
        CUDA_API_KEY: "x",
        HOME: "/home/me",
        PATH: "/bin",
        AWS_SECRET: "x",
        F2C_SESSION: "x",
      },
    };
    expect(relevantOf(environment)).toEqual({
      ...{ CUDA_VISIBLE_DEVICES: "0,1", F2C_HOST_LOG: "1", NODE_OPTIONS: "--trace", OMP_NUM_THREADS: "2" },
    });
  });

  test("name the commit of the experiment's repository, and whether it was all", () => {
    expect(revisionOf(home)).toBeUndefined();
    const who = ["-c", "user.name=a", "-c", "user.email=a@b"];
    const git = (...words: string[]) =>
      spawnSync("git", ["-C", home, ...who, ...words], { encoding: "utf8" });
    git("init");
    expect(revisionOf(home)).toBeUndefined(); // nothing is committed
    writeFileSync(join(home, "exp.ts"), "1");
    git("add", ".");
    git("commit", "-m", "first");
    const commit = git("rev-parse", "HEAD").stdout.trim();
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    expect(revisionOf(home)).toEqual({ commit, dirty: false });
    writeFileSync(join(home, "exp.ts"), "2");
    expect(revisionOf(home)).toEqual({ commit, dirty: true });
  });
});
