/** @file Which identities of a folder are kept back for verification, from the option that says so. */
import { resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import type { Names } from "../method/source.js";
import { shareOf } from "../plan/share.js";
import { codeOf } from "./folder-entries.js";
import { linesIn } from "./lines-in.js";

/**
 * How many identities, or which share of them where the number is below 1: the last ones; or their names; or a text file with a name a
 * line, relative to the experiment's file.
 */
export type HeldOut = number | readonly string[] | string;

/** The option with the names of a file in its place. */
export function heldOutOf(
  option: HeldOut,
  { function: source, directory }: { readonly function: string; readonly directory: string },
): Exclude<HeldOut, string> {
  if (typeof option !== "string") return option;
  const path = resolve(directory, option);
  try {
    return linesIn(path);
  } catch (error) {
    throw experimentError("leave-out-unreadable.held-out", {
      function: source,
      path,
      error: String(codeOf(error)),
    });
  }
}

/** Identities that follow each other: the first, and the one after the last. */
export type Stretch = readonly [first: number, end: number];

/** Which identities are trained on, and which are kept back. */
export interface Division {
  readonly train: readonly Stretch[];
  readonly heldOut: readonly Stretch[];
}

/** Whose option it is, and where the identities lie: for messages. */
interface Of {
  readonly function: string;
  readonly place: string;
}

/** Divides identities by their order or their names. Refuses what is no number of identities, and what leaves fewer than two. */
export function dividedBy(option: Exclude<HeldOut, string>, names: Names, of: Of): Division {
  const kept =
    typeof option === "number"
      ? [[Math.max(0, names.length - countOf(option, names.length, of)), names.length] as const]
      : positionsOf(option, names, of).map((i) => [i, i + 1] as const);
  const taken = typeof option === "number" ? countOf(option, names.length, of) : kept.length;
  const left = Math.max(0, names.length - taken);
  if (left < 2) throw experimentError("too-few-identities", { ...of, people: names.length, taken, left });
  const heldOut = joined(kept);
  const between = [...heldOut, [names.length, names.length] as const];
  return {
    heldOut,
    train: joined(between.map(([first], i) => [between[i - 1]?.[1] ?? 0, first])),
  };
}

/** Names that are looked at at once. */
const AT_ONCE = 4096;

function positionsOf(wanted: readonly string[], names: Names, of: Of): number[] {
  const missing = new Set(wanted);
  const found: number[] = [];
  for (let first = 0; first < names.length && missing.size > 0; first += AT_ONCE)
    for (const [i, name] of names.slice(first, Math.min(first + AT_ONCE, names.length)).entries())
      if (missing.delete(name)) found.push(first + i);
  for (const identity of missing)
    throw experimentError("held-out-identity-missing", { ...of, identity, examples: examples(names) });
  return found;
}

/** Stretches that touch as one, without empty ones. */
function joined(stretches: readonly Stretch[]): readonly Stretch[] {
  const all: (readonly [number, number])[] = [];
  for (const [first, end] of stretches) {
    if (first === end) continue;
    const last = all.at(-1);
    if (last?.[1] === first) all[all.length - 1] = [last[0], end];
    else all.push([first, end]);
  }
  return all;
}

function countOf(option: number, identities: number, of: Of): number {
  if (option > 0 && option < 1) return shareOf(option, identities);
  if (Number.isInteger(option) && option >= 0) return option;
  throw experimentError("bad-data-option.held-out", { function: of.function, heldOut: option });
}

/** The first few names, for a message. */
const examples = (names: Names) =>
  `${names.slice(0, Math.min(5, names.length)).join(", ")}${names.length > 5 ? ", …" : ""}`;
