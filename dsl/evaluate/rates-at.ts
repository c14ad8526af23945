/**
 * @file The true accept rate at a false accept rate, as the field reads it off a ROC. That has steps, and few of them at 1e-6 of some thousand
 * impostors: which of its points is meant is a variant with a name.
 */
import { experimentError } from "../core/errors.js";
import { allowedAt } from "./rate-curves.js";
import { type RocPoint, rocPoints, type ScoreLists, withoutIntermediate } from "./score-lists.js";

/** How a rate is read off a ROC. */
export interface RateOptions {
  /** False accept rates at which the true accept rate is reported. */
  far?: readonly number[];
  /**
   * `nearest`: at the point whose rate is nearest, of two the higher one, as arcface_torch's IJB scripts. `interpolated`: on the line between two
   * points, as `numpy.interp`. `at-most`: at the last point with at most this rate, as NIST, and as `verification`.
   */
  farAt?: "nearest" | "interpolated" | "at-most";
  /** Points between two others on a straight line are left out, as scikit-learn's `roc_curve` does unless told otherwise: `nearest` cannot choose them then. */
  dropIntermediate?: boolean;
}

/** What those who gave no options get: what arcface_torch prints. */
export const AS_ARCFACE_TORCH = { farAt: "nearest", dropIntermediate: true } as const;

/** One rate that was asked for, and where it was found. */
export interface RateAt {
  readonly asked: number;
  /** `null` where it is finer than one impostor pair; `nearest` and `interpolated` tell something there as well. */
  readonly tar: number | null;
  /** The false accept rate of the point. */
  readonly far: number;
  /** Pairs that score this or more are accepted; nothing where none is. */
  readonly threshold: number | undefined;
}

/** Refuses rates that are none, and variants that there are not. `of` is the protocol's function. */
export function refuseBadRates(of: string, { far = [], farAt, dropIntermediate }: RateOptions): void {
  const odd = far.find((rate) => !(rate > 0 && rate <= 1));
  if (odd !== undefined) throw experimentError("bad-rates.rate", { of, rate: odd });
  if (farAt !== undefined && !["nearest", "interpolated", "at-most"].includes(farAt))
    throw experimentError("bad-rates.at", { of, value: String(farAt) });
  if (farAt !== undefined && farAt !== "nearest" && dropIntermediate !== undefined)
    throw experimentError("bad-rates.intermediate", { of, at: farAt });
}

export function ratesAt(lists: ScoreLists, options: RateOptions): readonly RateAt[] {
  const {
    far = [],
    farAt = AS_ARCFACE_TORCH.farAt,
    dropIntermediate = AS_ARCFACE_TORCH.dropIntermediate,
  } = options;
  const chosen = far.map((asked) => choices[farAt](asked, lists));
  const all = rocPoints(lists);
  for (const point of farAt === "nearest" && dropIntermediate ? withoutIntermediate(all) : all)
    for (const choice of chosen) choice.see(point);
  return chosen.map((choice) => choice.found());
}

/** Sees the points of a ROC, rising, and finds a rate on them. */
interface Choice {
  see(point: RocPoint): void;
  found(): RateAt;
}

/** Nothing is accepted. */
const START: RocPoint = { genuine: 0, impostor: 0, threshold: Number.POSITIVE_INFINITY };

const told = (asked: number, { genuine, impostor, threshold }: RocPoint, lists: ScoreLists): RateAt => ({
  asked,
  tar: genuine / lists.genuine.length,
  far: impostor / lists.impostor.length,
  threshold: Number.isFinite(threshold) ? threshold : undefined,
});

const choices: Readonly<
  Record<NonNullable<RateOptions["farAt"]>, (asked: number, of: ScoreLists) => Choice>
> = {
  nearest(asked, lists) {
    let [best, distance] = [START, asked];
    return {
      see(point) {
        const away = Math.abs(point.impostor / lists.impostor.length - asked);
        if (away <= distance) [best, distance] = [point, away];
      },
      found: () => told(asked, best, lists),
    };
  },
  interpolated(asked, lists) {
    let [before, next]: [RocPoint, RocPoint | undefined] = [START, undefined];
    return {
      see(point) {
        if (point.impostor / lists.impostor.length <= asked) before = point;
        else next ??= point;
      },
      found() {
        const low = told(asked, before, lists);
        if (!next) return low;
        const high = told(asked, next, lists);
        const slope = (high.tar! - low.tar!) / (high.far - low.far);
        return { ...low, tar: slope * (asked - low.far) + low.tar!, far: asked };
      },
    };
  },
  "at-most"(asked, lists) {
    const allowed = allowedAt(asked, lists.impostor.length);
    let best = START;
    return {
      see(point) {
        if (point.impostor <= allowed) best = point;
      },
      found: () => ({ ...told(asked, best, lists), ...(allowed < 1 && { tar: null }) }),
    };
  },
};
