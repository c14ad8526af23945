import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import {
  CATALOGUE,
  type CatalogueEntry,
  docsOf,
  nameOf,
  report,
  wordingsOf,
} from "#compiler/diagnostics/catalogue";
import { DiagnosticSink } from "#compiler/diagnostics/sink";
import { diagnosticsMarkdown } from "#compiler/diagnostics/write-docs";

const root = new URL("../../", import.meta.url).pathname;
const entries = Object.entries<CatalogueEntry>(CATALOGUE);
const span = (path: string, start: number, end = start + 1) => ({ path, start, end });

/** All sources but the catalogue itself, by their paths. */
function* sources(folder: string): Generator<readonly [path: string, text: string]> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (/\/(compiler|dsl)\/diagnostics$/.test(path)) continue;
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (/\.(ts|py)$/.test(name)) yield [path, readFileSync(path, "utf8")];
  }
}

const files = ["dsl", "compiler", "runtime", "python-host/src"].flatMap((folder) => [
  ...sources(join(root, folder)),
]);
const text = files.map(([, source]) => source).join("\n");

/** The texts that a TypeScript source holds, in quotes of any kind. */
function stringsIn(path: string, source: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, source, ts.ScriptTarget.ES2022));
  return found;
}

describe("the catalogue", () => {
  test("knows every code that the sources raise", () => {
    const raised = new Set(text.match(/F2C[1-9]\d{3}/g));
    expect([...raised].filter((code) => nameOf(code) === undefined)).toEqual([]);
  });

  test("is the only place where TypeScript writes a code: everything else says names, which are types", () => {
    const codes = files
      .filter(([path, source]) => path.endsWith(".ts") && source.includes("F2C"))
      .flatMap(([path, source]) =>
        stringsIn(path, source).flatMap((s) => (/^F2C\d{4}$/.test(s) ? [`${path}: ${s}`] : [])),
      );
    expect(codes).toEqual([]);
  });

  test("holds no code, and no way to say one, that nothing raises", () => {
    const idle = entries.flatMap(([name, { code, message, cases = {} }]) => [
      ...(message === undefined || text.includes(`"${name}"`) || text.includes(code) ? [] : [name]),
      ...Object.keys(cases)
        .filter((one) => !text.includes(`"${name}.${one}"`))
        .filter((one) => !(text.includes(`\`${name}.\${`) && text.includes(`"${one}"`)))
        .map((one) => `${name}.${one}`),
    ]);
    expect(idle).toEqual([]);
  });

  test("gives every code one meaning", () => {
    expect(new Set(entries.map(([, { code }]) => code)).size).toBe(entries.length);
  });

  test("has a remedy for everything that is wrong", () => {
    const helpless = entries.filter(
      ([, entry]) =>
        entry.remedy === undefined &&
        !/our fault/i.test(entry.why) &&
        wordingsOf(entry).some(({ hint }) => hint === undefined),
    );
    expect(helpless.map(([name]) => name)).toEqual([]);
  });
});

describe("a report", () => {
  test("fills in the parameters of message and hint, and says where the code is explained", () => {
    const place = span("exp.ts", 3);
    expect(
      report("operator-on-tensor", place, {
        operator: "+",
        kinds: "numbers",
        expression: "`x`",
        operand: "a tensor",
      }),
    ).toEqual({
      code: "F2C1013",
      severity: "error",
      message: "+ is for numbers, and `x` is a tensor",
      span: place,
      related: [],
      hint: "use the method: x.add(y) for x + y",
      url: "docs/diagnostics.md#f2c1013-operator-on-tensor",
    });
  });

  test("of a case says what the case says, and for the rest what its entry says", () => {
    const tensor = { expression: "`x`", operand: "a tensor" };
    const ordinary = report("condition-on-tensor", undefined, tensor);
    const inLoop = report("condition-on-tensor.loop", undefined, tensor);
    expect(inLoop).toEqual({
      ...ordinary,
      hint: "count to a value of the plan: for (let i = 0; i < plan.n; i++)",
    });
    const none = report("bad-experiment.no-length", undefined, { name: "tiny" });
    expect([none.code, none.message]).toEqual([
      "F2C2104",
      'experiment "tiny": how long it trains is missing',
    ]);
  });

  test("fills in what stands inside code in braces", () => {
    expect(
      report("assignment-in-place.field", undefined, { target: "`a.b`", record: "a", field: "b" }).hint,
    ).toBe("make a new record: { ...a, b: value }");
  });

  test("takes a remedy for the very case, and related places", () => {
    const related = [{ message: "called from here", span: span("exp.ts", 9) }];
    const d = report("no-net", undefined, { found: "`bank`" }, { hint: "add the net", related });
    expect(d).toMatchObject({ hint: "add the net", related });
    expect(d).not.toHaveProperty("span");
  });

  test("leaves braces around code as they are", () => {
    expect(report("no-default-export", undefined, {}).hint).toBe(
      "end it with: export default experiment({ … })",
    );
  });

  test("does not read parameters in what is filled in", () => {
    expect(report("unknown-name", undefined, { name: "{name} $& $1" }).message).toBe(
      "`{name} $& $1` is not known inside a compiled function",
    );
  });

  test("is checked by the compiler: names, and names and types of parameters", () => {
    // Each line below must be a type error; `npm run typecheck` complains where it is none.
    const wrong = [
      // @ts-expect-error no such diagnostic
      () => report("condition-on-matrix", undefined, {}),
      // @ts-expect-error a parameter is missing
      () => report("condition-on-tensor", undefined, {}),
      // @ts-expect-error the hint's parameter is missing
      () => report("bad-schedule", undefined, { epochs: "3, 2" }),
      // @ts-expect-error a parameter inside code in braces is missing
      () => report("assignment-in-place.field", undefined, { target: "`a.b`", field: "b" }),
      // @ts-expect-error no such case
      () => report("condition-on-tensor.switch", undefined, { expression: "`x`", operand: "a tensor" }),
      // @ts-expect-error it is said by its cases only
      () => report("bad-experiment", undefined, { name: "tiny" }),
      // @ts-expect-error a parameter too many
      () => report("no-default-export", undefined, { name: "x" }),
      // @ts-expect-error a number is asked for
      () => report("loop-too-long", undefined, { turns: "many", most: "few" }),
    ];
    expect(wrong[1]).toThrow("internal: condition-on-tensor is reported without `expression`");
  });
});

describe("a sink", () => {
  test("keeps each diagnostic once, those without a place first, the others by path and position", () => {
    const sink = new DiagnosticSink();
    expect(sink.isEmpty).toBe(true);
    sink.add(report("unknown-name", span("b.ts", 5), { name: "late" }));
    sink.add(report("unknown-name", span("b.ts", 2), { name: "early" }));
    sink.add(report("unknown-name", span("b.ts", 5), { name: "late" }));
    sink.add(report("unknown-name", span("a.ts", 9), { name: "first" }));
    sink.add(report("no-net", undefined, { found: "`bank`" }));
    sink.add(report("no-loss", span("b.ts", 5), { what: "nothing" }));
    expect(sink.diagnostics.map((d) => d.message.match(/`(\w+)`/)?.[1] ?? d.code)).toEqual([
      "bank",
      "first",
      "early",
      "late",
      "loss",
    ]);
    expect(sink.isEmpty).toBe(false);
  });

  test("two problems at one place are two", () => {
    const sink = new DiagnosticSink();
    sink.add(report("unknown-name", span("a.ts", 1), { name: "x" }));
    sink.add(report("unknown-name", span("a.ts", 1), { name: "y" }));
    expect(sink.diagnostics).toHaveLength(2);
  });
});

describe("the docs of the diagnostics", () => {
  const markdown = diagnosticsMarkdown();
  const headings = [...markdown.matchAll(/^### (.*)$/gm)].map(([, heading]) => heading!);

  test("have one section for every code, in order, where docsOf leads to", () => {
    const codes = headings.map((heading) => heading.slice(0, 7));
    expect(codes).toEqual(entries.map(([, { code }]) => code).sort());
    // GitHub's anchor of a heading: lower case, spaces as hyphens.
    const anchors = headings.map((heading) => heading.toLowerCase().replaceAll(" ", "-"));
    expect(anchors.map((a) => `docs/diagnostics.md#${a}`)).toEqual(codes.map((code) => docsOf(code)));
  });

  test("show a message with its parameters, why it is refused, and the remedy", () => {
    expect(markdown).toContain(
      `### F2C1018 index-of-tensor

    error F2C1018: ‹expression› is ‹operand›, which [] cannot index

TypeScript has no indexing for tensors; the methods say which dimension is meant.

**Remedy.** X[0] is x.select(0, 0), x[a:b] is x.slice(0, a, b), x[tensor] is x.index_select(tensor).`,
    );
  });

  test("show what is said in several ways with the hint of each", () => {
    expect(markdown).toContain(
      `### F2C1015 condition-on-tensor

    error F2C1015: ‹expression› is ‹operand›, which cannot be a condition: its values are known only on the device
      help: choose element by element with ops.where(condition, a, b), or decide in the plan and pass a boolean
      help: count to a value of the plan: for (let i = 0; i < plan.n; i++)
      help: tensors of booleans have .logical_‹method›(…); a boolean of the plan chooses with plan.flag ? a : b

A branch on a tensor would have to wait for the device and read a value back in every step.

### F2C1016 not-a-collection`,
    );
  });

  test("are checked in as the catalogue has them", () => {
    expect(readFileSync(join(root, "docs/diagnostics.md"), "utf8")).toBe(markdown);
  });

  test("leave no parameter unfilled", () => {
    expect(markdown).not.toMatch(/\{\w+(:number)?\}/);
  });
});
