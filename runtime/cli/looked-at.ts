/** @file What the commands of `data` look at: the data of an experiment, or files at a path, whose source is guessed. */

import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  type Evaluation,
  HELD_OUT,
  type LoadedExperiment,
  loadExperiment,
  openData,
  openEvaluations,
  openingContext,
} from "../../compiler/index.js";
import { kindsOfImages } from "../../dsl/data/concat.js";
import type { Catalogue, ImageOptions, OpenedData } from "../../dsl/index.js";
import type { HostSession, Inspected } from "../stages/host-session.js";
import { settingsOf } from "./settings.js";
import "./scanning.js";
import { sourceAt } from "./source-at.js";

export interface LookingOptions {
  readonly set?: readonly string[];
  /** Of a path: height and width that images are brought to, as `112` or `112,96`. */
  readonly size?: string;
}

export interface LookedAt {
  readonly name: string;
  readonly train: Catalogue;
  readonly heldOut: Catalogue;
  readonly notes: readonly string[];
  readonly evaluations: readonly Evaluation[];
  /** Of an experiment. */
  readonly loaded?: LoadedExperiment;
  /** Of a path: what lies there in words, and the line that declares it. */
  readonly found?: { readonly what: string; readonly declaration: string };
}

const IS_CODE = /\.[cm]?[jt]sx?$/;

/** Opens it; `host` is asked for where images have to be looked at before. */
export async function lookedAt(
  file: string,
  options: LookingOptions,
  host: () => Promise<HostSession>,
): Promise<LookedAt> {
  return IS_CODE.test(file) ? ofExperiment(file, options) : await atPath(file, options, await host());
}

function ofExperiment(file: string, { set, size }: LookingOptions): LookedAt {
  if (size !== undefined) throw experimentError("bad-command-line.size-of-experiment", {});
  const loaded = loadExperiment(file, settingsOf(set));
  const { train, heldOut, notes = [] } = openData(loaded);
  const { evaluations, notes: others } = openEvaluations(loaded, {
    experiment: loaded.experiment,
    train,
    heldOut,
  });
  return {
    name: loaded.experiment.name,
    train,
    heldOut,
    notes: [...notes, ...others],
    evaluations,
    loaded,
  };
}

/** Images are read small first: their own size, which most of a sample have, is the size then. */
async function atPath(path: string, { set, size }: LookingOptions, host: HostSession): Promise<LookedAt> {
  const asked = sizeOf(size);
  const { kind, source, declaration } = sourceAt(path, settingsOf(set));
  const open = (images: ImageOptions): OpenedData =>
    source(images).open(openingContext({ directory: process.cwd() }));
  const first = open({ size: asked ?? SMALL });
  const usual = usualOf(await sampleOf(host, "sample", first.train));
  const images: ImageOptions = {
    size: asked ?? usual.size,
    ...(usual.channels === 1 && { channels: 1 }),
  };
  const { train, heldOut, notes = [] } = open(images);
  return {
    name: path,
    train,
    heldOut,
    notes,
    evaluations: [],
    found: { what: kind.what, declaration: declaration(images) },
  };
}

const SMALL = 112;

function sizeOf(text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined) return undefined;
  const [height, width = height] = text.split(",").map(Number) as [number, number?];
  if (/^\d+(,\d+)?$/.test(text) && height > 0 && width! > 0) return [height, width!];
  throw experimentError("bad-command-line.size", { size: text });
}

/** Images that are looked at, spread over a set. */
const SAMPLE = 256;

export interface Sample {
  readonly images: Int32Array;
  readonly found: Inspected;
}

export async function sampleOf(host: HostSession, name: string, catalogue: Catalogue): Promise<Sample> {
  const all = catalogue.offsets.at(-1)!;
  const count = Math.min(SAMPLE, all);
  const images = Int32Array.from({ length: count }, (_, i) => Math.floor((i * all) / count));
  await host.open(name, catalogue);
  return { images, found: await host.inspect(name, images) };
}

/** A photograph of a camera is not read in its full size unless that is asked for. */
const LARGEST = 512;

/** The size that most images of a sample have, unless that is large, and whether any has colours. */
export function usualOf({ found: { size, channels } }: Sample): {
  readonly size: readonly [height: number, width: number];
  readonly channels: 1 | 3;
} {
  const whole = Array.from(channels, (_, i) => [size[2 * i + 1]!, size[2 * i]!] as const).filter(
    ([height]) => height > 0,
  );
  const [[most, count] = [[SMALL, SMALL] as const, 0]] = countsOf(whole);
  const isUsual = 2 * count > whole.length && Math.max(...most) <= LARGEST;
  return { size: isUsual ? most : [SMALL, SMALL], channels: channels.some((n) => n === 3) ? 3 : 1 };
}

/** Different values and how often each is there, the most frequent first. */
export function countsOf<T>(values: readonly T[]): readonly (readonly [T, number])[] {
  const counts = new Map<string, [T, number]>();
  for (const value of values) {
    const key = JSON.stringify(value);
    const known = counts.get(key);
    if (known) known[1]++;
    else counts.set(key, [value, 1]);
  }
  return [...counts.values()].sort(([, a], [, b]) => b - a);
}

const IN_FILES: ReadonlySet<unknown> = new Set(["image_folder", "packed_images"]);
export const kindsWithoutFiles = (set: Catalogue): readonly unknown[] =>
  [...kindsOfImages(set)].filter((kind) => !IN_FILES.has(kind));
export const liesInFiles = (set: Catalogue): boolean => kindsWithoutFiles(set).length === 0;

/** The sets of images of what is looked at that lie in files, by their names: each of them once. */
export function setsOf(
  { train, heldOut, evaluations }: LookedAt,
  inFiles: (set: Catalogue) => boolean,
): ReadonlyMap<string, Catalogue> {
  const sets = new Map([
    ["train", train],
    [HELD_OUT, heldOut],
  ]);
  for (const { source, people } of evaluations) if (inFiles(people)) sets.set(source, people);
  return new Map([...sets].filter(([, { offsets }]) => offsets.at(-1)! > 0));
}
