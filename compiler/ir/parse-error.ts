/** @file What is wrong with a text of the IR, and where. */

/** A text that is not of the text form. Lines and columns count from 1, columns in UTF-16 units. */
export class ParseError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(
    readonly path: string,
    text: string,
    readonly offset: number,
    /** What was expected there, or what is wrong with the text. */
    readonly problem: string,
  ) {
    const before = text.slice(0, offset).split("\n");
    const [line, column] = [before.length, before.at(-1)!.length + 1];
    super(`${path}:${line}:${column}: ${problem}`);
    this.name = "ParseError";
    this.line = line;
    this.column = column;
  }
}
