/** @file A source for what lies at a path: which function reads it, with which options, and the line that declares it. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import { type Kind, kindAt, LISTS } from "../../dsl/data/recognise.js";
import {
  binSet,
  type DataSource,
  flatFolder,
  type ImageOptions,
  imageFolder,
  imageList,
  lmdb,
  numpyImages,
  parquet,
  recordIO,
  webDataset,
} from "../../dsl/index.js";

type Options = Readonly<Record<string, unknown>>;

/** How a function is told of a path: the option that names it, and others that it needs, where what lies around tells them. */
interface Reader {
  readonly make: (options: never) => DataSource;
  readonly option: string;
  readonly others?: (path: string) => Options;
}

const READERS: Readonly<Record<string, Reader>> = {
  recordIO: { make: recordIO, option: "path" },
  webDataset: { make: webDataset, option: "path" },
  parquet: { make: parquet, option: "path" },
  binSet: { make: binSet, option: "path" },
  imageList: { make: imageList, option: "list" },
  imageFolder: { make: imageFolder, option: "root" },
  lmdb: { make: lmdb, option: "path", others: (path) => ({ labels: labelsOfDatabase(path) }) },
  numpyImages: { make: numpyImages, option: "images", others: labelsOfArrays },
  flatFolder: { make: flatFolder, option: "root", others: (path) => ({ identity: identityIn(path) }) },
};

export interface SourceAt {
  readonly kind: Kind;
  readonly source: (images: ImageOptions) => DataSource;
  /** A line of TypeScript that declares it. */
  readonly declaration: (images: ImageOptions) => string;
}

/** What reads the files at a path, with some of its options as `--set` gives them. Refuses what no source reads. */
export function sourceAt(given: string, settings: Readonly<Record<string, string>>): SourceAt {
  const path = resolve(given);
  if (!existsSync(path)) throw experimentError("data-path.missing", { path });
  const { kind, at } = known(path);
  const reader = READERS[kind.reader]!;
  const told = Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, optionOf(value)]));
  const missing = Object.entries(reader.others?.(at) ?? {}).filter(([name]) => !(name in told));
  const unknown = missing.find(([, value]) => value === undefined);
  if (unknown)
    throw experimentError("data-path.option", {
      path,
      what: kind.what,
      function: kind.reader,
      option: unknown[0],
    });
  const options = { [reader.option]: at, ...Object.fromEntries(missing), ...told };
  return {
    kind,
    source: (images) => reader.make({ ...images, ...options } as never),
    declaration: (images) => `${kind.reader}({ ${written({ ...options, ...images })} })`,
  };
}

/** What lies there; of a folder of images with a list beside them, the list. */
function known(path: string): { readonly kind: Kind; readonly at: string } {
  const kind = kindAt(path);
  if (kind === undefined) throw experimentError("data-path.unknown", { path });
  if (kind.reader !== "flatFolder") return { kind, at: path };
  const lists = listsIn(path);
  if (lists.length !== 1) return { kind, at: path };
  return { kind: kindAt(lists[0]!)!, at: lists[0]! };
}

const listsIn = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => !name.startsWith(".") && LISTS.has(extname(name).toLowerCase()))
    .map((name) => join(folder, name))
    .filter((path) => kindAt(path)?.reader === "imageList");

/** Numbers, lists and `true` as such, anything else as text. */
function optionOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** FFC's list beside a database, or the only one that is there. */
function labelsOfDatabase(path: string): string | undefined {
  const folder = dirname(statSync(path).isDirectory() ? path : dirname(path));
  const lists = listsIn(folder);
  const ffc = lists.filter((list) => basename(list).endsWith("_kv.txt"));
  return ffc.length === 1 ? ffc[0] : lists.length === 1 ? lists[0] : undefined;
}

/** Labels beside an `.npy`: its name with `labels` for `images`, or `labels.npy`. An `.npz` holds both. */
function labelsOfArrays(path: string): Options {
  if (extname(path) !== ".npy") return {};
  const names = [basename(path).replace("images", "labels"), "labels.npy"];
  const beside = names
    .map((name) => join(dirname(path), name))
    .find((file) => file !== path && existsSync(file));
  return { labels: beside };
}

/** How names in a folder usually tell whose an image is; of the patterns that fit all, the first by which someone has several images. */
function identityIn(folder: string): string | undefined {
  const stems = readdirSync(folder)
    .filter((name) => !name.startsWith(".") && /\.(jpe?g|png|webp|bmp|pgm|ppm)$/i.test(name))
    .slice(0, MOST_NAMES)
    .map((name) => name.slice(0, -extname(name).length));
  const fitting = USUAL.find(([, fits]) => {
    const people = stems.map((stem) => fits.exec(stem)?.[1]);
    return people.every((person) => person !== undefined) && new Set(people).size < people.length;
  });
  return fitting?.[0];
}

const MOST_NAMES = 10_000;
const USUAL: readonly (readonly [pattern: string, fits: RegExp])[] = [
  ["{identity}_c{camera}_{image}", /^(.+)_c\d.*_.*$/],
  ["{identity}_{image}", /^(.+)_.*$/],
  ["{identity}-{image}", /^(.+)-.*$/],
];

const written = (options: Options): string =>
  Object.entries(options)
    .map(([name, value]) => `${name}: ${JSON.stringify(value).replaceAll(",", ", ")}`)
    .join(", ");
