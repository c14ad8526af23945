/** @file Some of the people of a source, by number or by name. */
import { experimentError } from "../core/errors.js";
import { inRange, type Range } from "../core/range.js";
import { type Catalogue, type DataSource, personOf } from "../method/source.js";
import { keyedPermutation } from "../plan/keyed-permutation.js";
import { shareOf } from "../plan/share.js";
import { chosenFrom, imagesOf } from "./selected.js";

export interface PickIdentitiesOptions {
  /** Draws who is picked, where a number says how many. */
  readonly seed?: number;
}

/**
 * A source with some of the people to train on: so many, or a share of them below 1, drawn; or those of these names (folders, of an image folder), or of these
 * positions from 0. They keep their order.
 */
export function pickIdentities(
  source: DataSource,
  which: number | readonly string[] | readonly number[],
  { seed = 0 }: PickIdentitiesOptions = {},
): DataSource {
  if (typeof which === "number") inRange("pickIdentities", "which", which, NUMBER_OR_SHARE);
  return chosenFrom(source, "pickIdentities", (train) => {
    const people = train.offsets.length - 1;
    const picked = typeof which === "number" ? drawn(which, people, seed) : listed(which, train);
    return imagesOf(train.offsets, (identity) => picked.has(identity));
  });
}

const NUMBER_OR_SHARE: Range = {
  wanted: "a whole number of people from 1 up, nor a share of them above 0 and below 1",
  holds: (x) => (x > 0 && x < 1) || (Number.isInteger(x) && x >= 1),
};

function drawn(which: number, people: number, seed: number): ReadonlySet<number> {
  const count = which < 1 ? shareOf(which, people) : which;
  if (count > people) throw experimentError("bad-subset.too-many", { wanted: count, people });
  return new Set(keyedPermutation(people, seed).first(count));
}

function listed(which: readonly (string | number)[], train: Catalogue): ReadonlySet<number> {
  const people = train.offsets.length - 1;
  const wanted = new Set(which);
  const found = new Set<number>();
  const byName = which.some((one) => typeof one === "string");
  for (let identity = 0; identity < people; identity++) {
    const name = byName ? personOf(train, identity) : undefined;
    const isNamed = name !== undefined && wanted.delete(name);
    if (wanted.delete(identity) || isNamed) found.add(identity);
  }
  for (const identity of wanted) {
    const known = Array.from({ length: Math.min(3, people) }, (_, i) => personOf(train, i) ?? i);
    throw experimentError("bad-subset.identity", {
      identity: String(identity),
      people,
      known: known.join(", "),
    });
  }
  return found;
}
