/** Random functions of run-time numbers: the program gives what Node gives, or the compiler says what it does not take. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileBodies, INPUTS, inNode } from "../unit/run-scalars.js";
import { randomBody } from "./random-functions.js";

// Another seed, and more files of functions, look for more.
const SEED = Number(process.env.F2C_SEED ?? 1);
const FILES = Number(process.env.F2C_FILES ?? 3);
const FUNCTIONS = 70;

const root = mkdtempSync(join(tmpdir(), "f2c-functions-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.each(Array.from({ length: FILES }, (_, i) => SEED + i))("functions from seed %i", (seed) => {
  const bodies = Array.from({ length: FUNCTIONS }, (_, i) => randomBody(seed * 1000 + i));
  const { run, refused } = compileBodies(join(root, `f${seed}.ts`), bodies);
  expect([...refused.values()].filter(({ message }) => message.startsWith("internal:"))).toEqual([]);
  const wrong = bodies.flatMap((body, i) => {
    if (refused.has(i)) return [];
    const node = inNode(body);
    const bad = INPUTS.map((inputs) => ({ inputs, wanted: node(inputs), got: run(i, inputs) })).find(
      ({ wanted, got }) => wanted !== got && !Object.is(wanted, got),
    );
    return bad ? [{ body, ...bad }] : [];
  });
  expect(wrong.slice(0, 2)).toEqual([]);
  expect(refused.size).toBeLessThan(FUNCTIONS / 10);
});
