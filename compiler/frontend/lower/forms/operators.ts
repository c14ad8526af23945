/**
 * @file JavaScript's operators: the op of each for run-time scalars, the method of tensors to use instead, what it computes now.
 *
 *     TypeScript in    IR out, for scalars          computed now    for a tensor, refused: use the method
 *     a * b            %c = scalar_mul(%a, %b)      a * b           a.mul(b)
 */
import type { OpName } from "../../../ir/op-name.js";
import { ts } from "../../typescript.js";

const K = ts.SyntaxKind;

/** An operator: its op for run-time scalars, the tensor method to use instead, and what it does to build-time values. */
interface Operator {
  readonly op: OpName;
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: JavaScript's operators take anything
  readonly compute: (a: any, b: any) => unknown;
}

export const OPERATORS: Partial<Record<ts.SyntaxKind, Operator>> = {
  [K.PlusToken]: { op: "scalar_add", method: "add", compute: (a, b) => a + b },
  [K.MinusToken]: { op: "scalar_sub", method: "sub", compute: (a, b) => a - b },
  [K.AsteriskToken]: { op: "scalar_mul", method: "mul", compute: (a, b) => a * b },
  [K.SlashToken]: { op: "scalar_div", method: "div", compute: (a, b) => a / b },
  [K.PercentToken]: { op: "scalar_mod", method: "remainder", compute: (a, b) => a % b },
  [K.AsteriskAsteriskToken]: { op: "scalar_pow", method: "pow", compute: (a, b) => a ** b },
  [K.LessThanToken]: { op: "scalar_lt", method: "lt", compute: (a, b) => a < b },
  [K.LessThanEqualsToken]: { op: "scalar_le", method: "le", compute: (a, b) => a <= b },
  [K.GreaterThanToken]: { op: "scalar_gt", method: "gt", compute: (a, b) => a > b },
  [K.GreaterThanEqualsToken]: { op: "scalar_ge", method: "ge", compute: (a, b) => a >= b },
  [K.EqualsEqualsEqualsToken]: { op: "scalar_eq", method: "eq", compute: (a, b) => a === b },
  // biome-ignore lint/suspicious/noDoubleEquals: it is this operator that is computed
  [K.EqualsEqualsToken]: { op: "scalar_eq", method: "eq", compute: (a, b) => a == b },
  [K.ExclamationEqualsEqualsToken]: { op: "scalar_ne", method: "ne", compute: (a, b) => a !== b },
  // biome-ignore lint/suspicious/noDoubleEquals: it is this operator that is computed
  [K.ExclamationEqualsToken]: { op: "scalar_ne", method: "ne", compute: (a, b) => a != b },
};

/** The operators that assign what they compute. */
export const COMPOUND: Partial<Record<ts.SyntaxKind, ts.SyntaxKind>> = {
  [K.PlusEqualsToken]: K.PlusToken,
  [K.MinusEqualsToken]: K.MinusToken,
  [K.AsteriskEqualsToken]: K.AsteriskToken,
  [K.SlashEqualsToken]: K.SlashToken,
  [K.PercentEqualsToken]: K.PercentToken,
  [K.AsteriskAsteriskEqualsToken]: K.AsteriskAsteriskToken,
};
