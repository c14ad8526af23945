/**
 * Functions of run-time numbers as the programs that they become. A program is run by the few lines below: scalar ops by what
 * the registry says that they compute, regions by what docs/ir.md says.
 */
import { writeFileSync } from "node:fs";
import ts from "typescript";
import {
  CompileError,
  compileExperiment,
  type Diagnostic,
  type IrFunction,
  loadExperiment,
  type Op,
  type Region,
} from "#compiler/index";
import { OPS } from "#compiler/registry/index";

export type Scalar = number | boolean;
export interface Inputs extends Record<string, Scalar> {
  readonly a: number;
  readonly b: number;
  readonly yes: boolean;
}

export const INPUTS: readonly Inputs[] = [0, 1, 2.5, 4, 7].flatMap((a) =>
  [-1, 0, 2, 5].flatMap((b) => [true, false].map((yes) => ({ a, b, yes }))),
);

export interface Compiled {
  /** What the `i`th body gives. */
  readonly run: (i: number, inputs: Inputs) => Scalar;
  /** Why bodies were refused, by their number. */
  readonly refused: ReadonlyMap<number, Diagnostic>;
}

const key = (i: number) => `m${i}`;

/** What Node makes of a body. */
export function inNode(body: string): (inputs: Inputs) => number {
  const js = ts.transpileModule(`function f(a: number, b: number, yes: boolean): number {${body}}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022 },
  }).outputText;
  const fn = new Function(`${js}; return f;`)() as (a: number, b: number, yes: boolean) => number;
  return ({ a, b, yes }) => fn(a, b, yes);
}

/** Compiles bodies of functions of `a`, `b` and `yes` in one experiment, which is written to `file`. */
export function compileBodies(file: string, bodies: readonly string[]): Compiled {
  const refused = new Map<number, Diagnostic>();
  for (;;) {
    const kept = [...bodies.keys()].filter((i) => !refused.has(i));
    const text = experimentOf(kept.map((i) => [key(i), bodies[i]!] as const));
    writeFileSync(file, text);
    try {
      const [step] = compileExperiment(loadExperiment(file)).module.functions;
      return { run: (i, inputs) => runFunction(step!, inputs)[key(i)]!, refused };
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      const before = refused.size;
      for (const diagnostic of error.diagnostics) {
        const start = diagnostic.span?.start ?? 0;
        const at = /^const m(\d+) = (?![\s\S]*^const m\d+ = )/m.exec(text.slice(0, start));
        if (at) refused.set(Number(at[1]), diagnostic);
      }
      if (refused.size === before) throw error;
    }
  }
}

const experimentOf = (functions: readonly (readonly [string, string])[]): string => `
import { adaptiveAvgPool2d, dual, experiment, fixed, flatten, type Features, type Images, linear, loader, method, module, ops, sgd, syntheticFaces } from "f2c-dsl";
${functions.map(([name, body]) => `const ${name} = (a: number, b: number, yes: boolean): number => {${body}};`).join("\n")}
export default experiment({
  name: "numbers",
  data: syntheticFaces({ identities: 5, imagesPerIdentity: fixed(4), size: 16, heldOut: { identities: 0, images: 0 } }),
  method: () => method(
    { net: module({ pool: adaptiveAvgPool2d(2), flat: flatten(), fc: linear(12, 8) }, ({ pool, flat, fc }, x: Images): Features<8> => fc(flat(pool(x)) as never)) },
    {
      plan: (_books, _batch, at) => ({ a: at.step, b: at.step, yes: at.step > 3 }),
      step: ({ net }, { x }, plan) => ({ loss: net(x).mean(), ${functions.map(([name]) => `${name}: ops.from_scalar(${name}(plan.a, plan.b, plan.yes))`).join(", ")} }),
      embed: ({ net }, images) => net(images),
    }),
  loader: loader(dual({ identities: 3, instances: 2 })), optimizer: sgd({ momentum: 0 }), lr: 0.1, steps: 2,
});
`;

/** No loop of these tests turns as often. */
const MOST_TURNS = 10_000;

const SPELLED: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  "-nan": Number.NaN,
  inf: Infinity,
  "-inf": -Infinity,
};

/** The program's numbers, tensors left out. */
export function runFunction(fn: IrFunction, inputs: Record<string, Scalar>): Record<string, Scalar> {
  const values = new Map<number, Scalar>();
  for (const { value } of fn.inputs) if (value.name in inputs) values.set(value.id, inputs[value.name]!);
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
      case "constant": {
        const { value } = op.attributes;
        return [typeof value === "string" ? SPELLED[value] : (value as Scalar)];
      }
      case "from_scalar":
        return operands;
      case "if":
        return region(op.regions[operands[0] ? 0 : 1]!);
      case "for": {
        let carried = operands.slice(1);
        for (let i = 0; i < (operands[0] as number); i++) carried = region(op.regions[0]!, [i, ...carried]);
        return carried;
      }
      case "while": {
        let carried = operands;
        for (let turn = 0; region(op.regions[0]!, carried)[0]; turn++) {
          if (turn === MOST_TURNS) throw new Error("a loop of the program does not end");
          carried = region(op.regions[1]!, carried);
        }
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
