/** @file Where the tensors of a net or a bank start: in a file that somebody left, under the names that they have there. */
import type { AnyModule } from "../core/module.js";
import type { BankBuilder } from "./bank.js";
import { type AnyNet, changedNet, storedWithin, withStored } from "./changed-net.js";
import type { Stage } from "./stage.js";

export interface WeightsOptions {
  /** What the names in the file begin with; tensors that begin otherwise are not looked at. */
  readonly prefix?: string;
  /**
   * Whether every tensor of the net must be there with its shape and type, which is the default. Otherwise those that are not
   * start as the net says.
   */
  readonly strict?: boolean;
  /**
   * The name in the file, behind the prefix, of each tensor of the net, where these differ: a function, or a record by names of
   * tensors or of the modules that they are in.
   */
  readonly rename?: ((tensor: string) => string) | Readonly<Record<string, string>>;
  /**
   * Whether the momentum of each trained parameter starts from the file as well, `optimizer.velocity.` before the name of the
   * parameter there: the slot `velocity`, as `sgd` and `lars` have it.
   */
  readonly momentum?: boolean;
}

/** The slot of an optimizer in which momentum lies. */
export const MOMENTUM = "velocity";

/** One use of `weights`: the file, as the experiment names it, and how tensors are sought there. */
export interface WeightsSource {
  /** A safetensors file or the folder of a run, relative to the experiment's file; or a stage of the study. */
  readonly from: string | Stage;
  readonly prefix: string;
  readonly strict: boolean;
  readonly momentum: boolean;
  /** Where `weights` was called, by its stack. */
  readonly asked: Error;
}

/** What a stage leaves, to those that start from its weights (`OpeningContext.made`). */
export interface MadeWeights {
  /** Of everything that decides what the weights are. */
  readonly hash: string;
  /** What the file holds, or will hold. */
  readonly tensors: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
  /** The file, once it is there. */
  file(): { readonly path: string; readonly sha256: string };
}

/**
 * `net`, or a bank, whose tensors start from a file, in tensors of its own. `from` is a safetensors file, the folder of a run that
 * has ended, or an experiment that the study makes before. What was taken, and what is missing, left over or of another shape, is
 * said once. Parts of the net that have weights of their own keep these.
 */
export const weights = <N extends AnyNet | BankBuilder>(
  net: N,
  from: string | Stage,
  { prefix = "", strict = true, rename = {}, momentum = false }: WeightsOptions = {},
): N => {
  const nameOf = typeof rename === "function" ? rename : (name: string) => renamed(name, rename);
  const asked = new Error();
  Error.captureStackTrace(asked, weights);
  return changedNet("weights", net, (part) => {
    const source: WeightsSource = Object.freeze({ from, prefix, strict, momentum, asked });
    return withStored(part, (stored, name) =>
      stored.init.kind === "weights"
        ? stored
        : {
            ...stored,
            init: { kind: "weights", source, tensor: prefix + nameOf(name), otherwise: stored.init },
          },
    );
  });
};

/** The name by the longest entry that is the tensor, or a module that it is in. */
function renamed(name: string, names: Readonly<Record<string, string>>): string {
  for (let end = name.length; end > 0; end = name.lastIndexOf(".", end - 1)) {
    const key = name.slice(0, end);
    if (Object.hasOwn(names, key)) return names[key] + name.slice(end);
  }
  return name;
}

/** Whether any tensor of a module starts from a file. */
export const startsFromWeights = (module: AnyModule): boolean =>
  storedWithin(module).some(({ init }) => init.kind === "weights");
