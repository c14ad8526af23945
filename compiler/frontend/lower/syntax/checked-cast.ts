/**
 * @file `x.as<[B, 512]>()`: literal sizes must be the inferred ones; a name stands for any size, and within one call of a
 * function for the same one everywhere. Nothing of it is left.
 *
 *     TypeScript in                                    IR out
 *     x.as<[number, 512]>(), x being f32[48, 512]      %x
 *     x.as<[number, 128]>()                            F2C3010 `x` is f32[48, 512], not [number, 128]
 */
import { printDim, sameDim } from "../../../ir/dim.js";
import type { Value } from "../../../ir/module.js";
import { printType } from "../../../ir/print-type.js";
import { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { called } from "../refusals/words.js";
import { dynamic, type Operand } from "../values/operand.js";

export function checkedCast(lowering: Lowering, node: ts.CallExpression, receiver: Value): Operand {
  const type = node.typeArguments?.[0];
  const expression = ts.isPropertyAccessExpression(node.expression)
    ? called(node.expression.expression)
    : "this";
  const given = { expression, type: printType(receiver.type) };
  if (receiver.type.kind !== "tensor" || !type || !ts.isTupleTypeNode(type)) {
    return type
      ? lowering.refuse(node, "assertion-fails.no-tuple", { ...given, asserted: type.getText() })
      : lowering.refuse(node, "assertion-fails.no-type", given);
  }
  const { dims } = receiver.type;
  const asserted = type.getText();
  const wrong = (): never => lowering.refuse(type, "assertion-fails", { ...given, asserted });
  if (type.elements.length !== dims.length) wrong();
  for (const [i, element] of type.elements.entries()) {
    const size = sizeOf(element);
    const dim = dims[i]!;
    if (typeof size === "number" && size !== dim) wrong();
    if (typeof size !== "string") continue;
    const bound = lowering.sizes.get(size);
    const span = lowering.span(element);
    if (!bound) lowering.sizes.set(size, { dim, span });
    else if (!sameDim(bound.dim, dim)) {
      const [name, size] = [element.getText(), printDim(bound.dim)];
      const related = [{ message: `${name} became ${size} here`, span: bound.span }];
      lowering.refuse(type, "assertion-fails.size", { ...given, asserted, name, size }, { related });
    }
  }
  return dynamic(receiver);
}

/** A literal size, or the name of one; `undefined` for `number`, which says nothing. */
function sizeOf(element: ts.TypeNode | ts.NamedTupleMember): number | string | undefined {
  const type = ts.isNamedTupleMember(element) ? element.type : element;
  if (ts.isLiteralTypeNode(type))
    return ts.isNumericLiteral(type.literal) ? Number(type.literal.text) : undefined;
  if (!ts.isTypeReferenceNode(type)) return undefined;
  return named(type) ?? aliased(type) ?? type.typeName.getText();
}

/** `B` of `Dim<"B">`. */
function named(type: ts.TypeNode | undefined): string | undefined {
  if (!type || !ts.isTypeReferenceNode(type) || type.typeName.getText() !== "Dim") return undefined;
  const [argument] = type.typeArguments ?? [];
  return argument && ts.isLiteralTypeNode(argument) && ts.isStringLiteral(argument.literal)
    ? argument.literal.text
    : undefined;
}

/** What `type Batch = Dim<"B">` of the same file says. */
function aliased(type: ts.TypeReferenceNode): string | undefined {
  const name = type.typeName.getText();
  const alias = type
    .getSourceFile()
    .statements.find(
      (s): s is ts.TypeAliasDeclaration => ts.isTypeAliasDeclaration(s) && s.name.text === name,
    );
  return named(alias?.type);
}
