/**
 * @file Statements in order. After a refusal the next are looked at too; after a run-time jump the rest stands under a condition.
 *
 *     TypeScript in                               IR out
 *     if (plan.skip) return a;  return f(b);      %y = if %plan.skip { yield %a } else { … yield f(%b) }
 */
import type { Value } from "../../../ir/module.js";
import { isFunctionNode } from "../../scopes.js";
import { ts } from "../../typescript.js";
import { jumpsIn } from "../forms/jumps.js";
import type { Lowering } from "../lowering.js";
import { type Completion, NORMAL } from "../values/jump-marks.js";
import type { Scope } from "../values/operand.js";
import { ifStatement } from "./choices.js";
import { condition } from "./condition.js";
import { afterJumps, choice } from "./jumps.js";
import { assignedIn } from "./targets.js";

const _K = ts.SyntaxKind;

/**
 * Runs statements in order. A jump that a run-time condition decides makes a choice of what follows it. `tail`: nothing comes
 * after them in the function.
 */
export function runList(
  lowering: Lowering,
  statements: readonly ts.Statement[],
  scope: Scope,
  tail = false,
): Completion {
  for (const statement of statements) {
    if (ts.isFunctionDeclaration(statement) && isFunctionNode(statement) && statement.name) {
      const source = { node: statement, path: lowering.source.path, captures: lowering.source.captures };
      const fn = { kind: "closure", source, scope, sizes: lowering.sizes } as const;
      scope.declare(statement.name.text, fn, false, statement);
    }
  }
  for (const [i, statement] of statements.entries()) {
    const rest = statements.slice(i + 1);
    let run = (): Completion => lowering.statement(statement, scope, tail && rest.length === 0);
    if (ts.isIfStatement(statement)) {
      const test = lowering.guarded<boolean | Value>(
        () => condition(lowering, statement.expression, scope),
        () => true,
      );
      if (typeof test !== "boolean" && jumpsIn(statement))
        return choice(lowering, statement, test, rest, scope, tail);
      run = () => ifStatement(lowering, statement, test, scope, tail && rest.length === 0);
    }
    const completion = lowering.guarded(run, () => poison(statement, scope));
    if (completion.kind !== "normal") return completion;
    const jumped = afterJumps(lowering, statement, rest, scope, tail);
    if (jumped) return jumped;
  }
  return NORMAL;
}

/** After a refusal: the names that the statement would have declared stand for nothing, without another message. */
function poison(statement: ts.Statement, scope: Scope): Completion {
  const declare = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) scope.declare(name.text, { kind: "poison" }, true, name);
    else for (const element of name.elements) if (!ts.isOmittedExpression(element)) declare(element.name);
  };
  if (ts.isVariableStatement(statement))
    for (const d of statement.declarationList.declarations) declare(d.name);
  else if ((ts.isClassDeclaration(statement) || ts.isEnumDeclaration(statement)) && statement.name)
    declare(statement.name);
  // A variable that was to get its first value here has none now.
  for (const binding of assignedIn(statement, scope))
    if (binding.current.kind === "static" && binding.current.value === undefined)
      binding.current = { kind: "poison" };
  return ts.isReturnStatement(statement) ? { kind: "return", value: { kind: "poison" } } : NORMAL;
}
