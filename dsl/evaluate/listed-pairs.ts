/**
 * @file Verification of listed pairs, as the field scores LFW, CFP-FP, AgeDB-30: pairs of LFW's `pairs.txt`, of a list of one's own, or those that the
 * source itself lists (insightface's `.bin`). All pairs count, in the order in which they are listed; docs/evaluating.md has the definitions.
 */
import { experimentError } from "../core/errors.js";
import { distinct } from "./image-names.js";
import { cosinesInParts } from "./in-parts.js";
import { listFile } from "./list-lines.js";
import { type PairsInFolds, readPairs } from "./list-of-pairs.js";
import {
  type EvaluateOptions,
  type Figure,
  type People,
  type Protocol,
  protocol,
  quiet,
  type Result,
} from "./protocol.js";
import { foldSizes, tenFold } from "./rates.js";
import { AS_ARCFACE_TORCH, type RateOptions, ratesAt, refuseBadRates } from "./rates-at.js";
import { histogramsOf, ratesAsNumbers, rocOf } from "./score-curves.js";
import { Scores } from "./score-lists.js";
import { validationRate } from "./validation-rate.js";

export interface ListedPairsOptions extends EvaluateOptions, RateOptions {
  /**
   * The list: LFW's `pairs.txt`, or lines `path path 1` (the same person) and `path path 0`, with blanks, tabs or commas between them and a fold as a
   * fourth column or without. Relative to the experiment's file; paths of images are below the source's root. Left out: the pairs that the source lists.
   */
  list?: string;
  /** How many contiguous folds the pairs are cut into, where the list does not say; 10 unless told. */
  folds?: number;
  /** False accept rates at which VAL is reported, the acceptance of genuine pairs as facenet's and insightface's scripts for LFW print it. */
  val?: readonly number[];
}

/** Same person or not, on pairs that are listed: 10-fold accuracy of all of them, TAR at FAR, VAL at FAR, ROC and histogram. */
export function listedPairs({
  list,
  folds = 10,
  far = [],
  val = [],
  farAt,
  dropIntermediate,
  ...common
}: ListedPairsOptions = {}): Protocol {
  if (list !== undefined && (typeof list !== "string" || list === ""))
    throw experimentError("bad-listed-pairs.list", {});
  if (!Number.isInteger(folds) || folds < 2)
    throw experimentError("bad-listed-pairs.folds", { value: folds });
  const rates = { far, ...(farAt && { farAt }), ...(dropIntermediate !== undefined && { dropIntermediate }) };
  refuseBadRates("listedPairs", rates);
  refuseBadRates("listedPairs", { far: val });
  const options = { list: list ?? null, folds, val, ...AS_ARCFACE_TORCH, ...rates };
  return protocol("listed-pairs", { ...common, ...options }, (people) => {
    const pairs = pairsOf(people, list, folds);
    refuseTooFew(pairs, list);
    const { genuine, impostor } = counted(pairs.same);
    return {
      images: pairs.images,
      drawn: [pairs.positions, pairs.same, Int32Array.from(pairs.sizes)],
      says: `${genuine} genuine and ${impostor} impostor pairs in ${pairs.sizes.length} folds`,
      async score(view) {
        const cosines = new Float64Array(pairs.same.length);
        await cosinesInParts(view, pairs.positions, (part, first) => cosines.set(part, first));
        const whole = withoutBroken({ ...pairs, cosines }, view.broken);
        refuseTooFew(whole, list, "without those with a broken image");
        return resultOf(whole, pairs.same.length - whole.same.length, { ...rates, val });
      },
    };
  });
}

interface Listed extends Omit<PairsInFolds, "folds"> {
  /** How many pairs each fold has. */
  readonly sizes: readonly number[];
}

function pairsOf({ names, pairs, directory }: People, list: string | undefined, folds: number): Listed {
  if (list === undefined && !pairs) throw experimentError("bad-listed-pairs.none", {});
  const { folds: told, ...listed } =
    list === undefined
      ? { ...distinct(pairs!.positions), same: pairs!.same, folds: undefined }
      : readPairs(listFile(directory, list), names);
  return { ...listed, sizes: told ?? foldSizes(listed.same.length, folds) };
}

function counted(same: Uint8Array): { readonly genuine: number; readonly impostor: number } {
  const genuine = same.reduce((sum, mark) => sum + mark, 0);
  return { genuine, impostor: same.length - genuine };
}

function refuseTooFew(
  { same, sizes }: Pick<Listed, "same" | "sizes">,
  list = "the source",
  which = "",
): void {
  const { genuine, impostor } = counted(same);
  if (genuine > 0 && impostor > 0 && sizes.length > 1 && sizes.every((size) => size > 0)) return;
  const folds = sizes.length;
  throw experimentError("too-few-listed-pairs", {
    list,
    which: which && ` ${which}`,
    genuine,
    impostor,
    folds,
  });
}

interface Measured extends Pick<Listed, "same" | "sizes"> {
  readonly cosines: Float64Array;
}

/** The pairs none of whose images is broken; each stays in its fold. `broken`: rows. */
function withoutBroken(pairs: Listed & Measured, broken: Int32Array): Measured {
  if (broken.length === 0) return pairs;
  const isBroken = new Set(broken);
  const whole = pairs.same.map((_, pair) =>
    isBroken.has(pairs.positions[2 * pair]!) || isBroken.has(pairs.positions[2 * pair + 1]!) ? 0 : 1,
  );
  let from = 0;
  const sizes = pairs.sizes.map((size) => {
    const left = whole.subarray(from, from + size).reduce((sum, mark) => sum + mark, 0);
    from += size;
    return left;
  });
  const stays = (_: number, pair: number) => whole[pair] === 1;
  return { sizes, same: pairs.same.filter(stays), cosines: pairs.cosines.filter(stays) };
}

function resultOf(
  { same, sizes, cosines }: Measured,
  leftOut: number,
  { val, ...rates }: RateOptions & { readonly val: readonly number[] },
): Result {
  const { genuine, impostor } = counted(same);
  const { accuracy, std, threshold } = tenFold(cosines, same, sizes);
  const scores = new Scores(genuine, impostor);
  for (const [pair, cosine] of cosines.entries()) scores.add(cosine, same[pair] === 1);
  const lists = scores.lists();
  const { far = [] } = rates;
  const validated = val.map((asked): [string, Figure] => {
    const found = validationRate(cosines, same, sizes, asked);
    return [
      `VAL at FAR ${asked}`,
      found
        ? { value: found.value, std: found.std, as: "percent", note: `at FAR ${found.far.toPrecision(3)}` }
        : { value: null, as: "percent", note: "a fold has pairs of one kind only" },
    ];
  });
  return {
    numbers: {
      accuracy: {
        value: accuracy,
        std,
        as: "percent",
        note: `on ${same.length} listed pairs in ${sizes.length} folds, at a cosine of ${threshold.toFixed(3)}`,
      },
      ...Object.fromEntries(validated),
      ...ratesAsNumbers(ratesAt(lists, rates), impostor),
      threshold: quiet(threshold),
      pairs: quiet(same.length),
      genuine: quiet(genuine),
      impostor: quiet(impostor),
    },
    notes:
      leftOut > 0
        ? [`${leftOut} listed pairs have a broken image and are left out: others' numbers are of all pairs`]
        : [],
    curves: { roc: rocOf(lists, far, "Verification of listed pairs"), ...histogramsOf(lists) },
  };
}
