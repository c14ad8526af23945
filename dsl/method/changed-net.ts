/** @file A net, or a bank, like another, of stored tensors of its own: what `weights` and `frozen` give. */
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
import type { Bank, BankBuilder } from "./bank.js";
import { bookkept, bookkeptParts } from "./bookkept.js";
import type { NetBuilder } from "./net.js";
import { twin, twinParts } from "./twin.js";

/** A module, or what builds one for images of a given shape. */
export type AnyNet = AnyModule | NetBuilder;

type Change = <C extends Child>(part: C) => C;

/** `change` of a module, of every module that `net` builds, or of the tensors of every bank. `what` asks for it, in an error. */
export function changedNet<N extends AnyNet | BankBuilder>(what: string, net: N, change: Change): N {
  if (twinParts(net)) throw experimentError("bad-weights.twin", { function: what });
  if (moduleParts(net)) return change(net as AnyModule) as N;
  const build = net as (given: never) => AnyModule | Bank;
  const changed = (given: never) => {
    const built = build(given);
    const bank = bookkeptParts((built as Partial<Bank>).state);
    return bank
      ? { ...built, state: bookkept(change(bank.tensors), bank.open) }
      : changedNet(what, built as AnyModule, change);
  };
  return Object.assign(changed as unknown as N, net);
}

/**
 * A module or a record with other stored tensors. `change` gets each with its name: the keys on the way to it, the first way
 * where there are several. A twin within is the twin of what its original has become, if that is within as well.
 */
export function withStored<C extends Child>(whole: C, change: (stored: Stored, name: string) => Stored): C {
  const names = namesWithin(whole);
  const copies = new Map<object, Child>();
  const copyOf = (child: Child): Child => {
    if (child === null) return null;
    const known = copies.get(child);
    if (known !== undefined) return known;
    const copy = newCopy(child);
    copies.set(child, copy);
    return copy;
  };
  const each = (children: object) =>
    Object.fromEntries(Object.entries(children).map(([key, item]) => [key, copyOf(item)]));
  const newCopy = (child: NonNullable<Child>): Child => {
    const [follower, parts] = [twinParts(child), moduleParts(child)];
    if (follower)
      return names.has(follower.of) ? twin(copyOf(follower.of) as AnyModule, follower.options) : child;
    if (isStored(child)) return Object.freeze(change(child, names.get(child)!));
    if (parts)
      return standIn<AnyModule>("a module", {
        ...child,
        [MODULE]: { ...parts, children: each(parts.children) },
      });
    return Array.isArray(child) ? child.map(copyOf) : each(child);
  };
  return copyOf(whole) as C;
}

/** The stored tensors within, each once. */
export const storedWithin = (whole: Child): readonly Stored[] =>
  [...namesWithin(whole).keys()].filter(isStored);

/** Everything within, itself among it, and the keys on the first way to it. What is within a twin is its original's. */
function namesWithin(whole: Child): ReadonlyMap<object, string> {
  const names = new Map<object, string>();
  const visit = (child: Child, name: string): void => {
    if (child === null || names.has(child)) return;
    names.set(child, name);
    if (twinParts(child) || isStored(child)) return;
    for (const [key, item] of Object.entries(moduleParts(child)?.children ?? child))
      visit(item, name === "" ? key : `${name}.${key}`);
  };
  visit(whole, "");
  return names;
}
