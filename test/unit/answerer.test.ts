/** The stage with a driver, on hosts without Python: the order of calls and answers, the window, what is gone on with, what is refused. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type AnsweredProgram, compileAnswered, type LoadedStudy, load } from "#compiler/index";
import {
  ANSWERED,
  answered,
  answering,
  type Call,
  type Callables,
  type Driver,
  isStudy,
  type Left,
  STUDY,
} from "#dsl/index";
import { Observers } from "#runtime/observe/observer";
import { Answerer } from "#runtime/stages/answerer";
import type { Plan } from "#runtime/stages/host";
import { planStudy } from "#runtime/stages/study";
import { FakeHost, type FakeHostOptions, failure } from "./fake-host.js";

const home = mkdtempSync(join(tmpdir(), "f2c-answerer-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const path = new URL("../fixtures/experiments/answered.ts", import.meta.url).pathname;
const loaded = load(path) as LoadedStudy;
const planned = () => planStudy(loaded, { root: home })[0]!;
const { program } = planned() as unknown as { readonly program: AnsweredProgram };
const [add] = program.functions.keys() as Iterable<Callables[string]>;
// The fixture makes 23 calls over 20 rows, two in flight, and a checkpoint every 5.
const CALLS = 23;

let count = 0;
const fresh = () => join(home, `checkpoints-${count++}`);

/** A host whose function adds to a number on the device what it is given: what it gives tells every call before it. */
function adds(options: FakeHostOptions = {}): FakeHostOptions {
  let sum = 0;
  const totals = new Map<number, number>();
  return {
    ...options,
    on: {
      init: () => {
        sum = 0;
        return "usual";
      },
      save: ({ path }) => {
        writeFileSync(path, String(sum));
        return { bytes: 1, sha256: "of it" };
      },
      restore: ({ path }) => {
        sum = Number(readFileSync(path, "utf8"));
        return "usual";
      },
      ...options.on,
    },
    tensors: ({ number, scalars, arrays }: Plan) => {
      const rows = arrays["rows.images"] as Int32Array;
      sum = Math.fround(0.9 * sum + (scalars["plan.weight"] as number) * (rows[0]! + 2 * rows[1]!));
      totals.set(number, sum);
      return { sum: { dtype: "f32", shape: [16], data: new Float32Array(16).fill(sum) } };
    },
    metrics: ({ number }) => ({ total: totals.get(number)! }),
  };
}

/** Gives its answers by twos, or after a while. */
class LateHost extends FakeHost {
  private held: Parameters<FakeHost["report"]>[] = [];

  override report(...given: Parameters<FakeHost["report"]>): void {
    this.held.push(given);
    if (this.held.length === 2) this.give();
    else setTimeout(() => this.give(), 10);
  }

  private give(): void {
    for (const given of this.held.splice(0)) super.report(...given);
  }
}

function started(
  folder: string,
  behaviours: readonly (FakeHostOptions | FakeHost)[],
  { of = program, restarts = 2 } = {},
) {
  const hosts: FakeHost[] = [];
  const notes: string[] = [];
  const start = async () => {
    const behaviour = behaviours[hosts.length];
    const host = behaviour instanceof FakeHost ? behaviour : new FakeHost(behaviour);
    hosts.push(host);
    return host;
  };
  const observers = new Observers({ name: "notes", note: (text) => void notes.push(text) });
  const options = { device: "cpu", backend: "eager", restarts, start };
  const answerer = new Answerer("walk", of, folder, observers, options);
  const end = answerer.run(start()).catch((error: Error) => error);
  return { answerer, hosts, end, notes };
}

const steps = (host: FakeHost) =>
  host.asked.filter((asked) => asked.startsWith("step")).map((asked) => Number(asked.slice(5)));

/** The program with another driver, whose `next` is given how many calls it has handed out and how many were answered. */
function drivenBy(
  next: (given: number, heard: number) => Call | "wait" | "done",
  heard: (results: unknown) => void = () => {},
  changes: Partial<AnsweredProgram> = {},
): AnsweredProgram {
  const driver = (): Driver => {
    let [given, answers] = [0, 0];
    return {
      next: () => {
        const call = next(given, answers);
        if (typeof call === "string") return call;
        given++;
        return {
          ...call,
          answer: (results: never) => {
            answers++;
            heard(results);
          },
        };
      },
      state: () => ({ given, answers }),
      restore: (saved) => {
        [given, answers] = [saved.given as number, saved.answers as number];
      },
      result: () => ({ numbers: { given, answers } }),
    };
  };
  return { ...program, ...changes, driver };
}

const plan = { weight: 1, counts: Uint8Array.of(1, 1) };
const callOf = (rows: readonly number[], wants?: readonly string[]): Call =>
  add!({ rows: Int32Array.from(rows), plan, ...(wants && { wants }) }, () => {});

const whole = (await started(fresh(), [adds()]).end) as Left;

test("calls are made in order, and the driver leaves what their answers came to", async () => {
  const run = started(fresh(), [adds()]);
  expect(await run.end).toEqual(whole);
  expect(steps(run.hosts[0]!)).toEqual(Array.from({ length: CALLS }, (_, i) => i));
  // The walk by hand: a call is made with the place as it was when all but the newest two were heard, or all at a checkpoint.
  let [sum, place, total] = [0, 0, 0];
  const places = [0];
  for (let call = 1; call <= CALLS; call++) {
    const from = places[Math.max(0, call - 2, call - 1 - ((call - 1) % 5))]!;
    const [a, b] = [from % 20, (7 * from + call) % 20];
    sum = Math.fround(0.9 * sum + (1 + call / 10) * (a + 2 * b));
    total = sum + sum;
    place = (31 * place + Math.abs(Math.round(1000 * total))) % 9973;
    places.push(place);
  }
  expect(whole).toEqual({ arrays: { place: Int32Array.of(place) }, numbers: { total } });
});

describe("calls in flight", () => {
  /** What a driver that never waits sees: calls and answers, in order. */
  const seen = async (host: FakeHost, changes?: Partial<AnsweredProgram>) => {
    const events: string[] = [];
    const of = drivenBy(
      (given) => {
        if (given === 9) return "done";
        events.push(`call ${given}`);
        return callOf([given, given]);
      },
      () => events.push("answer"),
      changes,
    );
    await started(fresh(), [host], { of }).end;
    return events;
  };
  const four = [0, 1, 2, 3].map((n) => `call ${n}`);

  test("are four at most, and answers come where they come on any host", async () => {
    const fast = await seen(new FakeHost(adds()));
    expect(await seen(new LateHost(adds()))).toEqual(fast);
    // At the fifth call, which is a checkpoint's, all are answered; before it, and after it, four are in flight.
    expect(fast).toEqual([
      ...four,
      "answer",
      "call 4",
      ...Array.from({ length: 4 }, () => "answer"),
      ...[5, 6, 7, 8].map((n) => `call ${n}`),
      ...Array.from({ length: 4 }, () => "answer"),
    ]);
  });

  test("are fewer where their results are large: 64 MB in all", async () => {
    const [[key, called]] = [...program.functions] as [[Callables[string], never]];
    const large = { kind: "tensor", dims: [5 << 20], dtype: "f32" } as const;
    const functions = new Map([[key, { ...(called as object), results: { sum: large } } as never]]);
    const fast = await seen(new FakeHost(adds()), { functions });
    expect(fast.slice(0, 4)).toEqual([...four.slice(0, 3), "answer"]);
  });
});

describe("what broke off goes on at a checkpoint, and ends as the same", () => {
  const diesAt = (call: number): FakeHostOptions =>
    adds({
      onPlan: (number, host) => {
        if (number !== call) return undefined;
        host.die();
        return false;
      },
    });

  test("a host that dies: another one goes on at the newest checkpoint", async () => {
    const { hosts, end } = started(fresh(), [diesAt(13), adds()]);
    expect(await end).toEqual(whole);
    expect(steps(hosts[1]!)[0]).toBe(10);
    expect(hosts[1]!.asked).not.toContain("init");
  });

  test("before the first checkpoint it begins anew", async () => {
    const { hosts, end } = started(fresh(), [diesAt(3), adds()]);
    expect(await end).toEqual(whole);
    expect(steps(hosts[1]!)[0]).toBe(0);
  });

  test("a stop", async () => {
    const folder = fresh();
    const run: ReturnType<typeof started> = started(folder, [
      adds({ onPlan: (number) => (number === 17 ? !run.answerer.stop() : undefined) }),
    ]);
    expect(await run.end).toBeUndefined();
    expect(run.answerer.whatIsSaved()).toBe("15 calls are saved: the same command goes on there");
    const again = started(folder, [adds()]);
    expect(await again.end).toEqual(whole);
    expect(steps(again.hosts[0]!)[0]).toBe(15);
  });

  test.each([
    ["the driver's book", "planner.safetensors", 10],
    ["the description", "checkpoint.json", 10],
  ])("a checkpoint of which %s is damaged is passed over", async (_, file, begins) => {
    const folder = fresh();
    await started(folder, [diesAt(18)], { restarts: 0 }).end;
    writeFileSync(join(folder, "step-00000015", file), "of another file");
    const again = started(folder, [adds()]);
    expect(await again.end).toEqual(whole);
    expect(steps(again.hosts[0]!)[0]).toBe(begins);
    expect(again.notes[0]).toMatch(/^passing over the checkpoint of 15 calls: /);
  });

  test.each([
    ["of its author", new TypeError("saved.place is undefined"), "F2C2134"],
    ["of ours", new Error("internal: no such book"), undefined],
  ])(
    "what the driver's restore throws ends it and leaves the checkpoints: one %s",
    async (_, thrown, code) => {
      const folder = fresh();
      await started(folder, [diesAt(18)], { restarts: 0 }).end;
      const driver = (): Driver => ({
        ...program.driver(),
        restore: () => {
          throw thrown;
        },
      });
      const again = started(folder, [adds()], { of: { ...program, driver } });
      const error = (await again.end) as Error & { code?: string };
      const said = code ? `walk: the driver threw after 15 answers: ${thrown.message}` : thrown.message;
      expect([error.code, error.message]).toEqual([code, said]);
      expect(code ? error.cause : error).toBe(thrown);
      expect(again.hosts[0]!.asked).not.toContain("init");
      expect(again.notes).toEqual([]);
      expect(await started(folder, [adds()]).end).toEqual(whole);
    },
  );

  test("a checkpoint that the host finds damaged is passed over", async () => {
    const folder = fresh();
    await started(folder, [diesAt(18)], { restarts: 0 }).end;
    const { on, ...reads } = adds();
    const restore: NonNullable<typeof on>["restore"] = (saved, host) => {
      if (saved.next === 15) throw failure("F2C6205");
      return on!.restore!(saved, host);
    };
    const again = started(folder, [{ ...reads, on: { ...on, restore } }]);
    expect(await again.end).toEqual(whole);
    expect(again.notes).toEqual([
      "passing over the checkpoint of 15 calls: it is F2C6205",
      "going on after 10 calls",
    ]);
  });

  test("two checkpoints are kept", async () => {
    const folder = fresh();
    await started(folder, [diesAt(22)], { restarts: 0 }).end;
    expect(readdirSync(folder)).toEqual(["step-00000015", "step-00000020"]);
  });
});

describe("answers", () => {
  test("are numbers, and arrays of what the function returns: what is not wanted stays away", async () => {
    const asked: Plan[] = [];
    const heard: unknown[] = [];
    const host = new FakeHost({
      tensors: (plan) => {
        asked.push(plan);
        return {
          counts: { dtype: "i64", shape: [2], data: BigInt64Array.of(1n, 0n) },
        };
      },
      metrics: () => ({ total: 3 }),
    });
    const of = drivenBy(
      (given) => (given === 1 ? "done" : callOf([0, 19], ["counts"])),
      (results) => heard.push(results),
    );
    expect(await started(fresh(), [host], { of }).end).toEqual({ numbers: { given: 1, answers: 1 } });
    expect(asked[0]).toMatchObject({ function: "add", returns: ["counts"], streams: { rows: "rows" } });
    expect(heard).toEqual([{ total: 3, counts: Uint8Array.of(1, 0) }]);
  });

  const refused = async (next: Parameters<typeof drivenBy>[0], host = new FakeHost(adds())) =>
    (await started(fresh(), [host], { of: drivenBy(next) }).end) as Error;

  test.each<[string, Call | "wait", RegExp]>([
    ["waits for nothing", "wait", /^walk: the driver waits for an answer, and every call is answered/],
    ["takes a row that is not there", callOf([3, 20]), /^walk: a call of `add` takes row 20 of 20$/],
    [
      "wants what is not returned",
      callOf([0, 0], ["sums"]),
      /wants `sums`, .* it returns sum, total, counts$/,
    ],
    [
      "calls a function of another stage",
      { ...callOf([0, 0]), function: Object.assign(() => {}, {}) as never },
      /calls a function that the stage does not have; it has add$/,
    ],
  ])("a driver that %s is told so", async (_, call, message) => {
    expect(await refused(() => call)).toMatchObject({
      code: "F2C2134",
      message: expect.stringMatching(message),
    });
  });

  test("a call with too few rows is refused where it is made", () => {
    expect(() => callOf([1])).toThrow("a call has 1 rows, and its function takes 2");
  });

  test("a plan of another form is refused by the name of what differs", async () => {
    const call = add!({ rows: Int32Array.of(0, 0), plan: { ...plan, counts: new Uint8Array(3) } }, () => {});
    expect(await refused(() => call)).toMatchObject({
      code: "F2C2402",
      message: expect.stringContaining("plan.counts"),
    });
  });

  test("what the driver throws is its author's, with how far it came", async () => {
    const error = await refused(() => {
      throw new TypeError("centroids is not iterable");
    });
    expect(error).toMatchObject({
      code: "F2C2134",
      message: "walk: the driver threw after 0 answers: centroids is not iterable",
      cause: expect.any(TypeError),
    });
  });

  test("a whole number that does not fit into 32 bits is refused", async () => {
    const [[key, called]] = [...program.functions] as [[Callables[string], never]];
    const wide = { kind: "tensor", dims: [1], dtype: "i64" } as const;
    const functions = new Map([[key, { ...(called as object), results: { sum: wide } } as never]]);
    const host = new FakeHost({
      tensors: () => ({ sum: { dtype: "i64", shape: [1], data: BigInt64Array.of(1n << 31n) } }),
      metrics: () => ({}),
    });
    const of = drivenBy((given) => (given === 1 ? "done" : callOf([0, 0])), undefined, { functions });
    expect(await started(fresh(), [host], { of }).end).toMatchObject({
      message: "walk: `sum` of `add` holds 2147483648, which does not fit into 32 bits",
    });
  });
});

describe("what decides a stage's artefact", () => {
  const changed = (text: (text: string) => string) => {
    const file = join(home, `walk-${count++}.ts`);
    writeFileSync(file, text(readFileSync(path, "utf8")));
    return planStudy(load(file) as LoadedStudy, { root: home })[0]!;
  };

  test("is the same wherever its file lies", () => {
    expect(changed((text) => text).hash).toBe(planned().hash);
  });

  test("is the same in another folder where its driver is a class in a file of its own", () => {
    /** The fixture in two files. The driver's has functions of each form that the loader tags, and is `above` the class. */
    const divided = (folder: string, above: string, text: (text: string) => string = (text) => text) => {
      const whole = readFileSync(path, "utf8");
      const [begin, end] = [whole.indexOf("const CALLS"), whole.indexOf("const data")];
      const forms = `
  static readonly forms = { method() { return CALLS; }, arrow: (x: number) => scale * x + CALLS };
  private named() { function inner() { return Walk.forms.arrow(1) + scale; } return inner(); }`;
      const driver = whole
        .slice(begin, end)
        .replace("class Walk implements Driver {", `export class Walk implements Driver {${forms}`);
      const types = 'import type { Call, Driver } from "f2c-dsl";\nimport scale from "./scale";\nexport ';
      mkdirSync(join(home, folder));
      writeFileSync(join(home, folder, "scale.ts"), "export default 2;\n");
      writeFileSync(join(home, folder, "driver.ts"), text(`${above}${types}${driver}`));
      const file = join(home, folder, "walk.ts");
      const rest = whole.slice(0, begin) + whole.slice(end);
      writeFileSync(file, `import { CALLS, Walk } from "./driver";\n${rest}`);
      return planStudy(load(file) as LoadedStudy, { root: home })[0]!;
    };
    const { hash } = divided("here", "");
    expect(divided("there, a longer way", "// Two lines\n// more.\n").hash).toBe(hash);
    const other = divided("other", "", (text) => text.replace("31 * this.place", "37 * this.place"));
    expect(other.hash).not.toBe(hash);
  });

  test.each([
    ["its driver", "31 * this.place", "37 * this.place"],
    ["an option", "options: { calls: CALLS }", "options: { calls: CALLS, more: 1 }"],
    ["a compiled function", "sum.mul(0.9)", "sum.mul(0.8)"],
    ["its data", "seed: 3", "seed: 4"],
  ])("is %s", (_, before, after) => {
    const other = changed((text) => text.replace(before, after));
    expect(other.hash).not.toBe(planned().hash);
    expect(other.kind).toBe("walk");
  });
});

describe("a function that a driver calls", () => {
  /** The study whose function returns something else. */
  const planned = (returns: string) => {
    const file = join(home, `returns-${count++}.ts`);
    const text = readFileSync(path, "utf8")
      .replace(/return \{ sum, total.*/, returns)
      .replace(/\(\{ add \}\) =>[\s\S]*?\n {4}\),\n/, "() => undefined as never),\n")
      .replace("fixed,", "fixed, ops,");
    writeFileSync(file, text);
    return planStudy(load(file) as LoadedStudy, { root: home });
  };

  test.each(["return {};", "return undefined as never;"])(
    "may give nothing and only write: %s",
    (returns) => {
      const [stage] = planned(returns);
      const [add] = (stage as unknown as { program: AnsweredProgram }).program.module.functions;
      expect(add!.results).toEqual([]);
      expect(add!.body.ops.map(({ op }) => op)).toContain("copy_");
    },
  );

  test.each([
    [
      "returns no record",
      "return sum.sum() as never;",
      "F2C3020",
      /^`add` returns a tensor f32\[\]; a function that a driver calls/,
    ],
    ["returns a list in it", "return { sum: [sum] as never };", "F2C3020", /^`sum` of `add` is a list of 1/],
    [
      "draws",
      "return { sum: ops.rand([2]) };",
      "F2C4005",
      /random numbers are a function of the step's number/,
    ],
  ])("is refused where it %s", (_, returns, code, message) => {
    expect(() => planned(returns)).toThrow(
      expect.objectContaining({
        diagnostics: [expect.objectContaining({ code, message: expect.stringMatching(message) })],
      }),
    );
  });
});

test.each([
  ["kind", ["Walk", {}], '"Walk" is not usable as the name of a kind'],
  ["checkpoint", ["walk", { checkpoint: 0 }], "`checkpoint` is 0"],
])("answered refuses a %s", (_, [kind, given], message) => {
  expect(() =>
    answered(
      kind as string,
      { data: program.stage[ANSWERED].data, ...(given as object) },
      () => undefined as never,
    ),
  ).toThrow(message);
});

test("answering refuses half a row, and a stage data without rows", () => {
  expect(() =>
    answering(
      {},
      (compiled) => ({ half: compiled({ rows: 0.5, plan: 0 }, () => ({})) }),
      () => undefined as never,
    ),
  ).toThrow("takes 0.5 rows");
  const { declared, ...file } = loaded;
  const { walk } = declared[STUDY] as never as { walk: AnsweredProgram["stage"] };
  const nobody = { ...walk, [ANSWERED]: { ...walk[ANSWERED], of: "heldOut" as const } };
  expect(isStudy(declared)).toBe(true);
  expect(() => compileAnswered(file, "walk", nobody)).toThrow("walk: the data has no rows (heldOut)");
});
