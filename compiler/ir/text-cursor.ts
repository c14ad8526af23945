/** @file A position in a text that advances token by token, and reports what it expected if it cannot. */
import { ParseError } from "./parse-error.js";

/** A token: what it is called in an error, and how it is spelled. */
export interface Token {
  readonly name: string;
  readonly pattern: RegExp;
}

/** A token that is spelled as a regular expression says; `name` is what errors call it. */
export const token = (name: string, spelling: string): Token => ({
  name,
  pattern: new RegExp(spelling, "uy"),
});

const BLANK = /(?:\s|\/\/.*)*/y;
const SHOWN = /[%@]?[\p{L}\p{N}_$.-]+|./uy;

export class TextCursor {
  /** Where the next token begins. */
  at = 0;
  /** Where the last one ended. */
  end = 0;

  constructor(
    readonly path: string,
    readonly text: string,
  ) {
    this.moveTo(0);
  }

  private moveTo(offset: number): void {
    this.end = offset;
    BLANK.lastIndex = offset;
    BLANK.test(this.text);
    this.at = BLANK.lastIndex;
  }

  /** The next token, if it is of that spelling. */
  accept({ pattern }: Token): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.moveTo(this.at + found.length);
    return found;
  }

  expect(wanted: Token): string {
    return this.accept(wanted) ?? this.fail(`expected ${wanted.name}, found ${this.next()}`);
  }

  /** Whether the next token is of that spelling. */
  sees({ pattern }: Token): boolean {
    pattern.lastIndex = this.at;
    return pattern.test(this.text);
  }

  /** Ends with a ParseError, here or at `offset`. */
  fail(problem: string, offset = this.at): never {
    throw new ParseError(this.path, this.text, offset, problem);
  }

  /** The next token, for a message. */
  next(): string {
    SHOWN.lastIndex = this.at;
    const found = SHOWN.exec(this.text)?.[0];
    return found === undefined ? "the end of the text" : JSON.stringify(found.slice(0, 40));
  }

  /** Items between `open` and `close`, with commas between them. */
  list<T>(open: Token, close: Token, item: () => T): readonly T[] {
    this.expect(open);
    const items: T[] = [];
    if (this.accept(close) !== undefined) return items;
    do items.push(item());
    while (this.accept(COMMA) !== undefined);
    if (this.accept(close) === undefined)
      this.fail(`expected a comma or ${close.name}, found ${this.next()}`);
    return items;
  }
}

const COMMA = token("a comma", ",");
