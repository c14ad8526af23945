/**
 * @file MegaFace, challenge 1: probes of FaceScrub and their mates among up to a million distractors, with the lists of noise that insightface's scripts
 * apply. docs/evaluating.md has the definitions, of ties and of what becomes of noise too.
 */
import { experimentError } from "../core/errors.js";
import { randomU32, randomUnit } from "../plan/counter-random.js";
import { keyedPermutation } from "../plan/keyed-permutation.js";
import { distinct } from "./image-names.js";
import { listFile } from "./list-lines.js";
import { type ListedImages, readImages } from "./megaface-lists.js";
import { keptFor, scoreMegaFace } from "./megaface-scores.js";
import {
  type EvaluateOptions,
  type Parts,
  type People,
  type Protocol,
  protocol,
  type Result,
  type Rows,
  type View,
} from "./protocol.js";

export interface MegaFaceOptions extends EvaluateOptions {
  /** The list of FaceScrub's probes: `…/person/image.png` a line. Relative to the experiment's file; images are found by their names. */
  probes: string;
  /** The list of distractors: a path a line. */
  distractors: string;
  /** Lists of images that show somebody else, by the ends of their paths; a line that begins with `#` is a comment. */
  noise?: { readonly probes?: string; readonly distractors?: string };
  /** Among how many distractors probes are searched for. 10, 100 … 1,000,000 unless told, as many as there are. */
  sizes?: readonly number[];
  /** False accept rates, of all pairs of a probe and a distractor, at which the true accept rate is reported. 1e-6 unless told. */
  far?: readonly number[];
}

const SIZES = [10, 100, 1_000, 10_000, 100_000, 1_000_000];
const DISTRACTORS = 0x64697374;
const JITTER = 0x6a697474;
/** How far the embedding that stands for noise is moved along each axis at most, as in insightface's `remove_noises.py`. */
const JITTERED = 0.001;

/** Probes among distractors: rank-1 at rising numbers of them, and TAR at FAR. */
export function megaFace({
  probes,
  distractors,
  noise = {},
  sizes,
  far = [1e-6],
  ...common
}: MegaFaceOptions): Protocol {
  for (const [option, list] of Object.entries({ probes, distractors }))
    if (typeof list !== "string" || list === "") throw experimentError("bad-megaface.list", { option });
  refuseBadNumbers(sizes, far);
  const options = { probes, distractors, noise, sizes: sizes ?? null, far };
  return protocol("megaface", { ...common, ...options }, (people) => {
    const faces = read(people, probes, noise.probes);
    const others = read(people, distractors, noise.distractors);
    const asked = sizesAmong(others, sizes);
    const drawn = keyedPermutation(others.images.length, randomU32(people.seed, DISTRACTORS, 0)).first(
      asked.at(-1)!,
    );
    const { images, positions } = distinct(
      Int32Array.from([...faces.images, ...drawn.map((place) => others.images[place]!)]),
    );
    const count = faces.images.length;
    keptFor(far, count * drawn.length);
    if (images.length < positions.length)
      throw experimentError("megaface-lists.both", { probes, distractors });
    const persons = personsOf(faces);
    refuseNoiseAlone(faces, persons);
    const wholeOthers = Uint8Array.from(drawn, (place) => 1 - others.noisy[place]!);
    return {
      images,
      drawn: [positions, persons, faces.noisy, wholeOthers],
      says: `${count} probes of ${new Set(persons).size} people (${sum(faces.noisy)} noisy) among up to ${drawn.length} distractors (${drawn.length - sum(wholeOthers)} noisy)`,
      async score(view) {
        const broken = new Set(view.broken);
        const kept = numbersTo(count).filter((row) => faces.noisy[row] === 1 || !broken.has(row));
        const rows = numbersTo(drawn.length).filter((i) => wholeOthers[i] === 1 && !broken.has(count + i));
        const at = asked.map((size) => ({ asked: size, rows: rows.filter((i) => i < size).length }));
        const scored = await scoreMegaFace(
          await withoutNoise(view, { kept, persons, noisy: faces.noisy, broken, seed: people.seed }),
          kept.map((row) => persons[row]!),
          view.some(rows.map((i) => count + i)),
          { sizes: at, far },
        );
        return withNotes(scored, broken.size, asked.length, sizes ? asked.length : SIZES.length);
      },
    };
  });
}

const numbersTo = (count: number) => Int32Array.from({ length: count }, (_, i) => i);
const sum = (marks: Uint8Array) => marks.reduce((total, mark) => total + mark, 0);

const read = ({ names, directory }: People, list: string, noise: string | undefined): ListedImages =>
  readImages(listFile(directory, list), noise === undefined ? undefined : listFile(directory, noise), names);

function refuseBadNumbers(sizes: readonly number[] | undefined, far: readonly number[]): void {
  const odd = sizes?.find((size, i) => !Number.isInteger(size) || size < 1 || size <= (sizes[i - 1] ?? 0));
  if (odd !== undefined || sizes?.length === 0)
    throw experimentError("bad-megaface.sizes", { sizes: sizes!.join(", ") });
  const rate = far.find((value) => !(value > 0 && value <= 1));
  if (rate !== undefined) throw experimentError("bad-rates.rate", { of: "megaFace", rate });
}

function sizesAmong({ file, images }: ListedImages, sizes: readonly number[] | undefined): readonly number[] {
  const count = images.length;
  const larger = sizes?.find((size) => size > count);
  if (larger !== undefined)
    throw experimentError("bad-megaface.size", { file: file.shown, count, size: larger });
  const some = sizes ?? SIZES.filter((size) => size <= count);
  return some.length > 0 ? some : [count];
}

/** People by their folders, numbered in the order of the list. */
function personsOf(faces: ListedImages): Int32Array {
  const numbers = new Map<string, number>();
  return faces.images.map((_, place) => {
    const folder = faces.folderOf(place);
    const number = numbers.get(folder) ?? numbers.size;
    numbers.set(folder, number);
    return number;
  });
}

/** The embedding that stands for noise is made of the person's other images. */
function refuseNoiseAlone(faces: ListedImages, persons: Int32Array): void {
  const clean = new Set(persons.filter((_, place) => faces.noisy[place] === 0));
  const place = persons.findIndex((person) => !clean.has(person));
  if (place < 0) return;
  throw experimentError("megaface-lists.noise-alone", {
    file: faces.file.shown,
    person: faces.folderOf(place),
  });
}

interface Noise {
  /** Rows of the probes that count. */
  readonly kept: Int32Array;
  readonly persons: Int32Array;
  readonly noisy: Uint8Array;
  readonly broken: ReadonlySet<number>;
  readonly seed: number;
}

/**
 * The probes; in place of one that is noise stands the sum of the person's clean ones, each at length 1, moved a little along each axis, so that no two are
 * the same.
 */
function withoutNoise(view: View, { kept, persons, noisy, broken, seed }: Noise): Promise<Rows> | Rows {
  if (!kept.some((row) => noisy[row] === 1)) return view.some(kept);
  const clean = new Map<number, number[]>();
  for (const [row, person] of persons.entries())
    if (noisy[row] === 0 && !broken.has(row)) clean.set(person, [...(clean.get(person) ?? []), row]);
  const [rows, into]: [number[], number[]] = [[], []];
  const plus = new Float64Array(kept.length * view.width);
  for (const [place, row] of kept.entries()) {
    for (const part of noisy[row] === 0 ? [row] : (clean.get(persons[row]!) ?? [])) {
      rows.push(part);
      into.push(place);
    }
    if (noisy[row] === 1)
      for (let d = 0; d < view.width; d++)
        plus[place * view.width + d] = JITTERED * (2 * randomUnit(seed, JITTER, row * view.width + d) - 1);
  }
  const parts: Parts = {
    rows: Int32Array.from(rows),
    into: Int32Array.from(into),
    weights: new Float64Array(rows.length).fill(1),
    unit: true,
    plus,
  };
  return view.sums(kept.length, parts);
}

function withNotes(result: Result, broken: number, sizes: number, of: number): Result {
  const notes = [];
  if (broken > 0) notes.push(`${broken} images cannot be decoded and are left out`);
  if (sizes < of) notes.push("there are fewer than 1,000,000 distractors: rank-1 among fewer is higher");
  return { ...result, notes };
}
