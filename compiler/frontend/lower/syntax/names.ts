/**
 * @file Names: variables of the function, what it captures, and the few globals of JavaScript that mean something here.
 *
 *     TypeScript in                                   IR out
 *     const y = x.add(bias);  y.mul(y)                %z = mul(%y, %y)
 *     const scale = 2; (outside)  y.mul(scale)        %z = mul(%y, 2)
 */
import type { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { AlreadyRefused } from "../refusals/refusal.js";
import { fixed, type Operand, type Scope } from "../values/operand.js";

const GLOBALS: Readonly<Record<string, unknown>> = { Math, Number, Object, Array, Infinity, NaN, undefined };

export function identifier(lowering: Lowering, node: ts.Identifier, scope: Scope): Operand {
  const binding = scope.find(node.text);
  const found = binding ? binding.current : scope.capture(node.text, node);
  if (found?.kind === "poison") throw new AlreadyRefused();
  if (found !== undefined) return found;
  return Object.hasOwn(GLOBALS, node.text)
    ? fixed(GLOBALS[node.text])
    : lowering.refuse(node, "unknown-name", { name: node.text });
}
