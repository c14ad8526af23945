/** @file The tokens of a Python file, as far as settings need them: names, numbers, texts, operators and the ends of lines. */
export interface Token {
  readonly kind: "name" | "number" | "text" | "operator" | "line" | "end";
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Of numbers and texts. */
  readonly value?: number | string;
}

const BLANK = /(?:[ \t\f\r]|\\\r?\n|#[^\n]*)+/y;
const NUMBER = /(?:0[xob][\da-f_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?)(?![\w.])/iy;
const NAME = /[A-Za-z_]\w*/y;
const TEXT = /([rub]?)("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*')/iy;
const OPERATOR = /\*\*|\/\/|[\s\S]/y;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "\n": "" };

/** The tokens of a file's text; within brackets a line does not end. A sign that Python does not know is an operator as well. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let [at, depth] = [text.startsWith("\ufeff") ? 1 : 0, 0];
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const push = (kind: Token["kind"], end: number, value?: number | string) => {
    tokens.push({ kind, text: text.slice(at, end), start: at, end, ...(value !== undefined && { value }) });
    at = end;
  };
  const isLineBegun = () => tokens.length > 0 && tokens.at(-1)!.kind !== "line";
  while (at < text.length) {
    const blank = match(BLANK);
    if (blank) at += blank[0].length;
    else if (text[at] === "\n" || text[at] === ";") {
      if (depth === 0 && isLineBegun()) push("line", at + 1);
      else at++;
    } else depth = Math.max(0, depth + one());
  }
  push("end", text.length);
  return tokens;

  /** Takes a token; says whether it opens a bracket, closes one, or neither. */
  function one(): number {
    const [written, number, name] = [match(TEXT), match(NUMBER), match(NAME)];
    if (written) push("text", at + written[0].length, textOf(written[1]!, written[2]!));
    else if (number) push("number", at + number[0].length, Number(number[0].replaceAll("_", "")));
    else if (name) push("name", at + name[0].length);
    else {
      const [operator] = match(OPERATOR)!;
      push("operator", at + operator.length);
      return "([{".includes(operator) ? 1 : ")]}".includes(operator) ? -1 : 0;
    }
    return 0;
  }
}

/** What a text's quotes hold; `\n` and the like in those that are not raw. */
function textOf(prefix: string, quoted: string): string {
  const quotes = /^("""|''')/.test(quoted) ? 3 : 1;
  const inside = quoted.slice(quotes, -quotes);
  return /r/i.test(prefix)
    ? inside
    : inside.replaceAll(/\\([\s\S])/g, (whole, escaped: string) =>
        escaped in ESCAPES ? ESCAPES[escaped]! : /[\\'"]/.test(escaped) ? escaped : whole,
      );
}
