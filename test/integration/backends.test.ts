/** Examples run by the built command and the real host, then their steps on every backend: the same losses, gradients and states. `npm run backends` shows them all. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { long, share } from "../long.js";
import { compared, recorded } from "../recorded-examples.js";
import { root } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-backends-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Its name, the backends, and how many trainings it has. */
type Example = readonly [name: string, backends: readonly string[], trainings: number];

const STEPS = share(4, 20);
const photographs = existsSync(process.env.F2C_ORL_FACES ?? join(root, "../shared/data/orl-faces"));

// Compiling a deeper net for Inductor takes minutes. own-method.ts has a graph for each number of its loop's rounds.
const [SCRIPT, BOTH] = [["torchscript"], ["torchscript", "inductor"]] as const;
const SHORT: readonly Example[] = [
  ["own-method", BOTH, 1],
  ["quickstart", long ? BOTH : SCRIPT, 1],
  ["deep", long ? BOTH : SCRIPT, 1],
];
const OTHERS: readonly Example[] = [
  ["dcq", BOTH, 1],
  ["orl-faces", SCRIPT, 1],
  ["partial-fc", SCRIPT, 1],
  ["vfc", SCRIPT, 1],
  ["vit", SCRIPT, 1],
  ["mixfacenet", SCRIPT, 1],
  ["ogmc", SCRIPT, 1],
  ["face-nms", SCRIPT, 2],
  ["study", SCRIPT, 2],
  ["distillation", SCRIPT, 2],
  ["fine-tune", SCRIPT, 3],
  ["vargfacenet-distilled", SCRIPT, 3],
];

/** What makes steps shorter and leaves nothing out: few images, a stack of one block, and a graph each for no and for two rounds of own-method's loop. */
const SMALLER: readonly (readonly [from: string | RegExp, to: string])[] = [
  [/dual\(\{ identities: \d+, instances: \d+ \}\)/, "dual({ identities: 8, instances: 8 })"],
  ["stack([block(width, width, 1), block(width, width, 1)])", "stack([block(width, width, 1)])"],
  ["rounds: at.step % 3", "rounds: 2 * (at.step % 2)"],
];

const smaller = (text: string) => SMALLER.reduce((changed, [from, to]) => changed.replace(from, to), text);

test.each(share(SHORT, [...SHORT, ...OTHERS]))(
  `%s: ${STEPS} steps on %j are those of eager`,
  (name, backends, trainings) => {
    if (name === "orl-faces" && !photographs) return;
    const recording = recorded(root, `examples/${name}.ts`, folder, STEPS, long ? undefined : smaller);
    // In float64 nothing hides behind rounding; larger nets are slow in it.
    const found = compared(root, [recording], backends, { double: name === "own-method" });
    expect(found).toHaveLength(trainings * backends.length);
    for (const { training, backend, steps, beyond } of found) {
      expect(beyond, `${training} on ${backend}`).toEqual([]);
      expect(steps).toBe(STEPS);
    }
  },
  1_800_000,
);
