/** @file Some of the identities of an index as a set of images of its own. */
import type { Catalogue, Names, OpenedData } from "../method/source.js";
import type { Division, Stretch } from "./held-out.js";
import type { ImageSpec } from "./image-options.js";
import type { ImageIndex } from "./index-file.js";

/** An index as the two sets of a division; `where` and `places` say where its images lie. */
export function cataloguesOf(
  index: ImageIndex,
  division: Division,
  where: Readonly<Record<string, unknown>>,
  places: readonly string[],
  { spec, shape, places: more }: ImageSpec,
): Pick<OpenedData, "train" | "heldOut"> {
  const catalogue = (people: readonly Stretch[]): Catalogue => ({
    spec: { ...where, index: index.path, indexId: index.id, people, ...spec },
    places: [...places, ...more, "index", "indexId", "people"],
    ...partOf(index, people),
    shape,
    buffers: {},
  });
  return { train: catalogue(division.train), heldOut: catalogue(division.heldOut) };
}

/** What was passed over, in a line, and what else the scan remarked; nothing where there is no such thing. */
export function notesOf(what: string, index: ImageIndex): readonly string[] {
  const skipped = JSON.parse(index.facts.skipped!) as readonly string[];
  const remarks = JSON.parse(index.facts.remarks ?? "[]") as readonly string[];
  const counted = (n: number) => n.toLocaleString("en-US");
  const all = `${what}: ${counted(index.identities.length)} identities, ${counted(index.images)} images`;
  return [
    ...(skipped.length > 0 ? [`${all}; skipped ${skipped.join(", ")}`] : []),
    ...remarks.map((remark) => `${what}: ${remark}`),
  ];
}

/** Some of the identities. */
function partOf(
  index: ImageIndex,
  people: readonly Stretch[],
): Pick<Catalogue, "offsets" | "digests"> & { names: Names; people: Names } {
  const count = people.reduce((sum, [first, end]) => sum + end - first, 0);
  const offsets = new Int32Array(count + 1);
  /** Of each stretch its first image here, and that in the index. */
  const starts: [here: number, there: number][] = [];
  let identity = 0;
  for (const [first, end] of people) {
    const [here, there] = [offsets[identity]!, index.offsets[first]!];
    starts.push([here, there]);
    for (let i = first; i < end; i++) offsets[++identity] = here + index.offsets[i + 1]! - there;
  }
  const length = offsets[count]!;
  const slice = (first: number, end: number): readonly string[] =>
    starts.flatMap(([here, there], i) => {
      const from = Math.max(first, here);
      const to = Math.min(end, starts[i + 1]?.[0] ?? length);
      return from < to ? index.names(there + from - here, there + to - here) : [];
    });
  return {
    offsets,
    names: { length, slice },
    people: namesOf(index, people),
    ...(index.digests(0, 0) && { digests: digestsOf(index, people) }),
  };
}

/** The digests of the identities of some stretches, counted through. */
const digestsOf = (index: ImageIndex, people: readonly Stretch[]) => (from: number, to: number) =>
  Buffer.concat(inEach(people, from, to, (first, end) => [index.digests(first, end)!]));

/** The names of the identities of some stretches, likewise. */
const namesOf = ({ identities }: ImageIndex, people: readonly Stretch[]): Names => ({
  length: people.reduce((sum, [first, end]) => sum + end - first, 0),
  slice: (from, to) => inEach(people, from, to, (first, end) => identities.slice(first, end)),
});

/** What `of` gives of the identities from `from` to before `to`, counted through the stretches. */
function inEach<T>(
  people: readonly Stretch[],
  from: number,
  to: number,
  of: (first: number, end: number) => readonly T[],
): T[] {
  let before = 0;
  return people.flatMap(([first, end]) => {
    const [a, b] = [Math.max(from - before, 0), Math.min(to - before, end - first)];
    before += end - first;
    return a < b ? of(first + a, first + b) : [];
  });
}
