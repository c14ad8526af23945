/** @file What an inspection of all image files amounts to: what is broken, what is doubled, what is suspicious. */
import { type Catalogue, personOf } from "../../dsl/index.js";
import { labelOf } from "../../dsl/plan/identity-stream.js";
import { grouped } from "../stages/facts.js";
import type { Inspected } from "../stages/host-session.js";

/** Images of one source, and what was found in them, in the order of its files. */
export interface InspectedPart {
  readonly catalogue: Catalogue;
  readonly heldOut: boolean;
  readonly found: Inspected;
}

export interface BrokenFile {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

/** Files that look the same to the net, and the people whose folders they lie in. */
export interface Doubled {
  readonly files: readonly string[];
  readonly people: readonly string[];
  /** Those of them that are held out for verification. */
  readonly heldOut: readonly string[];
}

export interface Suspicion {
  readonly kind: "flat" | "tiny" | "huge" | "transparent" | "bits" | "swapped";
  readonly message: string;
  readonly files: readonly string[];
}

export interface Findings {
  readonly identities: number;
  readonly images: number;
  readonly broken: readonly BrokenFile[];
  /** One picture under several people. */
  readonly shared: readonly Doubled[];
  /** One picture several times under one person. */
  readonly repeated: readonly Doubled[];
  readonly suspicious: readonly Suspicion[];
}

/** More pixels than this are much to decode for a small image, time and again. */
const HUGE = 16e6;
const MOST_BITS = 16;
const BLUE = 2;
/** Of how many colour pictures blue outweighs red until swapped channels are likely; skin is redder than blue. */
const MOSTLY = 0.8;
const ENOUGH_PICTURES = 5;

/** The images of all parts, numbered through. */
class AllImages {
  readonly count: number;
  private readonly firsts: readonly number[];

  constructor(private readonly parts: readonly InspectedPart[]) {
    let count = 0;
    this.firsts = parts.map(({ catalogue }) => {
      const first = count;
      count += catalogue.offsets.at(-1)!;
      return first;
    });
    this.count = count;
  }

  file(image: number): string {
    const part = this.partOf(image);
    const position = image - this.firsts[part]!;
    return this.parts[part]!.catalogue.names!.slice(position, position + 1)[0]!;
  }

  person(image: number): string {
    const part = this.partOf(image);
    const { catalogue } = this.parts[part]!;
    return personOf(catalogue, labelOf(catalogue.offsets, image - this.firsts[part]!))!;
  }

  /** Whether it is known who is on an image; of a set of pairs it is not. */
  hasOwner(image: number): boolean {
    return this.parts[this.partOf(image)]!.catalogue.pairs === undefined;
  }

  isHeldOut(image: number): boolean {
    return this.parts[this.partOf(image)]!.heldOut;
  }

  /** What was found broken, by image. */
  broken(): Map<number, Inspected["broken"][number]> {
    return new Map(
      this.parts.flatMap(({ found }, part) =>
        found.broken.map((b) => [this.firsts[part]! + b.position, b] as const),
      ),
    );
  }

  /** Every image for which this holds. */
  where(holds: (found: Inspected, position: number) => boolean): number[] {
    const images: number[] = [];
    this.parts.forEach(({ found }, part) => {
      for (let i = 0; i < found.bits.length; i++) if (holds(found, i)) images.push(this.firsts[part]! + i);
    });
    return images;
  }

  contents(): BigInt64Array {
    const all = new BigInt64Array(this.count);
    this.parts.forEach(({ found }, part) => {
      all.set(found.content, this.firsts[part]);
    });
    return all;
  }

  mostBits(): number {
    return this.parts.reduce((most, { found }) => found.bits.reduce((a, b) => Math.max(a, b), most), 0);
  }

  partOf(image: number): number {
    return this.firsts.findLastIndex((first) => first <= image);
  }
}

export function findingsOf(parts: readonly InspectedPart[]): Findings {
  const images = new AllImages(parts);
  const broken = images.broken();
  return {
    identities: parts.reduce((n, { catalogue }) => n + catalogue.offsets.length - 1, 0),
    images: images.count,
    broken: [...broken].map(([i, { code, message }]) => ({ file: images.file(i), code, message })),
    ...doubled(images, broken),
    suspicious: suspicions(parts[0]!.catalogue, images, broken),
  };
}

/** One picture that is trained on, and that an evaluation compares: its names on either side. */
export interface Overlap {
  readonly train: readonly string[];
  readonly evaluated: readonly { readonly source: string; readonly file: string }[];
}

/** What is alike in the images to train on and in those of evaluations that have a source of their own. */
export function overlapsOf(parts: ReadonlyMap<string, InspectedPart>): readonly Overlap[] {
  const sources = [...parts.keys()].filter((source) => !parts.get(source)!.heldOut);
  const images = new AllImages(sources.map((source) => parts.get(source)!));
  const isTrained = (image: number) => sources[images.partOf(image)] === "train";
  return alikeIn(images, images.broken())
    .filter((group) => group.some(isTrained) && !group.every(isTrained))
    .map((group) => ({
      train: [...group].filter(isTrained).map((image) => images.file(image)),
      evaluated: [...group]
        .filter((image) => !isTrained(image))
        .map((image) => ({ source: sources[images.partOf(image)]!, file: images.file(image) })),
    }));
}

/** Groups of images that look the same, in the order of their first. Sorted rather than hashed once more: there may be millions. */
function alikeIn(images: AllImages, broken: ReadonlyMap<number, unknown>): readonly Uint32Array[] {
  const contents = images.contents();
  // Pictures of one colour are alike without being the same.
  const order = Uint32Array.from(images.where((f, i) => f.flat[i] === 0)).filter((i) => !broken.has(i));
  order.sort((a, b) => (contents[a]! < contents[b]! ? -1 : contents[a]! > contents[b]! ? 1 : a - b));
  const groups: Uint32Array[] = [];
  for (let from = 0, to = 1; from < order.length; from = to++) {
    while (to < order.length && contents[order[to]!] === contents[order[from]!]) to++;
    if (to - from > 1) groups.push(order.subarray(from, to));
  }
  return groups.sort((a, b) => a[0]! - b[0]!);
}

function doubled(
  images: AllImages,
  broken: ReadonlyMap<number, unknown>,
): { shared: Doubled[]; repeated: Doubled[] } {
  const [shared, repeated]: [Doubled[], Doubled[]] = [[], []];
  for (const group of alikeIn(images, broken)) {
    const members = [...group].filter((image) => images.hasOwner(image));
    if (members.length < 2) continue;
    const people = [...new Set(members.map((i) => images.person(i)))];
    const heldOut = [...new Set(members.filter((i) => images.isHeldOut(i)).map((i) => images.person(i)))];
    (people.length > 1 ? shared : repeated).push({
      files: members.map((i) => images.file(i)),
      people,
      heldOut,
    });
  }
  return { shared, repeated };
}

function suspicions(
  { shape, spec }: Catalogue,
  images: AllImages,
  broken: ReadonlyMap<number, unknown>,
): Suspicion[] {
  const [, height, width] = shape;
  const found: Suspicion[] = [];
  const suspect = (
    kind: Suspicion["kind"],
    holds: (found: Inspected, position: number) => boolean,
    message: (count: string) => string,
  ): void => {
    const which = images.where(holds).filter((i) => !broken.has(i));
    if (which.length === 0) return;
    const count = `${grouped(which.length)} ${which.length === 1 ? "image" : "images"}`;
    found.push({ kind, message: message(count), files: which.map((i) => images.file(i)) });
  };
  suspect(
    "flat",
    (f, i) => f.flat[i] === 1,
    (n) => `${n} of one colour`,
  );
  suspect(
    "tiny",
    (f, i) => 2 * f.size[2 * i]! < width || 2 * f.size[2 * i + 1]! < height,
    (n) => `${n} smaller than half of the ${width} x ${height} pixels that training sees`,
  );
  suspect(
    "huge",
    (f, i) => f.size[2 * i]! * f.size[2 * i + 1]! > HUGE,
    (n) => `${n} of more than ${HUGE / 1e6} megapixels: they cost time at every reading; make smaller copies`,
  );
  suspect(
    "transparent",
    (f, i) => f.transparent[i] === 1,
    (n) => `${n} with transparent parts, which are shown grey`,
  );
  const given = spec.bits as number | undefined;
  const most = images.mostBits();
  const taken = Math.max(8, most + (most % 2));
  if (given !== undefined)
    suspect(
      "bits",
      (f, i) => f.bits[i]! > given,
      (n) => `${n} brighter than the ${given} bits of \`bits\` can hold: they are shown white there`,
    );
  else if (taken < MOST_BITS)
    suspect(
      "bits",
      (f, i) => f.bits[i]! > 0,
      (n) =>
        `${n} of 16 bits a channel, of which the brightest value fills ${most}: taken for ${taken} bits; \`bits: ${taken}\` of imageFolder says so for certain`,
    );
  const coloured = images.where((f, i) => f.tint[i]! > 0).length;
  const blue = images.where((f, i) => f.tint[i] === BLUE).length;
  if (coloured >= ENOUGH_PICTURES && blue >= MOSTLY * coloured)
    suspect(
      "swapped",
      (f, i) => f.tint[i] === BLUE,
      (n) =>
        `${n} in which blue outweighs red, of ${grouped(coloured)} in colour: are the channels swapped? \`channelOrder: "${spec.channelOrder === "bgr" ? "rgb" : "bgr"}"\` of imageFolder puts them right`,
    );
  return found;
}
