/**
 * @file Settings of a Python file that only sets values, `config.lr = 0.1`: read as text and never run. What is known of Python:
 *
 *     statement = import … | from … | "text" | name = edict() | name = value | config.name = value
 *     value     = product {(+ | -) product};  product = sign {(* | / | // | %) sign};  sign = {+ | -} power;  power = one [** sign]
 *     one       = number | text | True | False | None | name | config.name | (value) | (value, …) | [value, …]
 */
import { report } from "../../compiler/diagnostics/catalogue.js";
import { CompileError } from "../../compiler/diagnostics/compile-error.js";
import { type Token, tokensOf } from "./python-tokens.js";

export type PythonValue = number | string | boolean | null | readonly PythonValue[];

/** A file's text, with the path by which errors name it. */
export interface PythonFile {
  readonly path: string;
  readonly text: string;
}

/** An option as the file sets it. */
export interface Setting {
  readonly value: PythonValue;
  /** As it is written: `config.num_epoch // 10`. */
  readonly written: string;
  readonly file: PythonFile;
  readonly start: number;
  readonly end: number;
}

export type Settings = ReadonlyMap<string, Setting>;

/** What a file sets, by option; of one that is set twice the last. Throws F2C2541 at the first statement that sets nothing. */
export const settingsIn = (file: PythonFile): Settings => new Reader(file).settings();

/** `problem` at a place in a file, as an error to be thrown. */
export function notRead(
  file: PythonFile,
  { start, end }: { readonly start: number; readonly end: number },
  problem: string,
): CompileError {
  const span = { path: file.path, start, end };
  return new CompileError(
    [report("settings-not-read", span, { problem })],
    new Map([[file.path, file.text]]),
  );
}

const CONSTANTS: Readonly<Record<string, PythonValue>> = { True: true, False: false, None: null };
const DICTIONARIES = ["edict", "EasyDict", "dict"];

class Reader {
  private readonly tokens: readonly Token[];
  private at = 0;
  private readonly found = new Map<string, Setting>();
  private readonly variables = new Map<string, PythonValue>();
  /** What the settings hang on: `config`. */
  private home: string | undefined;

  constructor(private readonly file: PythonFile) {
    this.tokens = tokensOf(file.text);
  }

  settings(): Settings {
    while (this.next.kind !== "end") this.statement();
    return this.found;
  }

  private get next(): Token {
    return this.tokens[this.at]!;
  }

  private take(text: string): boolean {
    const found = this.next.kind === "operator" && this.next.text === text;
    if (found) this.at++;
    return found;
  }

  private refuse(problem: string, from: Token = this.next): never {
    const last = this.tokens[Math.max(this.at, this.tokens.indexOf(from))]!;
    throw notRead(this.file, { start: from.start, end: Math.max(from.end, last.end) }, problem);
  }

  private statement(): void {
    const first = this.next;
    if (first.kind === "text") this.value();
    else if (first.kind !== "name") this.refuse("no setting begins like this");
    else if (first.text === "import" || first.text === "from") this.skipLine();
    else this.assignment(first);
    if (this.next.kind === "line") this.at++;
    else if (this.next.kind !== "end") this.refuse(`\`${this.next.text}\` is not read here`);
  }

  private skipLine(): void {
    while (this.next.kind !== "line" && this.next.kind !== "end") this.at++;
  }

  private assignment(first: Token): void {
    this.at++;
    const option = this.take(".") ? this.name("an option's name is missing") : undefined;
    if (!this.take("=")) this.refuse(`\`${this.line(first)}\` sets no option`, first);
    if (option === undefined && this.isDictionary()) {
      this.home = first.text;
      return;
    }
    const start = this.next.start;
    const value = this.value();
    const end = this.tokens[this.at - 1]!.end;
    if (option === undefined) {
      this.variables.set(first.text, value);
      return;
    }
    if (first.text !== this.home)
      this.refuse(`\`${first.text}\` is no \`edict()\` that the file made before`, first);
    const written = this.file.text.slice(start, end).replaceAll(/\s+/g, " ");
    this.found.set(option.text, { value, written, file: this.file, start: first.start, end });
  }

  /** Takes `edict()`. */
  private isDictionary(): boolean {
    const [name, open, close] = this.tokens.slice(this.at);
    const found = DICTIONARIES.includes(name!.text) && open?.text === "(" && close?.text === ")";
    if (found) this.at += 3;
    return found;
  }

  private name(problem: string): Token {
    const name = this.next;
    if (name.kind !== "name") this.refuse(problem);
    this.at++;
    return name;
  }

  /** The statement that begins with a token, as it is written. */
  private line(first: Token): string {
    return this.file.text.slice(first.start).split("\n", 1)[0]!.trim();
  }

  private value(): PythonValue {
    const first = this.next;
    let value = this.product();
    for (;;) {
      if (this.take("+")) value = this.computed(first, value, this.product(), (a, b) => a + b);
      else if (this.take("-")) value = this.computed(first, value, this.product(), (a, b) => a - b);
      else return value;
    }
  }

  private product(): PythonValue {
    const first = this.next;
    let value = this.sign();
    for (;;) {
      if (this.take("*")) value = this.computed(first, value, this.sign(), (a, b) => a * b);
      else if (this.take("//")) value = this.computed(first, value, this.sign(), (a, b) => Math.floor(a / b));
      else if (this.take("/")) value = this.computed(first, value, this.sign(), (a, b) => a / b);
      else if (this.take("%"))
        value = this.computed(first, value, this.sign(), (a, b) => a - b * Math.floor(a / b));
      else return value;
    }
  }

  private sign(): PythonValue {
    const first = this.next;
    if (this.take("-")) return this.computed(first, 0, this.sign(), (_, b) => -b);
    if (this.take("+")) return this.computed(first, 0, this.sign(), (_, b) => b);
    const base = this.one();
    return this.take("**") ? this.computed(first, base, this.sign(), (a, b) => a ** b) : base;
  }

  private computed(
    first: Token,
    a: PythonValue,
    b: PythonValue,
    compute: (a: number, b: number) => number,
  ): number {
    const value = typeof a === "number" && typeof b === "number" ? compute(a, b) : Number.NaN;
    if (!Number.isFinite(value)) this.refuse("this is no arithmetic of finite numbers", first);
    return value;
  }

  private one(): PythonValue {
    const token = this.next;
    if (token.kind === "number" || token.kind === "text") {
      this.at++;
      let { value } = token;
      while (token.kind === "text" && this.next.kind === "text") {
        value = `${value}${this.next.value}`;
        this.at++;
      }
      return value!;
    }
    if (this.take("(")) return this.list(")");
    if (this.take("[")) return this.list("]");
    return this.named(this.name("a value is missing, or is of a kind that is not read"));
  }

  /** What stands between brackets: several values, or one in parentheses. */
  private list(close: ")" | "]"): PythonValue {
    const values: PythonValue[] = [];
    let isSeveral = close === "]";
    while (!this.take(close)) {
      values.push(this.value());
      if (this.take(",")) isSeveral = true;
      else if (this.next.text !== close) this.refuse(`\`${close}\` or \`,\` is missing`);
    }
    return isSeveral || values.length !== 1 ? values : values[0]!;
  }

  private named(name: Token): PythonValue {
    const option =
      name.text === this.home && this.take(".") ? this.name("an option's name is missing") : undefined;
    if (this.next.text === "(" || this.next.text === "[" || this.next.text === ".")
      this.refuse(`\`${this.file.text.slice(name.start, this.next.end)}…\` would have to be run`, name);
    const value =
      option !== undefined
        ? this.found.get(option.text)?.value
        : Object.hasOwn(CONSTANTS, name.text)
          ? CONSTANTS[name.text]
          : this.variables.get(name.text);
    if (value === undefined)
      this.refuse(`\`${this.file.text.slice(name.start, (option ?? name).end)}\` is not set before`, name);
    return value;
  }
}
