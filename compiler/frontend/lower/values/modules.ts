/**
 * @file Modules and stored tensors as the lowering sees them: under the names that they have in the method's state.
 *
 *     TypeScript in                              IR out
 *     ({ conv }, x) => conv(x), of `probe`       %probe.conv.weight = state {probe.conv.weight}
 */
import {
  type ChildRecord,
  isStored,
  type Module,
  moduleParts,
  type Stored,
  twinParts,
} from "../../../../dsl/index.js";
import { ts } from "../../typescript.js";
import type { Lowering } from "../lowering.js";
import { called } from "../refusals/words.js";
import { dynamic, fixed, list, type ModuleOperand, type Operand, record } from "./operand.js";

/** A build-time value as an operand; modules remember where their parameters lie. */
export const wrapped = (lowering: Lowering, value: unknown): Operand =>
  moduleParts(value) ? moduleOperand(lowering, value as Module) : fixed(value);

function moduleOperand({ storages }: Lowering, module: Module): ModuleOperand {
  const twin = twinParts(module) ? (module as ModuleOperand["twin"]) : undefined;
  const rename = (twin && storages.renameFor(twin)) ?? ((name: string) => name);
  return { kind: "module", module, twin, rename };
}

/** What a function sees of its children or of the method's state. */
export function childrenOf(
  lowering: Lowering,
  children: ChildRecord,
  rename: (name: string) => string,
  node: ts.Node,
): Operand {
  const bind = (child: unknown): Operand => {
    if (isStored(child)) return storage(lowering, child, rename, node);
    if (moduleParts(child)) {
      const own = moduleOperand(lowering, child as Module);
      return own.twin ? own : { ...own, rename };
    }
    if (Array.isArray(child)) return list(child.map(bind));
    if (typeof child === "object" && child !== null)
      return record(Object.entries(child).map(([name, c]) => [name, bind(c)] as const));
    return fixed(child);
  };
  return bind(children);
}

function storage(
  lowering: Lowering,
  stored: Stored,
  rename: (name: string) => string,
  node: ts.Node,
): Operand {
  const { builder, storages } = lowering;
  const name = rename(storages.nameOf(stored) ?? refuseStranger(lowering, node));
  const [value] = builder.emit("state", [], { name }, lowering.locate(node), [storages.typeOf(name)]);
  builder.rename(value!, name);
  return dynamic(value!);
}

/** Refuses a net, or a stored tensor, that the method's state does not hold. */
export function refuseStranger(lowering: Lowering, node: ts.Node): never {
  const at = ts.isCallExpression(node) ? node.expression : node;
  const name = called(at);
  const [, identifier] = /^`([\w$]+)`$/.exec(name) ?? [];
  return identifier === undefined
    ? lowering.refuse(at, "net-outside-state", { name })
    : lowering.refuse(at, "net-outside-state.named", { name: identifier });
}
