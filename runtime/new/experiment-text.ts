/** @file The text of an experiment's file, of parts that say what they import. */

/** Lines of an experiment's options, and what of `f2c-dsl` they use. */
export interface Part {
  readonly uses: readonly string[];
  readonly lines: readonly string[];
}

export const part = (uses: readonly string[], lines: readonly string[]): Part => ({ uses, lines });

/** A text as TypeScript writes it. */
export const textOf = (text: string): string => JSON.stringify(text);

const WIDTH = 100;

/** A remark as lines of comment; code between backquotes stays in one. */
export function wrapped(remark: string): readonly string[] {
  const lines = [""];
  for (const word of remark.match(/(?:`[^`]*`|\S)+/g) ?? []) {
    const last = lines.at(-1)!;
    if (last !== "" && last.length + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.map((line) => `// ${line.replaceAll(/\s/g, " ")}`);
}

/** The file: what it is about, what it imports, what stands before the experiment, and the experiment. */
export function inBrackets(about: string, before: readonly string[], parts: readonly Part[]): string {
  const uses = [...new Set(["experiment", ...parts.flatMap(({ uses }) => uses)])].sort((a, b) =>
    a.localeCompare(b, "en"),
  );
  return [
    ...wrapped(about),
    "import {",
    ...uses.map((name) => `  ${name},`),
    '} from "f2c-dsl";',
    "",
    ...(before.length > 0 ? [...before, ""] : []),
    "export default experiment({",
    ...parts.flatMap(({ lines }) => lines).map((line) => `  ${line}`),
    "});",
    "",
  ].join("\n");
}
