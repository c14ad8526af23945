/** @file Who is enrolled and what is searched for: the draw behind identification. */
import { experimentError } from "../core/errors.js";
import { randomU32 } from "../plan/counter-random.js";
import { keyedPermutation } from "../plan/keyed-permutation.js";
import { shareOf } from "../plan/share.js";

/** People drawn for identification. Rows are positions in `images`. */
export interface Searches {
  /** Indices into the source: of each enrolled person the enrolled ones, then what is searched for. */
  readonly images: Int32Array;
  /** The enrolled person, from 0, that each of the first rows belongs to. */
  readonly enrolled: Int32Array;
  /** Of each row after these, the enrolled person that it shows; -1 of people who are not enrolled. */
  readonly mates: Int32Array;
  /** People who are not enrolled. */
  readonly unknown: number;
  /** People who have too few images to be enrolled. */
  readonly leftOut: number;
}

/** What a draw amounts to, for messages. */
export interface Drawn {
  readonly people: number;
  readonly unknown: number;
  readonly enrolled: number;
  readonly mated: number;
  readonly nonMated: number;
}

const UNKNOWN = 0x756e6b6e;
const GALLERY = 0x67616c6c;

/** How many stay unknown: so many, or a share below 1. */
export const unknownOf = (option: number, people: number): number =>
  option < 1 ? shareOf(option, people) : option;

/**
 * Draws who stays unknown, and of everybody else which `gallery` images are enrolled. All other images are searched for: mated
 * searches, of enrolled people, and non-mated ones, of unknown people. Who has as many images as are enrolled is enrolled and
 * never searched for; who has fewer is left out.
 */
export function drawSearches(
  offsets: Int32Array,
  { gallery, unknown, seed }: { gallery: number; unknown: number; seed: number },
): Searches {
  const people = offsets.length - 1;
  const staying = Math.min(people, unknownOf(unknown, people));
  const order = people > 0 ? keyedPermutation(people, randomU32(seed, UNKNOWN, 0)) : undefined;
  const strangers = new Set(Array.from({ length: staying }, (_, i) => order!.at(i)));
  const enrolledImages: number[] = [];
  const enrolled: number[] = [];
  const searched: number[] = [];
  const mates: number[] = [];
  let [templates, leftOut] = [0, 0];
  for (let person = 0; person < people; person++) {
    const [first, count] = [offsets[person]!, offsets[person + 1]! - offsets[person]!];
    const isStranger = strangers.has(person);
    if (!isStranger && count < gallery) {
      leftOut++;
      continue;
    }
    const taken = new Set<number>();
    if (!isStranger) {
      const images = keyedPermutation(count, randomU32(seed, GALLERY, person));
      for (let i = 0; i < gallery; i++) taken.add(images.at(i));
    }
    for (let image = 0; image < count; image++) {
      const [images, whose] = taken.has(image) ? [enrolledImages, enrolled] : [searched, mates];
      images.push(first + image);
      whose.push(isStranger ? -1 : templates);
    }
    if (!isStranger) templates++;
  }
  refuseTooFew({
    people,
    unknown: staying,
    enrolled: templates,
    mated: mates.filter((mate) => mate >= 0).length,
    nonMated: mates.filter((mate) => mate < 0).length,
  });
  return {
    images: Int32Array.from([...enrolledImages, ...searched]),
    enrolled: Int32Array.from(enrolled),
    mates: Int32Array.from(mates),
    unknown: staying,
    leftOut,
  };
}

/** Throws F2C2507 where nothing can be told: one enrolled person is always the nearest, and without searches there is no rate. */
export function refuseTooFew(
  { people, unknown, enrolled, mated, nonMated }: Drawn,
  counted = "all images counted",
): void {
  if (enrolled >= 2 && mated >= 1 && (unknown === 0 || nonMated >= 1)) return;
  throw experimentError("too-few-searches", { people, counted, unknown, nonMated, enrolled, mated });
}
