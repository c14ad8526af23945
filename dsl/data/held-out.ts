/** @file Which identities of a folder are kept back for verification, from the option that says so. */
import { experimentError } from "../errors.js";

/** How many identities, or which share of them where the number is below 1: the last ones; or their names. */
export type HeldOut = number | readonly string[];

/**
 * The names that are kept back, given all names in order. Refuses an option that is not a number of identities, or that
 * leaves fewer than two to train on.
 */
export function heldOutOf(option: HeldOut, names: readonly string[], folder: string): ReadonlySet<string> {
  const count = typeof option === "number" ? countOf(option, names.length) : undefined;
  const kept = new Set(typeof option === "number" ? names.slice(Math.max(0, names.length - count!)) : option);
  const known = new Set(names);
  const missing = [...kept].find((identity) => !known.has(identity));
  if (missing !== undefined)
    throw experimentError("held-out-identity-missing", {
      identity: missing,
      folder,
      examples: examples(names),
    });
  const taken = count ?? kept.size;
  const left = Math.max(0, names.length - taken);
  if (left < 2) throw experimentError("too-few-identities", { folder, people: names.length, taken, left });
  return kept;
}

/** A share below 1 is rounded up, as a pool's capacity is; 1e-9 less, so that 0.07 * 100 is 7 and not 8. */
function countOf(option: number, identities: number): number {
  if (option > 0 && option < 1) return Math.ceil(option * identities - 1e-9);
  if (Number.isInteger(option) && option >= 0) return option;
  throw experimentError("bad-data-option.held-out", { heldOut: option });
}

/** The first few names, for a message. */
const examples = (names: readonly string[]) =>
  `${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}`;
