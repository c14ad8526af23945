/**
 * @file Syntax that has no visitor, each refused under its own name.
 *
 *     TypeScript in    refused
 *     await x          F2C1003 `await` cannot be compiled
 *     try { … }        F2C1023 `try` cannot be compiled
 */
import type { PlainName } from "../../../diagnostics/catalogue.js";
import { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { isGlobal, refuseUnrepeatable } from "../refusals/once.js";
import { AlreadyRefused } from "../refusals/refusal.js";
import type { Scope } from "../values/operand.js";

const K = ts.SyntaxKind;

const REFUSED: Partial<Record<ts.SyntaxKind, PlainName>> = {
  [K.AwaitExpression]: "async-function.await",
  [K.YieldExpression]: "async-function.yield",
  [K.NewExpression]: "new-expression",
  [K.ThisKeyword]: "this-expression",
  [K.RegularExpressionLiteral]: "regular-expression",
  [K.BigIntLiteral]: "unsupported-syntax.bigint",
  [K.ImportKeyword]: "unsupported-syntax.import",
  [K.MetaProperty]: "unsupported-syntax.meta",
  [K.ClassExpression]: "class-declaration",
  [K.DeleteExpression]: "delete-expression",
  [K.TaggedTemplateExpression]: "tagged-template",
  [K.TypeOfExpression]: "typeof-expression",
  [K.TryStatement]: "try-statement",
  [K.ThrowStatement]: "throw-statement",
  [K.SwitchStatement]: "switch-statement",
  [K.ClassDeclaration]: "class-declaration",
  [K.ForInStatement]: "for-in-statement",
  [K.LabeledStatement]: "label",
  [K.DoStatement]: "do-statement",
  [K.WithStatement]: "unsupported-syntax.with",
  [K.EnumDeclaration]: "unsupported-syntax.enum",
  [K.DebuggerStatement]: "unsupported-syntax.debugger",
};

export function unsupportedExpression(lowering: Lowering, node: ts.Expression, scope: Scope): never {
  if (ts.isNewExpression(node) && isGlobal(node.expression, "Date", scope))
    refuseUnrepeatable(lowering, node, "new Date");
  if (
    ts.isNewExpression(node) &&
    ts.isIdentifier(node.expression) &&
    scope.find(node.expression.text)?.current.kind === "poison"
  )
    throw new AlreadyRefused();
  return lowering.refuse(node, REFUSED[node.kind] ?? "unsupported-syntax.expression", {});
}

export const unsupportedStatement = (lowering: Lowering, node: ts.Statement): never =>
  lowering.refuse(node, REFUSED[node.kind] ?? "unsupported-syntax.statement", {});
