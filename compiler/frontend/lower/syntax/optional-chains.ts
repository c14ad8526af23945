/**
 * @file `a?.b.c`: once something in a chain is missing, the rest of the chain is not looked at. That is known now.
 *
 *     TypeScript in                          IR out
 *     option?.layers.length, no option       nothing: undefined
 */
import { ts } from "../../typescript.js";
import { fixed, type Operand } from "../values/operand.js";

/** What a chain of `?.` gives once something in it is missing: the rest of the chain is not looked at. */
export const ENDED = fixed(undefined);

/** Whether `?.` in `node` ends its chain here, `target` being what stands before it. */
export function endsChain(
  node: ts.Expression & { questionDotToken?: ts.Node },
  target: Operand,
): Operand | undefined {
  if (target === ENDED && node.flags & ts.NodeFlags.OptionalChain) return ENDED;
  const missing = target.kind === "static" && (target.value === undefined || target.value === null);
  return missing && node.questionDotToken ? ENDED : undefined;
}
