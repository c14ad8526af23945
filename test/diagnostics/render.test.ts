import { describe, expect, test } from "vitest";
import { report } from "#compiler/diagnostics/catalogue";
import type { Diagnostic, Span } from "#compiler/diagnostics/diagnostic";
import { type RenderOptions, renderAll, renderDiagnostic, toJson } from "#compiler/diagnostics/render";

const PATH = "/home/anna/exp.ts";
const ESCAPE = "\u001b";

/** The first occurrence of `piece` in `text`. */
const at = (text: string, piece: string): Span => {
  const start = text.indexOf(piece);
  if (start < 0) throw new Error(`${piece} is not in the text`);
  return { path: PATH, start, end: start + piece.length };
};

const problem = (span: Span | undefined, more: Partial<Diagnostic> = {}): Diagnostic => ({
  code: "F2C0000", // in no catalogue, so it has no line of docs
  severity: "error",
  message: "this is wrong",
  span,
  related: [],
  ...more,
});

const render = (text: string, d: Diagnostic, options: RenderOptions = {}) =>
  renderDiagnostic(d, (path) => (path === PATH ? text : undefined), { show: () => "exp.ts", ...options });

/** The rendered lines, without the header. */
const frame = (text: string, span: Span, options?: RenderOptions) =>
  render(text, problem(span), options).split("\n").slice(1);

/** What stands above the marks: the text of the line in the columns that are marked. */
const marked = (lines: readonly string[], mark = "^") => {
  const row = lines.findIndex((line) => new RegExp(`\\| +\\${mark}+$|\\| \\${mark}+$`).test(line));
  const from = lines[row]!.indexOf(mark);
  return lines[row - 1]!.slice(from, lines[row]!.length);
};

describe("a place in a source", () => {
  test("is shown with its path, line and column, the lines around it, and carets below it", () => {
    const text = "const a = 1;\nconst b = tensor > 0;\nconst c = 2;\n";
    expect(render(text, problem(at(text, "tensor")))).toBe(
      [
        "error F2C0000: this is wrong",
        "  --> exp.ts:2:11",
        "   |",
        " 1 | const a = 1;",
        " 2 | const b = tensor > 0;",
        "   |           ^^^^^^",
        " 3 | const c = 2;",
        "   |",
      ].join("\n"),
    );
  });

  test("over several lines is marked on each, from the code on", () => {
    const text = "f(\n  a,\n\n  b,\n);\n";
    expect(frame(text, at(text, "f(\n  a,\n\n  b,\n)"))).toEqual([
      "  --> exp.ts:1:1",
      "   |",
      " 1 | f(",
      "   | ^^",
      " 2 |   a,",
      "   |   ^^",
      " 3 |",
      " 4 |   b,",
      "   |   ^^",
      " 5 | );",
      "   | ^",
      " 6 |",
      "   |",
    ]);
  });

  test("over many lines is shown from both ends", () => {
    const text = Array.from({ length: 12 }, (_, i) => `line${i + 1}`).join("\n");
    const shown = frame(text, { path: PATH, start: 0, end: text.length });
    expect(shown.filter((line) => line.includes("line"))).toEqual([
      "  1 | line1",
      "  2 | line2",
      "  3 | line3",
      "  … | 6 lines",
      " 10 | line10",
      " 11 | line11",
      " 12 | line12",
    ]);
  });

  test("that ends with a line break is not marked on the next line", () => {
    const text = "let a;\nlet b;\n";
    expect(frame(text, at(text, "let a;\n")).filter((line) => line.includes("^"))).toEqual(["   | ^^^^^^"]);
  });

  test("that is empty gets one caret, at the end of the file too", () => {
    const end = { path: PATH, start: 6, end: 6 };
    expect(frame("let a;", end)).toEqual(["  --> exp.ts:1:7", "   |", " 1 | let a;", "   |       ^", "   |"]);
    expect(frame("", { path: PATH, start: 0, end: 0 })[0]).toBe("  --> exp.ts:1:1");
  });

  test("beyond the end of a text that has changed since is shown at its end", () => {
    expect(frame("let a;", { path: PATH, start: 50, end: 60 })[0]).toBe("  --> exp.ts:1:7");
  });

  test.each([
    ["\n", "Unix"],
    ["\r\n", "Windows"],
    ["\r", "old Macintosh"],
  ])("counts lines that end with %j (%s)", (end) => {
    const text = ["let a;", "let b;", "let c;"].join(end);
    const lines = frame(text, at(text, "b"));
    expect(lines[0]).toBe("  --> exp.ts:2:5");
    expect(lines).toContain(" 2 | let b;");
  });

  test("in a source that is not known is a path alone", () => {
    expect(frame("", { path: "/elsewhere.ts", start: 3, end: 4 })).toEqual(["  --> exp.ts"]);
  });
});

describe("carets stand below their text", () => {
  test("behind tabs, which take two columns", () => {
    const text = "\t\tlet\tbad = 1;";
    const lines = frame(text, at(text, "bad"));
    expect(lines[2]).toBe(" 1 |     let  bad = 1;");
    expect(lines[3]).toBe("   |          ^^^");
  });

  test.each([
    ["const 名前 = bad;", 13], // "const " 6, two wide characters 4, " = " 3
    ["const s = '😀' + bad;", 17], // "const s = '" 11, one wide 2, "' + " 4
    ["const s = '👩‍👩‍👧' + bad;", 17], // a family is one wide sign of five code points
    ["const s = 'e\u0301' + bad;", 16], // an accent of its own takes no column
    ["const s = '한' + bad;", 17],
    ["const s = '\u0007' + bad;", 16], // a bell is shown as its picture
  ])("behind %s", (text, column) => {
    const lines = frame(text, at(text, "bad"));
    expect(lines[3]).toBe(`   | ${" ".repeat(column)}^^^`);
  });

  test("and are as wide as wide characters", () => {
    const text = "const 名前 = 1;";
    expect(frame(text, at(text, "名前"))[3]).toBe("   |       ^^^^");
  });
});

describe("a narrow terminal", () => {
  const long = `${"before, ".repeat(20)}target(x)${", after".repeat(20)};`;

  test("shows the part of a long line that matters, at every width", () => {
    for (let width = 40; width < 200; width += 7) {
      const lines = frame(long, at(long, "target(x)"), { width });
      expect(marked(lines)).toBe("target(x)");
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
    }
  });

  test("says with … what it left out on either side", () => {
    const code = frame(long, at(long, "target(x)"), { width: 60 })[2]!;
    expect(code).toMatch(/^ 1 \| ….*target\(x\).*…$/);
  });

  test("never splits a wide character in the middle", () => {
    const wide = `${"顔".repeat(60)}bad${"顔".repeat(60)}`;
    for (let width = 40; width < 60; width++) {
      const lines = frame(wide, at(wide, "bad"), { width });
      const columns = [...lines[2]!].reduce((sum, c) => sum + (c === "顔" ? 2 : 1), 0);
      expect(columns).toBeLessThanOrEqual(width);
      const before = lines[2]!.slice(0, lines[2]!.indexOf("bad"));
      expect(lines[3]!.indexOf("^")).toBe([...before].reduce((sum, c) => sum + (c === "顔" ? 2 : 1), 0));
    }
  });

  test("gets messages and hints in lines that fit, indented under their beginning", () => {
    const text = render("", problem(undefined, { hint: "one two three four five six seven eight nine" }), {
      width: 40,
    });
    expect(text.split("\n").slice(1)).toEqual([
      "  help: one two three four five six",
      "        seven eight nine",
    ]);
  });

  test("a message of several lines keeps them", () => {
    expect(render("", problem(undefined, { message: "it wrote:\n  one  two\nthree" }))).toBe(
      "error F2C0000: it wrote:\n    one  two\n  three",
    );
  });
});

describe("what stands beside the place", () => {
  const text = "const scale = 32;\nconst x = scale(y);\n";
  const d = problem(at(text, "scale(y)"), {
    related: [{ message: "declared here", span: at(text, "scale") }],
    hint: "remove the parentheses",
    url: "https://example.org/F2C0000",
  });

  test("related places have frames of their own, then come hint and docs", () => {
    expect(render(text, d).split("\n").slice(7)).toEqual([
      "   |",
      "  note: declared here",
      "  --> exp.ts:1:7",
      "   |",
      " 1 | const scale = 32;",
      "   |       -----",
      "  help: remove the parentheses",
      "  docs: https://example.org/F2C0000",
    ]);
  });

  test("all frames of a diagnostic share one gutter", () => {
    const lines = `${"\n".repeat(119)}far(near);`;
    const near = { path: PATH, start: 0, end: 0 };
    const shown = render(lines, problem(at(lines, "far"), { related: [{ message: "m", span: near }] }));
    const bars = shown.split("\n").filter((line) => line.includes("|"));
    expect(new Set(bars.map((line) => line.indexOf("|")))).toEqual(new Set([5]));
  });

  test("a code of the catalogue leads to its explanation", () => {
    const told = report("no-loss", undefined, { what: "nothing" });
    expect(render("", told).split("\n").at(-1)).toBe("  more: f2c-dsl explain F2C3014");
    expect(render("", { ...told, url: undefined })).toBe(render("", told));
  });

  test("colours change nothing but the colours", () => {
    const coloured = render(text, d, { color: true });
    expect(coloured).toContain("\u001b[1;31merror\u001b[0m");
    expect(coloured.replaceAll(new RegExp(`${ESCAPE}\\[[\\d;]*m`, "g"), "")).toBe(render(text, d));
  });

  test("links are escape sequences around the path and the address", () => {
    const linked = render(text, d, { links: true });
    expect(linked).toContain("\u001b]8;;file:///home/anna/exp.ts\u001b\\exp.ts:2:11\u001b]8;;\u001b\\");
    expect(linked.replaceAll(new RegExp(`${ESCAPE}\\]8;;[^${ESCAPE}]*${ESCAPE}\\\\`, "g"), "")).toBe(
      render(text, d),
    );
  });

  test("a source cannot send control sequences to the terminal", () => {
    const hostile = "const a = '\u001b[2J\u009b31m'; // \u007f";
    const shown = render(hostile, problem(at(hostile, "a"), { message: "\u001b[2J", hint: "\u0007" }), {
      show: () => "\u001b]0;title\u0007.ts",
    });
    expect(shown.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });
});

describe("all diagnostics together", () => {
  const warning = problem(undefined, { severity: "warning" });

  test.each([
    [[problem(undefined)], "1 error"],
    [[problem(undefined), problem(undefined), warning], "2 errors, 1 warning"],
    [[warning, warning], "2 warnings"],
    [[], "no errors"],
  ])("end with how many there are (%#)", (list, total) => {
    const text = renderAll(list, () => undefined);
    expect(text.trimEnd().split("\n").at(-1)).toBe(total);
    expect(text.endsWith("\n")).toBe(true);
  });

  test("as JSON carry lines and columns beside the offsets", () => {
    const text = "const a = 1;\nconst b = tensor > 0;\n";
    const span = at(text, "tensor");
    const d = report(
      "condition-on-tensor",
      span,
      { expression: "`tensor`", operand: "a tensor" },
      { related: [{ message: "m", span }] },
    );
    const json = toJson([d, warning], () => text);
    const place = { ...span, from: { line: 2, column: 11 }, to: { line: 2, column: 17 } };
    expect(json).toMatchObject({
      errors: 1,
      warnings: 1,
      diagnostics: [
        {
          code: "F2C1015",
          name: "condition-on-tensor",
          span: place,
          related: [{ message: "m", span: place }],
        },
        { code: "F2C0000", severity: "warning" },
      ],
    });
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
    expect(toJson([d]).diagnostics[0]!.span).toEqual(span);
  });
});
