/**
 * What the types cost an editor: instantiations and types that the compiler makes for a program, which, unlike seconds,
 * are the same on every machine. Budgets are about 1.3 times what was measured when they were set, with TypeScript 6.0.
 */
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { editorOptions, root } from "./editor.js";

/** A program of one file, whose text may be given. */
function cost(path: string, text?: string) {
  const host = ts.createCompilerHost(editorOptions);
  const { getSourceFile, fileExists } = host;
  if (text !== undefined) {
    host.fileExists = (name) => name === path || fileExists(name);
    host.getSourceFile = (name, ...rest) =>
      name === path ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : getSourceFile(name, ...rest);
  }
  const program = ts.createProgram([path], editorOptions, host);
  const errors = ts
    .getPreEmitDiagnostics(program)
    .map((d) => ts.flattenDiagnosticMessageText(d.messageText, "\n"));
  return { errors, instantiations: program.getInstantiationCount(), types: program.getTypeCount() };
}

const virtual = (name: string, text: string) => cost(`${root}test/types/${name}.ts`, text);
const indices = Array.from({ length: 100 }, (_, i) => i);

const PROGRAMS = {
  "the quick start": () => cost(`${root}examples/quickstart.ts`),
  "a method of one's own": () => cost(`${root}examples/own-method.ts`),
  "a list of 100 distinct convolutions": () =>
    virtual(
      "convolutions",
      `import { conv2d, sequential } from "f2c-dsl";
export const net = sequential(${indices.map((i) => `conv2d(${i + 3}, ${i + 4}, { kernel: 3 })`)});`,
    ),
  "a function of 100 distinct convolutions": () =>
    virtual(
      "called",
      `import { conv2d, type Images, module } from "f2c-dsl";
export const net = module({ ${indices.map((i) => `c${i}: conv2d(${i + 3}, ${i + 4}, { kernel: 3 })`)} }, (c, x: Images<3>) => ${indices.reduce((x, i) => `c.c${i}(${x})`, "x")});`,
    ),
  "a list of 400 layers of equal sizes": () =>
    virtual(
      "equal",
      `import { conv2d, prelu, sequential } from "f2c-dsl";
export const net = sequential(${indices.flatMap(() => ["conv2d(64, 64, { kernel: 3 })", "prelu(64)", "conv2d(64, 64, { kernel: 1 })", "prelu(64)"])});`,
    ),
} satisfies Record<string, () => ReturnType<typeof cost>>;

const BUDGETS: Record<keyof typeof PROGRAMS, { instantiations: number; types: number }> = {
  "the quick start": { instantiations: 100, types: 400 },
  "a method of one's own": { instantiations: 17_500, types: 7_400 },
  "a list of 100 distinct convolutions": { instantiations: 55_000, types: 19_500 },
  "a function of 100 distinct convolutions": { instantiations: 5_200, types: 2_200 },
  "a list of 400 layers of equal sizes": { instantiations: 346_000, types: 219_000 },
};

describe("the types keep to their budget in", () => {
  for (const [name, measure] of Object.entries(PROGRAMS)) {
    const budget = BUDGETS[name as keyof typeof PROGRAMS];
    test(`${name}: ${budget.instantiations} instantiations, ${budget.types} types`, () => {
      const { errors, instantiations, types } = measure();
      expect(errors).toEqual([]);
      expect(instantiations).toBeLessThanOrEqual(budget.instantiations);
      expect(types).toBeLessThanOrEqual(budget.types);
    });
  }
});
