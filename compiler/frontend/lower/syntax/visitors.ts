/**
 * @file Which visitor lowers which kind of syntax. The one place that knows all of them; they know each other through `Lowering`.
 *
 *     TypeScript in     visitor      IR out
 *     x.add(y)          call         %z = add(%x, %y)
 *     if (plan.flag)    (the list)   %z = if %flag { … } else { … }
 */
import { ts } from "../../typescript.js";
import { unwrapped } from "../forms/expressions.js";
import type { Lowering } from "../lowering.js";
import { type Completion, NORMAL } from "../values/jump-marks.js";
import { fixed, NOTHING, type Operand, Scope } from "../values/operand.js";
import { call } from "./calls.js";
import { choose } from "./choices.js";
import { forOf } from "./for-of.js";
import { arrayLiteral, closure, objectLiteral, template } from "./literals.js";
import { forLoop, whileLoop } from "./loops.js";
import { element, property } from "./members.js";
import { identifier } from "./names.js";
import { binary, unary } from "./operators.js";
import { declareAll } from "./patterns.js";

type ExpressionVisitor<N extends ts.Node = ts.Expression> = (
  lowering: Lowering,
  node: N,
  scope: Scope,
) => Operand;
type StatementVisitor<N extends ts.Node = ts.Statement> = (
  lowering: Lowering,
  node: N,
  scope: Scope,
  /** Nothing comes after it in the function. */
  tail: boolean,
) => Completion;

/** A visitor of one kind of node in the table of all: it gets nodes of the kind that it stands under. */
const expression = <N extends ts.Expression>(visit: ExpressionVisitor<N>) => visit as ExpressionVisitor;
const statement = <N extends ts.Statement>(visit: StatementVisitor<N>) => visit as StatementVisitor;

const K = ts.SyntaxKind;
type Table<Visitor> = Readonly<Partial<Record<ts.SyntaxKind, Visitor>>>;

const text = expression<ts.StringLiteralLike>((_, node) => fixed(node.text));
const inside = expression((lowering, node, scope) => lowering.evaluate(unwrapped(node), scope));
const increment = expression<ts.PrefixUnaryExpression | ts.PostfixUnaryExpression>(unary);
const functionValue = expression<ts.ArrowFunction | ts.FunctionExpression>(closure);

export const EXPRESSIONS: Table<ExpressionVisitor> = {
  [K.NumericLiteral]: expression<ts.NumericLiteral>((_, node) =>
    fixed(Number(node.text.replaceAll("_", ""))),
  ),
  [K.StringLiteral]: text,
  [K.NoSubstitutionTemplateLiteral]: text,
  [K.TrueKeyword]: () => fixed(true),
  [K.FalseKeyword]: () => fixed(false),
  [K.NullKeyword]: () => fixed(null),
  [K.ParenthesizedExpression]: inside,
  [K.AsExpression]: inside,
  [K.SatisfiesExpression]: inside,
  [K.NonNullExpression]: inside,
  [K.TypeAssertionExpression]: inside,
  [K.Identifier]: expression(identifier),
  [K.PropertyAccessExpression]: expression(property),
  [K.ElementAccessExpression]: expression(element),
  [K.CallExpression]: expression(call),
  [K.ArrayLiteralExpression]: expression(arrayLiteral),
  [K.ObjectLiteralExpression]: expression(objectLiteral),
  [K.TemplateExpression]: expression(template),
  [K.ConditionalExpression]: expression(choose),
  [K.BinaryExpression]: expression(binary),
  [K.PrefixUnaryExpression]: increment,
  [K.PostfixUnaryExpression]: increment,
  [K.ArrowFunction]: functionValue,
  [K.FunctionExpression]: functionValue,
  [K.VoidExpression]: expression<ts.VoidExpression>((lowering, node, scope) => {
    lowering.evaluate(node.expression, scope);
    return NOTHING;
  }),
};

const nothing = () => NORMAL;

/** `if` is not among them: what follows it in the list depends on it. */
export const STATEMENTS: Table<StatementVisitor> = {
  [K.VariableStatement]: statement<ts.VariableStatement>((lowering, node, scope) => {
    declareAll(lowering, node.declarationList, scope);
    return NORMAL;
  }),
  [K.ExpressionStatement]: statement<ts.ExpressionStatement>((lowering, node, scope) => {
    lowering.effect(unwrapped(node.expression), scope);
    return NORMAL;
  }),
  [K.ReturnStatement]: statement<ts.ReturnStatement>((lowering, { expression }, scope) => ({
    kind: "return",
    value: expression ? lowering.evaluate(expression, scope) : NOTHING,
  })),
  [K.Block]: statement<ts.Block>((lowering, node, scope, tail) =>
    lowering.run(node.statements, new Scope(scope), tail),
  ),
  [K.ForOfStatement]: statement(forOf),
  [K.ForStatement]: statement(forLoop),
  [K.WhileStatement]: statement(whileLoop),
  [K.BreakStatement]: () => ({ kind: "break" }),
  [K.ContinueStatement]: () => ({ kind: "continue" }),
  // Functions are declared where their list begins.
  [K.FunctionDeclaration]: nothing,
  [K.EmptyStatement]: nothing,
  [K.TypeAliasDeclaration]: nothing,
  [K.InterfaceDeclaration]: nothing,
};
