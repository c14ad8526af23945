/** A run that stops before its schedule's end: every step is that of the whole run. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type CompiledExperiment, compileExperiment, lastStep, loadExperiment } from "#compiler/index";
import { Planner } from "#runtime/stages/planner";

const folder = mkdtempSync(join(tmpdir(), "f2c-stop-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const STEPS = 40;

function compiled(name: string, lr: string): CompiledExperiment {
  const path = join(folder, `${name}.ts`);
  writeFileSync(
    path,
    `import { cosFace, cosine, dual, experiment, f2c, fixed, mobileFaceNet, polynomial, sgd, syntheticFaces } from "f2c-dsl";
export default experiment({
  name: "stop",
  data: syntheticFaces({ identities: 20, imagesPerIdentity: fixed(2), size: 16 }),
  method: f2c({
    net: mobileFaceNet({ embedding: 8, width: 0.125 }),
    ema: (at) => at.step / at.steps,
    pool: { capacity: 16 },
    margin: cosFace({ scale: 32, margin: 0.4 }),
  }),
  loader: dual({ identities: 4, instances: 4 }),
  optimizer: sgd(),
  lr: ${lr},
  steps: ${STEPS},
});
`,
  );
  return compileExperiment(loadExperiment(path));
}

const plans = (program: CompiledExperiment) => {
  const planner = new Planner(program);
  return Array.from({ length: lastStep(program) }, () => planner.next());
};

describe.each([
  ["cosine", "cosine({ base: 0.1, warmup: 1 })", (t: number) => (0.1 * (1 + Math.cos(Math.PI * t))) / 2],
  ["polynomial", "polynomial({ base: 0.1, power: 2 })", (t: number) => 0.1 * (1 - t) ** 2],
])("with a %s schedule", (name, lr, formula) => {
  const whole = compiled(name, lr);

  test("a run that stops early plans the steps of the whole run", () => {
    const short = plans({ ...whole, stopAfter: 15 });
    expect(short).toHaveLength(15);
    expect(short).toEqual(plans(whole).slice(0, 15));
    // The formula over the whole length, once the warm-up of 10 steps an epoch is over.
    for (const { step, scalars } of short.slice(10))
      expect(scalars.lr).toBeCloseTo(formula(step / STEPS), 12);
    for (const { step, scalars } of short) expect(scalars.ema).toBe(step / STEPS);
  });

  test("one that would stop later than its schedule ends with it", () => {
    expect(lastStep({ ...whole, stopAfter: 1000 })).toBe(STEPS);
    expect(lastStep(whole)).toBe(STEPS);
  });
});
