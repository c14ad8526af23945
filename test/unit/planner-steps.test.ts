/** What the planner says of plans and policies that fail at a later step, and how the command shows it. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileExperiment, loadExperiment } from "#compiler/index";
import { ExperimentError } from "#dsl/index";
import { reportOf } from "#runtime/cli/report";
import { PlanFailed, Planner } from "#runtime/stages/planner";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "f2c-planner-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// Vitest prepares stacks by itself; without, Node maps them to the TypeScript that ran, as it does for users.
beforeAll(() => {
  (Error as { prepareStackTrace?: unknown }).prepareStackTrace = undefined;
});

/** What fails, and the experiment's texts; `weight` and `lr` are the expressions of a value of the plan and of the rate. */
function failing(weight: string, lr: string) {
  const file = join(folder, `exp-${weight.length}-${lr.length}.ts`);
  writeFileSync(
    file,
    `import { adaptiveAvgPool2d, dual, experiment, fixed, flatten, type Images, linear, loader, method, module, ops, sgd, syntheticFaces, type StepPoint } from "f2c-dsl";
const missing = [] as { rate: number }[];
const rateOf = (at: StepPoint) => missing[at.step]!.rate;
const late = (at: StepPoint, value: number) => (at.step < 3 ? 0.1 : value);
export const all = [missing, rateOf, late];
export default experiment({
  name: "planned",
  data: syntheticFaces({ identities: 5, imagesPerIdentity: fixed(4), size: 16 }),
  loader: loader(dual({ identities: 2, instances: 2 })),
  optimizer: sgd({ momentum: 0 }),
  lr: (at) => ${lr},
  steps: 8,
  method: ({ identities }) =>
    method(
      { net: module({ pool: adaptiveAvgPool2d(1), flat: flatten(), fc: linear(3, 8) }, ({ pool, flat, fc }, x: Images) => fc(flat(pool(x)))), head: linear(8, identities) },
      {
        plan: (_books, { x }, at) => ({ labels: x.labels, weight: ${weight} }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x)), plan.labels).mean().mul(plan.weight),
        embed: ({ net }, images) => net(images),
      },
    ),
});
`,
  );
  const loaded = loadExperiment(file);
  const planner = new Planner(compileExperiment(loaded));
  for (let step = 0; step < 3; step++) expect(planner.next().step).toBe(step);
  try {
    planner.next();
  } catch (error) {
    expect(error).toBeInstanceOf(ExperimentError);
    return { error: error as ExperimentError, texts: loaded.texts };
  }
  throw new Error("the fourth step is planned");
}

/** What the command says of it, with the text that is marked. */
function shown({ error, texts }: ReturnType<typeof failing>) {
  const { diagnostics, exit } = reportOf(error, texts);
  const [{ code, message, span, related }] = diagnostics as [(typeof diagnostics)[0]];
  const marked = (place: typeof span) => place && texts.get(place.path)!.slice(place.start, place.end);
  return { code, message, exit, marked: marked(span), callers: related.map((r) => marked(r.span)) };
}

describe("at step 3", () => {
  test("a plan that throws is its author's to mend, at the line", () => {
    expect(shown(failing("at.step < 3 ? 1 : rateOf(at)", "0.1"))).toEqual({
      code: "F2C2012",
      message: "the plan threw at step 3: Cannot read properties of undefined (reading 'rate')",
      exit: 1,
      marked: "rate",
      callers: ["rateOf"],
    });
  });

  test("so is a policy, and what it throws may be anything", () => {
    const failed = failing("1", '(() => { if (at.step > 2) throw "no rate"; return 0.1; })()');
    expect(failed.error).toBeInstanceOf(PlanFailed);
    expect(shown(failed)).toMatchObject({
      code: "F2C2012",
      message: "the policy `lr` threw at step 3: no rate",
      exit: 1,
    });
  });

  test.each([
    ["Number.NaN", "NaN"],
    ["-0.5", "-0.5"],
    ["Number.POSITIVE_INFINITY", "Infinity"],
    ["undefined as never", "missing"],
  ])("a learning rate of %s is refused", (value, said) => {
    expect(shown(failing("1", `late(at, ${value})`))).toMatchObject({
      code: "F2C2013",
      message: `\`lr\` is ${said} at step 3`,
      exit: 1,
    });
  });

  test("a number of the plan that is NaN is refused", () => {
    expect(shown(failing("late(at, Number.NaN)", "0.1"))).toMatchObject({
      code: "F2C2403",
      message: "`weight` of the plan is NaN at step 3",
      exit: 1,
    });
  });
});

test("a step that draws random numbers is told the seed and its own number, also among those of one update and after a resume", () => {
  const file = join(folder, "drawing.ts");
  writeFileSync(
    file,
    `import { adaptiveAvgPool2d, dropout, dual, experiment, fixed, flatten, type Images, linear, loader, method, module, ops, sgd, syntheticFaces } from "f2c-dsl";
export default experiment({
  name: "drawing", seed: 41, accumulate: 2, steps: 8, lr: 0.1,
  data: syntheticFaces({ identities: 5, imagesPerIdentity: fixed(4), size: 16 }),
  loader: loader(dual({ identities: 2, instances: 2 })),
  optimizer: sgd({ momentum: 0 }),
  method: ({ identities }) =>
    method(
      { net: module({ pool: adaptiveAvgPool2d(1), flat: flatten(), fc: linear(3, 8), drop: dropout(0.5) }, ({ pool, flat, fc, drop }, x: Images) => drop(fc(flat(pool(x))))), head: linear(8, identities) },
      {
        plan: (_books, { x }) => ({ labels: x.labels }),
        step: ({ net, head }, { x }, plan) => ops.cross_entropy(head(net(x) as never), plan.labels).mean(),
        embed: ({ net }, images) => net(images) as never,
      },
    ),
});
`,
  );
  const planner = new Planner(compileExperiment(loadExperiment(file)));
  const drawn = () => {
    const { scalars } = planner.next();
    return [scalars["random.seed"], scalars["random.step"]];
  };
  expect([drawn(), drawn(), drawn()]).toEqual([
    [41, 0],
    [41, 1],
    [41, 2],
  ]);
  const books = planner.state();
  const third = drawn();
  planner.restore(3, books);
  expect(drawn()).toEqual(third);
});
