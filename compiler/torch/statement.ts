/** @file Python statements, as little of them as generated functions need, and how they print. */
import type { Location } from "../ir/module.js";

/** A line, or with `body` the head of a block; `otherwise` is the `else` of an `if`. */
export interface Statement {
  readonly text: string;
  /** Where in the sources it comes from. */
  readonly location: Location;
  readonly body?: readonly Statement[];
  readonly otherwise?: readonly Statement[];
}

export const assign = (target: string, text: string, location: Location): Statement => ({
  text: `${target} = ${text}`,
  location,
});

/** A block that would be empty holds `pass`. */
export const orPass = (body: readonly Statement[], location: Location): readonly Statement[] =>
  body.length ? body : [{ text: "pass", location }];

/** A comment to stand above a statement; `undefined` for none. */
export type Remark = (statement: Statement) => string | undefined;

const INDENT = "    ";

/** Statements as Python's `ast.unparse` prints them, below `remark`'s comments. */
export function printStatements(
  statements: readonly Statement[],
  remark: Remark = () => undefined,
  indent = "",
): readonly string[] {
  return statements.flatMap((statement) => printStatement(statement, remark, indent));
}

function printStatement(
  statement: Statement,
  remark: Remark,
  indent: string,
  keyword = "",
): readonly string[] {
  const said = remark(statement);
  const { text, body, otherwise } = statement;
  const inside = (statements: readonly Statement[]) => printStatements(statements, remark, indent + INDENT);
  return [
    ...(said === undefined ? [] : [`${indent}# ${said}`]),
    `${indent}${keyword}${text}${body ? ":" : ""}`,
    ...(body ? inside(body) : []),
    ...(otherwise ? printElse(otherwise, inside, remark, indent) : []),
  ];
}

/** An `else` that holds nothing but an `if` is an `elif`. */
function printElse(
  otherwise: readonly Statement[],
  inside: (statements: readonly Statement[]) => readonly string[],
  remark: Remark,
  indent: string,
): readonly string[] {
  const [only] = otherwise;
  if (otherwise.length === 1 && only?.otherwise) return printStatement(only, remark, indent, "el");
  return [`${indent}else:`, ...inside(otherwise)];
}
