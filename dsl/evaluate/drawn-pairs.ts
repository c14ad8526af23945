/**
 * @file Drawing pairs without listing them: in time and memory of what is drawn, whatever there is to draw from.
 *
 * Up to 2^31 pairs are numbered, and a keyed permutation of the numbers gives any of them once. One person of 65,537 images makes
 * more; such crowds are drawn image by image, and what was drawn before is drawn again: so few are asked for that it is rare.
 */
import { randomBelow, randomU32 } from "../plan/counter-random.js";
import { keyedPermutation } from "../plan/keyed-permutation.js";

/** Two images, as indices into the source. */
export type Pair = readonly [a: number, b: number];

const NUMBERED = 0x8000_0000;

const GENUINE = 0x67656e75;
const LEFT_OVER = 0x6c656674;
const IMPOSTOR = 0x70616972;

/** How many pairs `images` images make; beyond 2^53 the nearest number that there is. */
export const pairsOf = (images: number): number => (images * (images - 1)) / 2;

/**
 * How many of `wanted` pairs each person supplies: the same from everybody, less from those who have no more. What is left over,
 * one each, comes from people drawn among the others. `offsets`: first image of each person, and the number of images at the end.
 */
function* shares(
  offsets: Int32Array,
  wanted: number,
  seed: number,
): Generator<[person: number, pairs: number]> {
  const people = offsets.length - 1;
  const available = (person: number) => pairsOf(offsets[person + 1]! - offsets[person]!);
  /** What a level of so many pairs from everybody comes to, and how many people have more. */
  const filled = (level: number) => {
    let [pairs, more] = [0, 0];
    for (let person = 0; person < people; person++) {
      const has = available(person);
      pairs += Math.min(has, level);
      if (has > level) more++;
    }
    return { pairs, more };
  };
  // The highest level that wants no more than is wanted.
  let [level, above] = [0, wanted + 1];
  while (above - level > 1) {
    const middle = Math.floor((level + above) / 2);
    if (filled(middle).pairs <= wanted) level = middle;
    else above = middle;
  }
  const { pairs, more } = filled(level);
  const left = wanted - pairs;
  // `left` is below `more`, or everybody has given everything.
  const order = more > 0 ? keyedPermutation(more, randomU32(seed, LEFT_OVER, 0)) : undefined;
  for (let person = 0, rank = 0; person < people; person++) {
    const has = available(person);
    const extra = has > level && order!.at(rank++) < left ? 1 : 0;
    const share = Math.min(has, level) + extra;
    if (share > 0) yield [person, share];
  }
}

/** `wanted` pairs of images of one person each, none twice, in the order of the people and their images. */
export function genuinePairs(offsets: Int32Array, wanted: number, seed: number): Pair[] {
  const pairs: Pair[] = [];
  for (const [person, share] of shares(offsets, wanted, seed)) {
    const first = offsets[person]!;
    const drawn = pairsAmong(offsets[person + 1]! - first, share, randomU32(seed, GENUINE, person));
    drawn.sort((x, y) => x[0] - y[0] || x[1] - y[1]);
    for (const [a, b] of drawn) pairs.push([first + a, first + b]);
  }
  return pairs;
}

/** `count` of the pairs among `images` images, none twice; the smaller index first. */
function pairsAmong(images: number, count: number, key: number): Pair[] {
  const all = pairsOf(images);
  if (all <= NUMBERED) {
    const order = keyedPermutation(all, key);
    return Array.from({ length: count }, (_, i) => pairAt(order.at(i)));
  }
  return distinct(count, (draw) => {
    const a = randomBelow(images, key, GENUINE, 2 * draw);
    const other = randomBelow(images - 1, key, GENUINE, 2 * draw + 1);
    const b = other < a ? other : other + 1;
    return a < b ? [a, b] : [b, a];
  });
}

/** The pair with this number: those whose larger index is b have the numbers from b (b - 1) / 2 on. */
function pairAt(number: number): Pair {
  let b = Math.floor((1 + Math.sqrt(1 + 8 * number)) / 2);
  // The root is rounded: it may be one off.
  while (pairsOf(b) > number) b--;
  while (pairsOf(b + 1) <= number) b++;
  return [number - pairsOf(b), b];
}

/** How many pairs of images of two people there are whose first image is of an earlier person; for all people at the end. */
function impostorsBefore(offsets: Int32Array): Float64Array {
  const people = offsets.length - 1;
  const total = offsets[people]!;
  const before = new Float64Array(people + 1);
  for (let person = 0; person < people; person++)
    before[person + 1] =
      before[person]! + (offsets[person + 1]! - offsets[person]!) * (total - offsets[person + 1]!);
  return before;
}

/** How many pairs of images of two people there are. */
export const impostorPairsOf = (offsets: Int32Array): number => impostorsBefore(offsets).at(-1)!;

/** `count` pairs of images of two people each, none twice, in no order; the person who comes first, first. */
export function impostorPairs(offsets: Int32Array, count: number, seed: number): Pair[] {
  const people = offsets.length - 1;
  const total = offsets[people]!;
  const before = impostorsBefore(offsets);
  const all = before[people]!;
  // The last person is nobody's first.
  const personAt = (number: number) => {
    let [low, high] = [0, people - 1];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (before[middle]! <= number) low = middle;
      else high = middle;
    }
    return low;
  };
  if (all <= NUMBERED) {
    const order = keyedPermutation(all, randomU32(seed, IMPOSTOR, 0));
    return Array.from({ length: count }, (_, i) => {
      const number = order.at(i);
      const person = personAt(number);
      const later = total - offsets[person + 1]!;
      const within = number - before[person]!;
      return [offsets[person]! + Math.floor(within / later), offsets[person + 1]! + (within % later)];
    });
  }
  return distinct(count, (draw) => {
    // Which person comes first is drawn by how many such pairs there are, to 53 bits: enough, where each image is drawn by itself.
    const person = personAt(unit(seed, 3 * draw) * all);
    const [first, end] = [offsets[person]!, offsets[person + 1]!];
    return [
      first + randomBelow(end - first, seed, IMPOSTOR, 3 * draw + 1),
      end + randomBelow(total - end, seed, IMPOSTOR, 3 * draw + 2),
    ];
  });
}

/** A number from 0 to below 1, to 53 bits. */
const unit = (seed: number, counter: number): number =>
  (randomBelow(0x800_0000, seed, IMPOSTOR, counter) * 0x400_0000 +
    randomBelow(0x400_0000, seed, IMPOSTOR ^ 1, counter)) /
  2 ** 53;

/** The first `count` draws that differ from those before. */
function distinct(count: number, draw: (draw: number) => Pair): Pair[] {
  const seen = new Map<number, Set<number>>();
  const pairs: Pair[] = [];
  for (let i = 0; pairs.length < count; i++) {
    const [a, b] = draw(i);
    const partners = seen.get(a) ?? new Set<number>();
    if (partners.has(b)) continue;
    seen.set(a, partners.add(b));
    pairs.push([a, b]);
  }
  return pairs;
}
