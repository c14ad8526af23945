import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CATALOGUE, type CatalogueEntry, docsOf, nameOf, report } from "#compiler/diagnostics/catalogue";
import { CompileError, DiagnosticSink } from "#compiler/diagnostics/sink";
import { diagnosticsMarkdown } from "#compiler/diagnostics/write-docs";

const root = new URL("../../", import.meta.url).pathname;
const entries = Object.entries<CatalogueEntry>(CATALOGUE);
const span = (path: string, start: number, end = start + 1) => ({ path, start, end });

/** The texts of all sources but the catalogue itself. */
function* sources(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (path.endsWith(join("compiler", "diagnostics"))) continue;
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (/\.(ts|py)$/.test(name)) yield readFileSync(path, "utf8");
  }
}

const text = ["dsl", "compiler", "runtime", "python-host/src"]
  .flatMap((folder) => [...sources(join(root, folder))])
  .join("\n");

describe("the catalogue", () => {
  test("knows every code that the sources raise", () => {
    const raised = new Set(text.match(/F2C[1-9]\d{3}/g));
    expect([...raised].filter((code) => nameOf(code) === undefined)).toEqual([]);
  });

  test("holds no code that nothing raises", () => {
    const idle = entries.filter(([name, { code }]) => !text.includes(code) && !text.includes(`"${name}"`));
    expect(idle.map(([name]) => name)).toEqual([]);
  });

  test("gives every code one meaning", () => {
    expect(new Set(entries.map(([, { code }]) => code)).size).toBe(entries.length);
  });

  test("has a remedy for everything that is wrong", () => {
    const helpless = entries.filter(
      ([, { hint, remedy, why }]) => hint === undefined && remedy === undefined && !/our fault/i.test(why),
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
        method: "add",
      }),
    ).toEqual({
      code: "F2C1013",
      severity: "error",
      message: "+ is for numbers, and `x` is a tensor",
      span: place,
      related: [],
      hint: "use the method: x.add(y)",
      url: "docs/diagnostics.md#f2c1013-operator-on-tensor",
    });
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
      () => report("operator-on-tensor", undefined, { operator: "+", operand: "a tensor" }),
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
    sink.report("unknown-name", span("b.ts", 5), { name: "late" });
    sink.report("unknown-name", span("b.ts", 2), { name: "early" });
    sink.report("unknown-name", span("b.ts", 5), { name: "late" });
    sink.report("unknown-name", span("a.ts", 9), { name: "first" });
    sink.report("no-net", undefined, { found: "`bank`" });
    sink.report("no-loss", span("b.ts", 5), { what: "nothing" });
    expect(sink.diagnostics.map((d) => d.message.match(/`(\w+)`/)?.[1] ?? d.code)).toEqual([
      "bank",
      "first",
      "early",
      "late",
      "loss",
    ]);
  });

  test("two problems at one place are two", () => {
    const sink = new DiagnosticSink();
    sink.report("unknown-name", span("a.ts", 1), { name: "x" });
    sink.report("unknown-name", span("a.ts", 1), { name: "y" });
    expect(sink.diagnostics).toHaveLength(2);
  });

  test("throws when it holds an error, with the warnings as well; not for warnings alone", () => {
    const sink = new DiagnosticSink();
    const warning = { ...report("no-net", undefined, { found: "nothing" }), severity: "warning" as const };
    sink.add(warning);
    expect(sink.hasErrors).toBe(false);
    sink.throwIfErrors();
    sink.report("no-loss", undefined, { what: "nothing" });
    expect(sink.hasErrors).toBe(true);
    const texts = new Map([["exp.ts", "text"]]);
    let thrown: unknown;
    try {
      sink.throwIfErrors(texts);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(CompileError);
    expect((thrown as CompileError).diagnostics.map((d) => d.code)).toEqual(["F2C2106", "F2C3014"]);
    expect((thrown as CompileError).texts).toBe(texts);
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
      `### F2C1015 condition-on-tensor

    error F2C1015: ‹expression› is ‹operand›, which cannot be a condition: its values are known only on the device

A branch on a tensor would have to wait for the device and read a value back in every step.

**Remedy.** Choose element by element with ops.where(condition, a, b), or decide in the plan and pass a boolean.`,
    );
  });

  test("leave no parameter unfilled", () => {
    expect(markdown).not.toMatch(/\{\w+(:number)?\}/);
  });
});
