/**
 * @file Identification: who is this, of the people who are enrolled, or nobody of them? Closed set: rank-k rates and the CMC. Open
 * set: true positive identification rate (TPIR) at false positive identification rates (FPIR), and the DET.
 *
 * Definitions as in NIST's Face Recognition Vendor Test, part 2 (NISTIR 8271, section 3), and IJB-B/C's 1:N protocol:
 * FPIR(T) is the share of non-mated searches whose best candidate scores T or more; FNIR(R, T) = 1 - TPIR(R, T) is the share of mated
 * searches whose mate is not among the first R candidates with T or more. docs/evaluating.md says what is done about ties.
 */
import { experimentError } from "../core/errors.js";
import { CMC_RANKS, cmcCurve, detCurve, type SearchesAsked, searchRates } from "./identification-rates.js";
import {
  type EvaluateOptions,
  type Figure,
  type Nearest,
  type Protocol,
  protocol,
  quiet,
  type Result,
} from "./protocol.js";
import { drawSearches, refuseTooFew, type Searches } from "./searches.js";

export interface IdentificationOptions extends EvaluateOptions {
  /** Images of each person that are enrolled; several become one template, the mean of their embeddings. */
  gallery?: number;
  /** People who are searched for and not enrolled: how many, or a share of all below 1. 0 leaves the open set out. */
  unknown?: number;
  /** False positive identification rates at which the true positive identification rate is reported. */
  fpir?: readonly number[];
  /** Ranks of the closed set. */
  ranks?: readonly number[];
  /** In the open set, a search has found its mate where that is among so many first candidates. */
  within?: number;
}

/** Searches for people among others who are enrolled: rank-k and CMC of those who are, TPIR at FPIR with those who are not. */
export function identification({
  gallery = 1,
  unknown = 0.3,
  fpir,
  ranks = [1, 5],
  within = 1,
  ...common
}: IdentificationOptions = {}): Protocol {
  for (const [option, numbers] of Object.entries({ gallery: [gallery], within: [within], ranks }))
    for (const value of numbers)
      if (!Number.isInteger(value) || value < 1)
        throw experimentError("bad-identification.whole", { option, value });
  if (ranks.length === 0) throw experimentError("bad-identification.ranks", {});
  if (!(unknown >= 0 && (unknown < 1 || Number.isInteger(unknown))))
    throw experimentError("bad-identification.unknown", { value: unknown });
  const rates = fpir ?? [1e-1, 1e-2];
  const odd = rates.find((rate) => !(rate > 0 && rate <= 1));
  if (odd !== undefined) throw experimentError("bad-identification.rate", { rate: odd });
  if (unknown === 0 && fpir?.length) throw experimentError("bad-identification.no-unknown", {});
  const asked = { gallery, unknown, fpir: unknown === 0 ? [] : rates, ranks, within };
  return protocol("identification", { ...common, ...asked }, ({ offsets, seed }) => {
    const drawn = drawSearches(offsets, { gallery, unknown, seed });
    return {
      images: drawn.images,
      drawn: [drawn.enrolled, drawn.mates],
      says: `${new Set(drawn.enrolled).size} enrolled people, ${counted(drawn.mates, (mate) => mate >= 0)} searches for them and ${counted(drawn.mates, (mate) => mate < 0)} for ${drawn.unknown} people who are not`,
      async score(view) {
        const { galleryRows, templates, searches, mates } = withoutBroken(drawn, view.broken);
        refuseTooFew(
          {
            people: offsets.length - 1,
            unknown: drawn.unknown,
            enrolled: templates,
            mated: counted(mates, (mate) => mate >= 0),
            nonMated: counted(mates, (mate) => mate < 0),
          },
          "broken images left out",
        );
        const enrolled = gallery === 1 ? galleryRows.rows : await view.means(galleryRows.groups(view.count));
        const k = Math.min(templates, Math.max(...ranks, within, CMC_RANKS));
        return resultOf(await view.topK(searches, enrolled, k), k, {
          ...asked,
          mates,
          enrolled: templates,
          leftOut: drawn.leftOut,
        });
      },
    };
  });
}

const counted = (mates: Int32Array, which: (mate: number) => boolean) => mates.filter(which).length;

/** What is left of a draw without broken images: a person none of whose enrolled images is whole is enrolled no longer, and not searched for. */
function withoutBroken({ images, enrolled, mates }: Searches, broken: Int32Array) {
  const isBroken = new Set(broken);
  const rows = Array.from(enrolled.keys()).filter((row) => !isBroken.has(row));
  const numbers = new Map<number, number>();
  for (const row of rows) {
    const person = enrolled[row]!;
    if (!numbers.has(person)) numbers.set(person, numbers.size);
  }
  const first = enrolled.length;
  const searches = Array.from({ length: images.length - first }, (_, i) => first + i).filter((row) => {
    const mate = mates[row - first]!;
    return !isBroken.has(row) && (mate < 0 || numbers.has(mate));
  });
  return {
    templates: numbers.size,
    galleryRows: {
      rows: Int32Array.from(rows),
      groups: (count: number) => {
        const groups = new Int32Array(count).fill(-1);
        for (const row of rows) groups[row] = numbers.get(enrolled[row]!)!;
        return groups;
      },
    },
    searches: Int32Array.from(searches),
    mates: Int32Array.from(searches, (row) => numbers.get(mates[row - first]!) ?? -1),
  };
}

interface Asked extends SearchesAsked {
  readonly gallery: number;
  readonly enrolled: number;
  readonly leftOut: number;
}

/** Rates of the `k` nearest templates of each search. */
function resultOf(nearest: Nearest, k: number, asked: Asked): Result {
  const { gallery, fpir, ranks, enrolled, leftOut } = asked;
  const rates = searchRates(nearest, k, asked);
  const { mated, falling } = rates;
  const closed = ranks.map((rank, i): [string, Figure] => [
    `rank-${rank}`,
    {
      value: rates.ranks[i]!,
      as: "percent",
      ...(i === 0 && { note: `at rank ${rank}, of ${mated} searches among ${enrolled} enrolled people` }),
    },
  ]);
  const open = fpir.map((rate, i): [string, Figure] => [
    `TPIR at FPIR ${rate}`,
    rates.tpir[i] === null
      ? { value: null, as: "percent", note: `${falling.length} searches of unknown people are too few` }
      : { value: rates.tpir[i]!, as: "percent" },
  ]);
  return {
    numbers: {
      ...Object.fromEntries([...closed, ...open]),
      enrolled: quiet(enrolled),
      mated: quiet(mated),
      nonMated: quiet(falling.length),
    },
    notes: leftOut > 0 ? [`${leftOut} people have fewer than ${gallery} images and are left out`] : [],
    curves: {
      cmc: cmcCurve(rates.cumulative, "Identification of unseen people, closed set"),
      ...(falling.length > 0 && { det: detCurve(rates, fpir, "Identification of unseen people, open set") }),
    },
  };
}
