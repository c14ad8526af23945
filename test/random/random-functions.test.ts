/** Random functions of run-time numbers: the program gives what Node gives, or the compiler says what it does not take. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { share } from "../long.js";
import { compileBodies, INPUTS, type Inputs, inNode, type Scalar } from "../unit/run-scalars.js";
import { bodies } from "./random-functions.js";

// Another seed, and more files of functions, look for more.
const SEED = Number(process.env.F2C_SEED ?? 1);
const FILES = Number(process.env.F2C_FILES ?? share(1, 3));
const FUNCTIONS = 70;

const root = mkdtempSync(join(tmpdir(), "f2c-functions-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Difference {
  readonly inputs: Inputs;
  readonly wanted: Scalar;
  readonly got: Scalar;
}

/** Where the programs of bodies give something else than Node does, by their number; what the compiler refuses is left out. */
function differences(file: string, list: readonly string[]) {
  const { run, refused } = compileBodies(join(root, file), list);
  const found = new Map<number, Difference>();
  for (const [i, body] of list.entries()) {
    if (refused.has(i)) continue;
    const node = inNode(body);
    const bad = INPUTS.map((inputs) => ({ inputs, wanted: node(inputs), got: run(i, inputs) })).find(
      ({ wanted, got }) => wanted !== got && !Object.is(wanted, got),
    );
    if (bad) found.set(i, bad);
  }
  return { found, refused };
}

/** The smallest body like the `i`th of a seed that goes wrong; as small as it gets in this time. */
function smallest(seed: number, i: number) {
  const holds = fc.property(bodies, (body) => differences("smaller.ts", [body]).found.size === 0);
  const { counterexample } = fc.check(holds, { seed, path: String(i), interruptAfterTimeLimit: 60_000 });
  const [body] = counterexample ?? fc.sample(bodies, { seed, path: String(i), numRuns: 1 });
  return { body, ...differences("smallest.ts", [body]).found.get(0) };
}

test.each(Array.from({ length: FILES }, (_, i) => SEED + i))("functions from seed %i", (seed) => {
  // Together, since an experiment takes longer to compile than a function in it.
  const { found, refused } = differences(`f${seed}.ts`, fc.sample(bodies, { seed, numRuns: FUNCTIONS }));
  expect([...refused.values()].filter(({ message }) => message.startsWith("internal:"))).toEqual([]);
  expect([...found.keys()].slice(0, 1).map((i) => smallest(seed, i))).toEqual([]);
  expect(refused.size).toBeLessThan(FUNCTIONS / 10);
});
