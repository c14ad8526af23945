/**
 * Functions of run-time numbers with loops and jumps in them, run by Node and as the program that they become. The program
 * is run by the few lines below: scalar ops by what the registry says that they compute, regions by what docs/ir.md says.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileExperiment, type IrFunction, loadExperiment, type Op, type Region } from "#compiler/index";
import { OPS } from "#compiler/registry/index";

type Number = (a: number, b: number, yes: boolean) => number;

/** Each is TypeScript and JavaScript at once. */
const FUNCTIONS: Record<string, string> = {
  "break out of a counted loop": `
    let sum = 0;
    for (let i = 0; i < a; i++) { if (sum > b) break; sum += i; }
    return sum;`,
  "break in the else": `
    let sum = 0;
    for (let i = 0; i < a; i++) { if (sum <= b) { sum += i + 1; } else { break; } sum += 0.5; }
    return sum;`,
  "the counter after a break": `
    let i = 0;
    for (; i < a; i++) { if (i > b) break; }
    return i;`,
  "continue skips the rest of a turn": `
    let sum = 0;
    for (let i = 0; i < a; i++) { if (i % 2 > 0) continue; sum += i; }
    return sum;`,
  "continue and break together": `
    let sum = 0;
    for (let i = 0; i < a; i++) { if (i % 3 < 1) continue; if (sum > b) break; sum += i; }
    return sum + 100;`,
  "continue deep in blocks": `
    let sum = 0;
    for (let i = 0; i < a; i++) { { if (i > b) { if (yes) { continue; } sum += 10; } } sum += 1; }
    return sum;`,
  "return out of a run-time loop": `
    for (let i = 0; i < a; i++) { if (i > b) return i * 10; }
    return -1;`,
  "return out of a loop, with more after it": `
    let sum = 1;
    for (let i = 0; i < a; i++) { sum += i; if (sum > b) return sum; }
    sum *= 2;
    return sum + 0.25;`,
  "return out of two loops": `
    for (let i = 0; i < a; i++) for (let j = 0; j < 4; j++) { if (i * j > b) return i * 100 + j; }
    return -1;`,
  "return out of a run-time loop in a run-time loop": `
    let turns = 0;
    for (let i = 0; i < a; i++) { for (let j = 0; j < b; j++) { turns += 1; if (turns > 7) return turns * 10 + i; } turns += 0.5; }
    return turns;`,
  "break of the inner loop only": `
    let sum = 0;
    for (let i = 0; i < a; i++) { for (let j = 0; j < 5; j++) { if (j > b) break; sum += 1; } sum += 0.5; }
    return sum;`,
  "while with break": `
    let x = a;
    while (x > 0) { x -= 1; if (x < b) break; x -= 0.5; }
    return x;`,
  "while true": `
    let x = 0;
    while (true) { x += 1; if (x > a || x > 9) break; }
    return x;`,
  "a loop that is written out, with break": `
    let sum = 0;
    for (const x of [1, 2, 3, 4]) { if (sum > b) break; sum += x * a; }
    return sum;`,
  "a loop that is written out, with continue and return": `
    let sum = 0;
    for (const x of [1, 2, 3, 4]) { if (x > a) continue; sum += x; if (sum > b) return sum * 2; }
    return sum;`,
  "break always": `
    let sum = 0;
    for (let i = 0; i < a; i++) { sum += 5; break; }
    return sum;`,
  "early returns without a loop": `
    if (a > b) { if (yes) return 1; }
    if (a < 2) return 2;
    return yes ? 3 : 4;`,
  "what an arm assigns before it jumps": `
    let last = 0;
    for (let i = 0; i < a; i++) { if (i > b) { last = i * 7; break; } last = i; }
    return last;`,
  "an operator for its effect": `
    let x = a;
    yes && (x += 1);
    x > b || (x = 50);
    return x;`,
  "a function with loops called in a loop": `
    const first = (from: number) => { for (let j = 0; j < 5; j++) { if (from + j > b) return from + j; } return -5; };
    let sum = 0;
    for (let i = 0; i < a; i++) { const f = first(i); if (f < 0) continue; sum += f; }
    return sum;`,
};

const root = mkdtempSync(join(tmpdir(), "f2c-jumps-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let step: IrFunction;
const key = (i: number) => `m${i}`;

beforeAll(() => {
  const functions = Object.values(FUNCTIONS).map(
    (body, i) => `const ${key(i)} = (a: number, b: number, yes: boolean): number => {${body}};`,
  );
  const metrics = functions.map((_, i) => `${key(i)}: ops.from_scalar(${key(i)}(plan.a, plan.b, plan.yes))`);
  const file = join(root, "jumps.ts");
  writeFileSync(
    file,
    `import { adaptiveAvgPool2d, dual, experiment, fixed, flatten, type Features, type Images, linear, method, module, ops, sgd, syntheticFaces } from "f2c-dsl";
${functions.join("\n")}
export default experiment({
  name: "jumps",
  data: syntheticFaces({ identities: 5, imagesPerIdentity: fixed(4), size: 16, heldOut: { identities: 0, images: 0 } }),
  method: () => method(
    { net: module({ pool: adaptiveAvgPool2d(2), flat: flatten(), fc: linear(12, 8) }, ({ pool, flat, fc }, x: Images): Features<8> => fc(flat(pool(x)) as never)) },
    {
      plan: (_books, _batch, at) => ({ a: at.step, b: at.step, yes: at.step > 3 }),
      step: ({ net }, { x }, plan) => ({ loss: net(x).mean(), ${metrics.join(", ")} }),
      embed: ({ net }, images) => net(images),
    }),
  loader: dual({ identities: 3, instances: 2, flip: false }), optimizer: sgd({ momentum: 0 }), lr: 0.1, steps: 2,
});`,
  );
  step = compileExperiment(loadExperiment(file)).module.functions[0];
});

type Scalar = number | boolean;

/** The program's numbers, tensors left out. */
function run(fn: IrFunction, inputs: Record<string, Scalar>): Record<string, Scalar> {
  const values = new Map<number, Scalar>();
  for (const { value } of fn.inputs) if (value.name in inputs) values.set(value.id, inputs[value.name]);
  const give = (ids: readonly { id: number }[], given: readonly (Scalar | undefined)[]) => {
    for (const [i, { id }] of ids.entries()) if (given[i] !== undefined) values.set(id, given[i]);
  };
  const region = (r: Region, args: readonly (Scalar | undefined)[] = []): (Scalar | undefined)[] => {
    give(r.args, args);
    for (const op of r.ops) {
      const operands = op.operands.map((v) => v && values.get(v.id));
      if (op.op === "yield" || op.op === "return") return operands;
      give(op.results, results(op, operands));
    }
    throw new Error("a region without an end");
  };
  const results = (op: Op, operands: (Scalar | undefined)[]): (Scalar | undefined)[] => {
    switch (op.op) {
      case "constant":
        return [op.attributes.value as Scalar];
      case "from_scalar":
        return operands;
      case "if":
        return region(op.regions[operands[0] ? 0 : 1]);
      case "for": {
        let carried = operands.slice(1);
        for (let i = 0; i < (operands[0] as number); i++) carried = region(op.regions[0], [i, ...carried]);
        return carried;
      }
      case "while": {
        let carried = operands;
        while (region(op.regions[0], carried)[0]) carried = region(op.regions[1], carried);
        return carried;
      }
      default: {
        const compute = OPS.get(op.op)!.compute as ((...v: unknown[]) => Scalar) | undefined;
        return compute ? [compute(...operands)] : [];
      }
    }
  };
  const returned = region(fn.body);
  return Object.fromEntries(fn.results.map(({ name }, i) => [name, returned[i]!]));
}

describe("jumps that a run-time condition decides do what they do in JavaScript", () => {
  const inputs = [0, 1, 2.5, 4, 7].flatMap((a) =>
    [-1, 0, 2, 5].flatMap((b) => [true, false].map((yes) => ({ a, b, yes }))),
  );

  test.each(Object.keys(FUNCTIONS).map((name, i) => [name, i] as const))("%s", (name, i) => {
    const plain = FUNCTIONS[name].replaceAll(": number", "");
    const expected = new Function("a", "b", "yes", plain) as Number;
    for (const { a, b, yes } of inputs)
      expect({ a, b, yes, gives: run(step, { a, b, yes })[key(i)] }).toEqual({
        a,
        b,
        yes,
        gives: expected(a, b, yes),
      });
  });
});
