/**
 * @file What a set of images consists of: identities in their order, the images of each, their file names where there are
 * files. One hash says whether two sets are the same; short hashes of blocks say where they part. Not in it: where the set
 * lies (it may move), and what is in the files (a name stands for a photograph).
 */
import { createHash } from "node:crypto";
import { type Catalogue, personOf } from "../../../dsl/index.js";

export interface Listing {
  readonly identities: number;
  readonly images: number;
  /** Of everything: names and numbers of images, in order. */
  readonly hash: string;
  /** Four digits for each block of `perBlock` identities, joined. */
  readonly blocks: string;
  readonly perBlock: number;
  /** The name of each block's first identity, where identities have names. */
  readonly names?: readonly string[];
}

const MOST_BLOCKS = 256;
const DIGITS = 4;
const LONGEST_NAME = 24;

export function listingOf(catalogue: Catalogue): Listing {
  const { offsets, names: files, digests } = catalogue;
  const identities = offsets.length - 1;
  // A power of two: a set that shrinks or grows by a few keeps its blocks.
  let perBlock = 1;
  while (perBlock * MOST_BLOCKS < identities) perBlock *= 2;
  const whole = createHash("sha256");
  let blocks = "";
  const names: string[] = [];
  for (let from = 0; from < identities; from += perBlock) {
    const to = Math.min(from + perBlock, identities);
    const counts = new Int32Array(to - from);
    for (let i = from; i < to; i++) counts[i - from] = offsets[i + 1]! - offsets[i]!;
    const block = createHash("sha256").update(counts);
    if (files) {
      const inBlock = files.slice(offsets[from]!, digests ? offsets[from]! + 1 : offsets[to]!);
      block.update(digests ? digests(from, to) : inBlock.join("\n"));
      names.push((personOf(catalogue, from) ?? "").slice(0, LONGEST_NAME));
    }
    const digest = block.digest();
    whole.update(digest);
    blocks += digest.toString("hex").slice(0, DIGITS);
  }
  return {
    identities,
    images: offsets.at(-1)!,
    hash: whole.digest("hex"),
    blocks,
    perBlock,
    ...(files && { names }),
  };
}

/** How many there are, for a message. */
export const countsOf = ({ identities, images }: Pick<Listing, "identities" | "images">): string =>
  `${identities.toLocaleString("en-US")} identities, ${images.toLocaleString("en-US")} images`;

/** Where two sets part, in words: the identity, or those among which it is. Empty where that is not known. */
export function firstDifference(was: Listing, is: Listing): string {
  if (was.perBlock !== is.perBlock) return "";
  const common = Math.min(was.blocks.length, is.blocks.length);
  let at = 0;
  while (at < common && was.blocks.slice(at, at + DIGITS) === is.blocks.slice(at, at + DIGITS)) at += DIGITS;
  const block = at / DIGITS;
  const [from, to] = [block * was.perBlock, (block + 1) * was.perBlock - 1];
  const named = ({ names }: Listing) => (names?.[block] ? `"${names[block]}"` : undefined);
  const [before, now] = [named(was), named(is)];
  const names =
    before === now ? before : [before && `was ${before}`, now && `is ${now}`].filter(Boolean).join(", ");
  if (was.perBlock === 1) return `the first that differs is number ${from}${names ? ` (${names})` : ""}`;
  return `the first that differs is one of numbers ${from} to ${to}${names ? ` (from ${names} on)` : ""}`;
}
