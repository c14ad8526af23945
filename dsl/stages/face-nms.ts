/**
 * @file Face-NMS (arXiv 2109.04698, algorithm 1): of each identity only images that differ. With features f of length 1 and their
 * centre c, of the images that are left the one with the least f.c is kept, and all whose cosine to it is at least the threshold go.
 *
 * Identities of about one size are worked on together: places that they do not fill, at most a third, are masked. All cosines of an
 * identity are one product; the scan is a loop over places in the order of f.c. A share instead of a threshold is sought in passes over
 * the images that count what eight thresholds would keep, and take the ninth of the range in which the share lies.
 */
import { experimentError } from "../core/errors.js";
import { normalize } from "../core/functions.js";
import * as ops from "../core/ops.generated.js";
import { inRange, type Range } from "../core/range.js";
import type { Tensor } from "../core/tensor.js";
import type { DataSource } from "../method/source.js";
import type { Left } from "../method/stage.js";
import type { BookState } from "../plan/book.js";
import {
  type Answered,
  type AnsweredOptions,
  answered,
  answering,
  type Call,
  type Callable,
  type Driver,
} from "./answered.js";

export interface FaceNmsOptions extends Pick<AnsweredOptions, "of" | "checkpoint" | "device" | "backend"> {
  /** Unit embeddings of the images, as `embed` makes them. */
  readonly features: DataSource;
  /** The cosine from which on an image is too near to one that is kept. */
  readonly threshold?: number;
  /** The share of the images that is kept; the threshold is found. One of the two. */
  readonly keep?: number;
}

/**
 * A core-set by Face-NMS. It leaves `images`, the positions of those that are kept in rising order, for `subset`, and the threshold,
 * how many images of how many are kept, and their share. Of equal scores the first image is taken first; the only image of an identity is kept.
 */
export function faceNms({ features, threshold, keep, ...where }: FaceNmsOptions): Answered {
  if ((threshold === undefined) === (keep === undefined)) throw experimentError("bad-face-nms", {});
  if (threshold !== undefined) inRange("faceNms", "threshold", threshold, COSINE);
  if (keep !== undefined) inRange("faceNms", "keep", keep, KEPT);
  const options = keep === undefined ? { threshold } : { keep };
  return answered("face-nms", { data: features, options, ...where }, ({ offsets, shape }) => {
    const groups = groupsOf(offsets);
    const length = shape[0] * shape[1] * shape[2];
    return answering(
      {},
      (compiled) => {
        /** The scan for a number of thresholds, of groups with so many places. */
        const scan = (places: number, people: number, thresholds: number) => {
          const plan = {
            thresholds: new Float32Array(thresholds),
            counts: new Int32Array(people),
            most: 0,
          };
          return compiled({ rows: people * places, plan }, (_, rows, { thresholds, counts, most }) =>
            kept(rows.reshape([people, places, length]), counts, thresholds, most),
          );
        };
        const sizes = [...new Map(groups.map(({ places, people }) => [places, people]))];
        const named = (what: string, thresholds: number) =>
          sizes.map(([places, people]) => [`${what}${places}`, scan(places, people, thresholds)] as const);
        return Object.fromEntries([
          ...named("choose", 1),
          ...(keep === undefined ? [] : named("count", AT_ONCE)),
        ]);
      },
      (functions) => new Selection(functions, groups, offsets, threshold, keep),
    );
  });
}

const COSINE: Range = { wanted: "a cosine, from -1 to 1", holds: (x) => Math.abs(x) <= 1 };
const KEPT: Range = { wanted: "a share of the images above 0, at most 1", holds: (x) => x > 0 && x <= 1 };

type Three = Tensor<readonly [number, number, number], "f32">;
type Vector<D extends "f32" | "i64"> = Tensor<readonly [number], D>;

/**
 * For each threshold, which of a group's images are kept, and how many. `rows` [people, places, length], of which `counts` are there,
 * `most` at most.
 */
const kept = (rows: Three, counts: Vector<"i64">, thresholds: Vector<"f32">, most: number) => {
  const [people, places] = [rows.shape[0], rows.shape[1]];
  const features = normalize(rows);
  const place = ops.arange(places);
  const there = place.reshape([1, places]).lt(counts.reshape([people, 1]));
  const present = features.mul(there.to("f32").reshape([people, places, 1]));
  // The sum of the features stands for their centre, which is it divided by their number: the order is the same.
  const scores = present.mul(present.sum([1], { keepdim: true })).sum([2]);
  const order = ops.where(there, scores, Number.POSITIVE_INFINITY).argsort(1);
  const inOrder = features.gather(
    order.reshape([people, places, 1]).expand([people, places, rows.shape[2]]),
    1,
  );
  const cosines = inOrder.matmul(inOrder.transpose(1, 2)).reshape([1, people, places, places]);
  const limits = thresholds.reshape([-1, 1, 1]);
  let left = there.reshape([1, people, places]).logical_and(limits.ge(-2));
  for (let i = 0; i < most; i++) {
    const near = cosines.narrow(2, i, 1).squeeze(2).ge(limits);
    const dropped = near.logical_and(left.narrow(2, i, 1)).logical_and(place.gt(i));
    left = left.logical_and(dropped.logical_not());
  }
  const none = ops.full([people, places], 0);
  return {
    counts: left.to("f32").sum([1, 2]),
    kept: none.scatter(order, left.to("f32").amax(0), 1).gt(0),
  };
};

type Scan = Callable<
  { readonly thresholds: Float32Array; readonly counts: Int32Array; readonly most: number },
  ReturnType<typeof kept>
>;

/** Identities that are worked on together, with places for the largest of them. */
interface Group {
  readonly places: number;
  /** How many identities a call takes: those of the fullest group with as many places. */
  readonly people: number;
  readonly identities: readonly number[];
}

/** Places of a call, of all its identities. */
const PLACES = 4096;

/** Identities of two images or more, in groups: 2, 3, 4, 6, 8, 12, … places each, so that at most a third of them is empty. */
export function groupsOf(offsets: Int32Array): readonly Group[] {
  const bySize = new Map<number, number[]>();
  for (let identity = 0; identity + 1 < offsets.length; identity++) {
    const images = offsets[identity + 1]! - offsets[identity]!;
    if (images < 2) continue;
    const power = 2 ** Math.floor(Math.log2(images));
    const places = images === power ? power : images <= 1.5 * power ? 1.5 * power : 2 * power;
    const size = bySize.get(places);
    if (size) size.push(identity);
    else bySize.set(places, [identity]);
  }
  return [...bySize]
    .sort(([a], [b]) => a - b)
    .flatMap(([places, all]) => {
      const people = Math.min(all.length, Math.max(1, Math.floor(PLACES / places)));
      return Array.from({ length: Math.ceil(all.length / people) }, (_, i) => ({
        places,
        people,
        identities: all.slice(i * people, (i + 1) * people),
      }));
    });
}

/** Thresholds that one pass counts for, and passes at most. 2 / 9^6 is less than two neighbouring f32 near 1 differ by many times. */
const AT_ONCE = 8;
const PASSES = 6;

/** Passes over the groups: for a share, such that count and narrow the range of thresholds; then the one that chooses. */
class Selection implements Driver {
  private readonly kept: Uint8Array;
  private pass: number;
  private given = 0;
  private heard = 0;
  private low = -1;
  private high = 1;
  private readonly counts = new Float64Array(AT_ONCE);
  /** The threshold that comes closest to the share, and what it keeps; the best known so far. */
  private best: number;
  private reached = Number.POSITIVE_INFINITY;
  /** Images that are alone, which every threshold keeps. */
  private readonly alone: number;

  constructor(
    private readonly functions: Readonly<Record<string, Scan>>,
    private readonly groups: readonly Group[],
    private readonly offsets: Int32Array,
    threshold: number | undefined,
    private readonly keep: number | undefined,
  ) {
    this.pass = keep === undefined ? PASSES : 0;
    this.best = Math.fround(threshold ?? 1);
    this.kept = new Uint8Array(offsets.at(-1)!).fill(1);
    this.alone = offsets.subarray(1).reduce((n, end, i) => n + (end - offsets[i]! === 1 ? 1 : 0), 0);
  }

  next(): Call | "wait" | "done" {
    if (this.given < this.groups.length) return this.call(this.groups[this.given++]!);
    if (this.heard < this.given) return "wait";
    if (this.pass === PASSES) return "done";
    this.narrow();
    [this.given, this.heard] = [0, 0];
    return this.groups.length > 0 ? this.next() : "done";
  }

  private call(group: Group): Call {
    const { places, identities } = group;
    const { rows, counts, most } = this.filled(group);
    if (this.pass === PASSES)
      return this.functions[`choose${places}`]!(
        { rows, plan: { thresholds: Float32Array.of(this.best), counts, most }, wants: ["kept"] },
        ({ kept }) => {
          this.heard++;
          this.take(kept, places, identities);
        },
      );
    return this.functions[`count${places}`]!(
      { rows, plan: { thresholds: this.thresholds(), counts, most }, wants: ["counts"] },
      ({ counts }) => {
        this.heard++;
        for (let i = 0; i < AT_ONCE; i++) this.counts[i]! += counts[i]!;
      },
    );
  }

  /** The rows of a call: an identity's images, and its first one again in places that are empty. */
  private filled({ places, people, identities }: Group) {
    const rows = new Int32Array(people * places);
    const counts = new Int32Array(people);
    let most = 0;
    for (const [i, identity] of identities.entries()) {
      const [first, end] = [this.offsets[identity]!, this.offsets[identity + 1]!];
      counts[i] = end - first;
      most = Math.max(most, end - first);
      for (let place = 0; place < places; place++)
        rows[i * places + place] = first + (place < end - first ? place : 0);
    }
    return { rows, counts, most };
  }

  private take(kept: Uint8Array, places: number, identities: readonly number[]): void {
    for (const [i, identity] of identities.entries()) {
      const [first, end] = [this.offsets[identity]!, this.offsets[identity + 1]!];
      this.kept.set(kept.subarray(i * places, i * places + end - first), first);
    }
  }

  /** Eight that divide the range into nine. */
  private thresholds(): Float32Array {
    const { low, high } = this;
    return Float32Array.from({ length: AT_ONCE }, (_, i) => low + ((i + 1) * (high - low)) / (AT_ONCE + 1));
  }

  /** After a pass that counted: the ninth of the range in which the share lies. More is kept the higher the threshold, but for details. */
  private narrow(): void {
    const thresholds = this.thresholds();
    const wanted = this.keep! * this.kept.length;
    for (const [i, threshold] of thresholds.entries()) {
      const reached = this.alone + this.counts[i]!;
      if (Math.abs(reached - wanted) < Math.abs(this.reached - wanted))
        [this.best, this.reached] = [threshold, reached];
      if (reached < wanted) this.low = threshold;
    }
    this.high =
      thresholds.find((threshold, i) => threshold > this.low && this.alone + this.counts[i]! >= wanted) ??
      this.high;
    this.counts.fill(0);
    this.pass = this.reached === wanted ? PASSES : this.pass + 1;
  }

  progress(): string {
    const counted =
      this.keep === undefined
        ? ""
        : `${this.pass === PASSES ? "choosing" : `threshold ${this.best.toFixed(4)}`}: `;
    return `${counted}${this.heard} of ${this.groups.length} groups`;
  }

  state(): BookState {
    const { pass, given, heard, low, high, best, reached } = this;
    return {
      pass,
      given,
      heard,
      low,
      high,
      best,
      reached,
      counts: this.counts.slice(),
      kept: this.kept.slice(),
    };
  }

  restore(state: BookState): void {
    const { counts, kept, ...numbers } = state;
    Object.assign(this, numbers);
    this.counts.set(counts as Float64Array);
    this.kept.set(kept as Uint8Array);
  }

  result(): Left {
    const images = Int32Array.from(this.kept.keys()).filter((image) => this.kept[image]);
    const numbers = { threshold: this.best, images: this.kept.length, kept: images.length };
    return { arrays: { images }, numbers: { ...numbers, share: images.length / this.kept.length } };
  }
}
