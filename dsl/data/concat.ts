/** @file Several sources as one: people of the first, then those of the next. */
import { experimentError } from "../core/errors.js";
import { type Catalogue, type DataSource, type Names, offsetsOf } from "../method/source.js";
import { SUBSET } from "./selected.js";

const CONCAT = "concat";

/**
 * The people of several sources, of one size of image: all to train on, one source after the other, and likewise those kept back. Nobody is
 * taken for the same person as one of another source, whatever their names.
 */
export function concat(...sources: readonly DataSource[]): DataSource {
  if (sources.length === 0) throw experimentError("bad-concat.none", {});
  const needs = [...new Set(sources.flatMap((source) => source.needs ?? []))];
  return {
    kind: CONCAT,
    ...(needs.length > 0 && { needs }),
    open: (context) => {
      const opened = sources.map((source) => source.open(context));
      return {
        train: joined(opened.map(({ train }) => train)),
        heldOut: joined(opened.map(({ heldOut }) => heldOut)),
        notes: opened.flatMap(({ notes = [] }) => notes),
      };
    },
  };
}

/**
 * Sets as one. What the spec of part 1 calls `root` is `1.root` in that of all, and so are its buffers. Sets without images are no part: a
 * source that keeps nobody back has no files to open for that.
 */
function joined(all: readonly Catalogue[]): Catalogue {
  const [first] = all;
  for (const part of all)
    if (described(part) !== described(first!))
      throw experimentError("bad-concat.shape", { first: described(first!), other: described(part) });
  const filled = all.filter(({ offsets }) => offsets.at(-1)! > 0);
  const parts = filled.length > 0 ? filled : all;
  const inPart = <T>(of: (part: Catalogue) => Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(
      parts.flatMap((part, i) => Object.entries(of(part)).map(([name, value]) => [`${i}.${name}`, value])),
    );
  return {
    spec: { kind: CONCAT, parts: parts.length, ...inPart(({ spec }) => spec) },
    places: parts.flatMap(({ places = [] }, i) => places.map((name) => `${i}.${name}`)),
    offsets: offsetsOf(Int32Array.from(parts.flatMap(({ offsets }) => [...countsOf(offsets)]))),
    shape: first!.shape,
    ...(first!.dtype && { dtype: first!.dtype }),
    buffers: inPart(({ buffers }) => buffers),
    ...(parts.every(({ names }) => names) && { names: namesOf(parts.map(({ names }) => names!)) }),
    ...(parts.every(({ people }) => people) && { people: namesOf(parts.map(({ people }) => people!)) }),
  };
}

const described = ({ shape, dtype }: Catalogue) =>
  `${shape.join(" x ")} ${dtype === undefined ? "pixels" : "numbers"}`;

const countsOf = (offsets: Int32Array) => offsets.subarray(1).map((end, i) => end - offsets[i]!);

function namesOf(parts: readonly Names[]): Names {
  const starts = offsetsOf(Int32Array.from(parts, ({ length }) => length));
  return {
    length: starts.at(-1)!,
    slice: (first, end) =>
      parts.flatMap((names, i) => {
        const [from, to] = [Math.max(first - starts[i]!, 0), Math.min(end - starts[i]!, names.length)];
        return from < to ? names.slice(from, to) : [];
      }),
  };
}

/** The kinds of the sources that a set is made of, through concatenations and parts of sets: each says its own under `kind`, or `of`. */
export const kindsOfImages = ({ spec }: Pick<Catalogue, "spec">): ReadonlySet<unknown> =>
  new Set(
    Object.entries(spec).flatMap(([name, value]) =>
      /(^|\.)(kind|of)$/.test(name) && value !== CONCAT && value !== SUBSET ? [value] : [],
    ),
  );
