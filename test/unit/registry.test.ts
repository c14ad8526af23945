import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  addDims,
  type Dim,
  divideDim,
  mulDims,
  parseDim,
  printDim,
  productOfDims,
  sameDim,
  symbol,
} from "#compiler/ir/dim";
import { generatedFiles } from "#compiler/registry/generate";
import { registryHash } from "#compiler/registry/hash";
import { OPS, REGISTRY } from "#compiler/registry/index";
import * as functions from "#dsl/core/ops.generated";
import { dice } from "./dice.js";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");

describe("the op registry", () => {
  test.each(Object.keys(generatedFiles()))("is what %s was generated from", (path) => {
    expect(read(path) === generatedFiles()[path], `${path} is not current: npm run generate`).toBe(true);
  });

  test("has each op once", () => {
    expect(OPS.size).toBe(REGISTRY.length);
  });

  test.each(REGISTRY.map((op) => [op.name, op] as const))("documents %s with a sentence", (_, op) => {
    expect(op.doc).toMatch(/^[^a-z ]|^[a-z]+ ?[(*^]|^[a-z] |^(log|exp|out|e) |^x /);
    expect(op.doc).toMatch(/\.$/);
    for (const text of op.constraints) expect(text.trim()).toMatch(/\S/);
  });

  test("gives each op a section of docs/ops.md with its sentence below it", () => {
    const docs = read("docs/ops.md");
    for (const op of REGISTRY) expect(docs).toContain(`### ${op.name}\n\n${op.doc}\n`);
  });

  test("marks what changes a storage by a name that ends in an underscore", () => {
    const named = REGISTRY.filter((op) => op.name.endsWith("_")).map((op) => op.name);
    const writing = REGISTRY.filter((op) => op.effect === "write").map((op) => op.name);
    expect(named).toEqual(writing);
  });

  test("names the operands and attributes of an op differently, and uses only those in calls of torch", () => {
    for (const op of REGISTRY) {
      const names = [...op.operands, ...op.attributes].map((part) => part.name);
      expect(new Set(names).size, op.name).toBe(names.length);
      for (const call of op.calls)
        for (const operand of Object.keys(call.when ?? {})) expect(names, op.name).toContain(operand);
    }
  });

  test.each(REGISTRY.flatMap((op) => (op.control ? [[op.name, op, op.control] as const] : [])))(
    "says of %s how values pass through its regions, by operands that it has",
    (_, op, control) => {
      const names = op.operands.map((operand) => operand.name);
      const loops = control.runs === "count" || control.runs === "condition";
      expect(control.carries !== undefined).toBe(loops);
      if (loops) {
        expect(names.at(-1)).toBe(control.carries);
        expect(op.operands.at(-1)!.variadic).toBe(true);
      }
      expect(control.by).toBe(
        loops || names.length > 0 ? names.find((name) => name !== control.carries) : undefined,
      );
      const tests = control.regions.filter((region) => region.yields === "condition");
      expect(tests).toHaveLength(control.runs === "condition" ? 1 : 0);
      expect(control.regions).toHaveLength({ once: 1, choice: 2, count: 1, condition: 2 }[control.runs]);
      for (const region of control.regions) expect(region.arguments.includes("carried")).toBe(loops);
      expect([op.shape, op.results]).toEqual(["declared", ["*"]]);
    },
  );

  test("says which operands are written of those that write, and of no others", () => {
    for (const op of REGISTRY) {
      expect(op.writes.length > 0, op.name).toBe(op.effect === "write" || op.effect === "update");
      for (const name of op.writes) expect(op.operands.map((o) => o.name)).toContain(name);
      if (op.writesIf !== undefined) expect(op.attributes.map((a) => a.name)).toContain(op.writesIf);
    }
  });

  test("gives every op on scalars a result rule that its result's kind agrees with", () => {
    for (const op of REGISTRY.filter((o) => o.family === "scalars")) {
      expect(op.results, op.name).toEqual([op.scalarResult === "joined" ? "f64" : op.scalarResult]);
      const call = (scalar: "f64" | "i64" | "bool") => ({
        op: op.name,
        operands: op.operands.map(() => ({ kind: "scalar" as const, scalar })),
        attributes: {},
        fail: (_: string, message: string): never => {
          throw new Error(message);
        },
      });
      if (op.shape === "declared") throw new Error(`${op.name} has a rule`);
      const [kind] = op.operands[0]!.kinds;
      const whole = op.operands.every((o) => o.kinds.includes("i64"));
      if (whole)
        expect(op.shape(call("i64")), op.name).toEqual([
          { kind: "scalar", scalar: op.scalarResult === "joined" ? "i64" : op.scalarResult },
        ]);
      else
        expect(op.shape(call(kind as "bool")), op.name).toEqual([
          { kind: "scalar", scalar: op.scalarResult },
        ]);
    }
  });

  test("claims of ops on scalars only what they compute, to the last bit", () => {
    const numbers = [0, -0, 1, -1, 2.5, -2.5, 1e300, 5e-324, Infinity, -Infinity, NaN];
    let asked = 0;
    for (const { name, compute, traits, operands } of REGISTRY) {
      if (!compute) continue;
      const f = compute as (...values: unknown[]) => unknown;
      const values: unknown[] = operands[0]!.kinds.includes("bool") ? [true, false] : numbers;
      for (const x of values) {
        if (traits.involution) expect(Object.is(f(f(x)), x), `${name} of ${String(x)}`).toBe(true);
        if (traits.idempotent) expect(Object.is(f(f(x)), f(x)), `${name} of ${String(x)}`).toBe(true);
        if (traits.neutral !== undefined)
          expect(Object.is(f(x, traits.neutral), x), `${name} of ${String(x)}`).toBe(true);
        asked++;
      }
    }
    expect(asked).toBeGreaterThan(100);
  });

  test("offers a function for every op that people call, which refuses to run in Node", () => {
    const callable = REGISTRY.filter((op) => op.signature).map((op) => op.name);
    expect(Object.keys(functions).sort()).toEqual([...callable].sort());
    for (const name of callable)
      expect(() => (functions as unknown as Record<string, () => void>)[name]!()).toThrow(name);
  });

  test("has one hash, which the host's table carries", () => {
    expect(registryHash()).toMatch(/^[0-9a-f]{16,}$/);
    expect(read("python-host/src/f2c_host/ir/ops_table.py")).toContain(`REGISTRY_HASH = "${registryHash()}"`);
  });
});

/** The value of a dimension where its symbols have these values. */
const at = (dim: Dim, values: Record<string, number>): number =>
  typeof dim === "number" ? dim : dim.terms.reduce((sum, [name, c]) => sum + c * values[name]!, dim.constant);

const some = (n: number): Dim[] => {
  const roll = dice(20231);
  return Array.from({ length: n }, () => {
    let dim: Dim = roll(13) - 6;
    for (const name of ["B", "N", "batch_2"]) if (roll(2)) dim = addDims(dim, symbol(name), roll(9) - 4);
    return dim;
  });
};

describe("a dimension", () => {
  const values = { B: 7, N: 1000, batch_2: 31 };
  const dims = some(60);

  test("is read back as it was written", () => {
    for (const dim of dims) expect(parseDim(printDim(dim))).toEqual(dim);
  });

  test.each([
    [12, "12"],
    [-3, "-3"],
    [0, "0"],
    [symbol("B"), "B"],
    [addDims(1, symbol("B"), 2), "2*B+1"],
    [addDims(-1, symbol("B"), -1), "-B-1"],
    [addDims(symbol("N"), symbol("B"), 3), "3*B+N"],
  ])("%j is written %s", (dim, text) => {
    expect(printDim(dim)).toBe(text);
  });

  test.each(["", "+", "B*2", "2**B", "B+", "B++1", "a b", "2.5", "B*N", "(B)", "2*"])(
    "is not read from %j",
    (text) => {
      expect(() => parseDim(text)).toThrow(SyntaxError);
    },
  );

  test("adds, multiplies and divides like the numbers that it stands for", () => {
    for (const a of dims) {
      for (const b of dims) {
        for (const scale of [1, -1, 3])
          expect(at(addDims(a, b, scale), values)).toBe(at(a, values) + scale * at(b, values));
        const product = mulDims(a, b);
        if (product !== undefined) expect(at(product, values)).toBe(at(a, values) * at(b, values) + 0);
        expect(product === undefined).toBe(typeof a !== "number" && typeof b !== "number");
      }
      for (const k of [1, 2, 3, -2]) {
        expect(divideDim(mulDims(a, k)!, k)).toEqual(a);
        const quotient = divideDim(a, k);
        if (quotient !== undefined) expect(at(quotient, values) * k).toBe(at(a, values));
      }
    }
  });

  test("is a number again where its symbols cancel", () => {
    const b = addDims(5, symbol("B"), 2);
    expect(addDims(b, symbol("B"), -2)).toBe(5);
    expect(mulDims(b, 0)).toBe(0);
  });

  test("does not divide where a coefficient does not", () => {
    expect(divideDim(addDims(4, symbol("B"), 3), 2)).toBeUndefined();
    expect(divideDim(addDims(3, symbol("B"), 4), 2)).toBeUndefined();
    expect(divideDim(8, 0)).toBeUndefined();
  });

  test("equals another one exactly where no value of the symbols tells them apart", () => {
    const others = [
      values,
      { B: 8, N: 1000, batch_2: 31 },
      { B: 7, N: 999, batch_2: 31 },
      { B: 7, N: 1000, batch_2: 3 },
    ];
    for (const a of dims)
      for (const b of dims) expect(sameDim(a, b)).toBe(others.every((v) => at(a, v) === at(b, v)));
  });

  test("multiplies over a shape while at most one size is not a number", () => {
    expect(productOfDims([])).toBe(1);
    expect(productOfDims([2, symbol("B"), 3])).toEqual(addDims(0, symbol("B"), 6));
    expect(productOfDims([symbol("N"), symbol("B")])).toBeUndefined();
  });
});
