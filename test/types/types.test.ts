/**
 * What the public types accept and refuse, in programs that import the built package as a user's editor does. In
 * `rejected/`, a line `// error: text` says that the next line has one error, whose message contains the text.
 */
import { readdirSync } from "node:fs";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { editorOptions, root } from "./editor.js";

const folder = (name: string) =>
  readdirSync(`${root}test/types/${name}`)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `${root}test/types/${name}/${file}`);
const [accepted, rejected] = [folder("accepted"), folder("rejected")];
const program = ts.createProgram([...accepted, ...rejected], editorOptions);

interface Report {
  readonly line: number;
  readonly message: string;
}
const reports = (path: string): Report[] => {
  const file = program.getSourceFile(path)!;
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((d) => ({
    line: file.getLineAndCharacterOfPosition(d.start!).line,
    message: ts.flattenDiagnosticMessageText(d.messageText, "\n"),
  }));
};
const nameOf = (path: string) => path.split("/").pop()!;

describe("the public types accept", () => {
  test.each(accepted.map((path) => [nameOf(path), path]))("%s", (_, path) => {
    expect(reports(path)).toEqual([]);
  });

  test("the options that this test compiles with", () => {
    expect(program.getOptionsDiagnostics()).toEqual([]);
    expect(program.getSourceFiles().some((f) => f.fileName.endsWith("dist/dsl/core/tensor.d.ts"))).toBe(true);
  });
});

const expectations = rejected.flatMap((path) =>
  program
    .getSourceFile(path)!
    .text.split("\n")
    .flatMap((text, i) => {
      const said = /^\s*\/\/ error: (.+)$/.exec(text)?.[1];
      return said === undefined ? [] : [{ path, line: i + 1, said, at: `${nameOf(path)}:${i + 2}` }];
    }),
);

describe("the public types refuse", () => {
  test.each(expectations)("$at: $said", ({ path, line, said }) => {
    const there = reports(path).filter((r) => r.line === line);
    expect(there.map((r) => r.message)).toEqual([expect.stringContaining(said)]);
  });

  test.each(rejected.map((path) => [nameOf(path), path]))("%s nowhere else", (_, path) => {
    const lines = expectations.filter((e) => e.path === path).map((e) => e.line);
    expect(reports(path).filter((r) => !lines.includes(r.line))).toEqual([]);
  });

  test("in words that fit into an editor's tooltip", () => {
    for (const { line, message } of rejected.flatMap(reports)) {
      // On two generic sizes TypeScript has two more lines of its own.
      const lines = message.includes("could be instantiated") ? 5 : 3;
      expect(message.split("\n").length, `line ${line + 1}: ${message}`).toBeLessThanOrEqual(lines);
      expect(message.length, message).toBeLessThan(1000);
    }
  });
});
