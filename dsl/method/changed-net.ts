/** @file A net like another, of stored tensors of its own: what `weights` and `frozen` give. */
import { experimentError } from "../core/errors.js";
import {
  type AnyModule,
  type Child,
  isStored,
  MODULE,
  moduleParts,
  type Stored,
  standIn,
} from "../core/module.js";
import type { NetBuilder } from "./net.js";
import { twinParts } from "./twin.js";

/** A module, or what builds one for images of a given shape. */
export type AnyNet = AnyModule | NetBuilder;

/** `change` of a module, or of every module that `net` builds. `what` asks for it, in an error. */
export function changedNet<N extends AnyNet>(
  what: string,
  net: N,
  change: (module: AnyModule) => AnyModule,
): N {
  if (twinParts(net)) throw experimentError("bad-weights.twin", { function: what });
  if (moduleParts(net)) return change(net as AnyModule) as N;
  const build = net as NetBuilder;
  return Object.assign(((shape) => changedNet(what, build(shape), change)) as NetBuilder, net) as N;
}

/**
 * A module as `module` with other stored tensors. `change` gets each with its name: the keys on the way to it, the first way
 * where there are several. A twin within stays as it is.
 */
export function withStored(module: AnyModule, change: (stored: Stored, name: string) => Stored): AnyModule {
  const copies = new Map<object, Child>();
  const copyOf = (child: Child, name: string): Child => {
    if (child === null || twinParts(child)) return child;
    const known = copies.get(child);
    if (known !== undefined) return known;
    const copy = newCopy(child, name);
    copies.set(child, copy);
    return copy;
  };
  const newCopy = (child: NonNullable<Child>, name: string): Child => {
    const under = (key: string) => (name === "" ? key : `${name}.${key}`);
    const each = (children: object) =>
      Object.fromEntries(Object.entries(children).map(([key, item]) => [key, copyOf(item, under(key))]));
    if (isStored(child)) return Object.freeze(change(child, name));
    const parts = moduleParts(child);
    if (parts)
      return standIn<AnyModule>("a module", {
        ...child,
        [MODULE]: { ...parts, children: each(parts.children) },
      });
    return Array.isArray(child) ? child.map((item, i) => copyOf(item, under(String(i)))) : each(child);
  };
  return copyOf(module, "") as AnyModule;
}
