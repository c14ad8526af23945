/** @file `f2c-dsl data info`: how many people and images there are, and what a sample of the images is like. */
import type { Catalogue } from "../../dsl/index.js";
import { setUp } from "../bridge/python-environment.js";
import { grouped } from "../stages/facts.js";
import type { HostSession, Inspected } from "../stages/host-session.js";
import {
  countsOf,
  type LookingOptions,
  liesInFiles,
  lookedAt,
  type Sample,
  sampleOf,
  setsOf,
} from "./looked-at.js";
import { fail } from "./report.js";
import { startHost } from "./start-host.js";

interface InfoOptions extends LookingOptions {
  readonly json?: boolean;
}

export async function dataInfo(file: string, options: InfoOptions): Promise<void> {
  let host: HostSession | undefined;
  const started = async () => {
    host ??= await startHost(await setUp((line) => process.stderr.write(`${line}\n`)));
    return host;
  };
  try {
    const looked = await lookedAt(file, options, started);
    const { name, found, notes } = looked;
    const sets: SetInfo[] = [];
    for (const [set, catalogue] of setsOf(looked, () => true)) {
      const sample = liesInFiles(catalogue) ? await sampleOf(await started(), set, catalogue) : undefined;
      sets.push(infoOf(set, catalogue, sample));
    }
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ name, ...found, notes, sets }, undefined, 2)}\n`
        : `${[
            `${name}${found ? `: ${found.what}` : ""}`,
            ...notes,
            ...sets.flatMap((set) => described(set, found === undefined)),
            ...(found ? ["", `    data: ${found.declaration},`] : []),
          ].join("\n")}\n`,
    );
  } catch (error) {
    fail(error, { json: options.json === true });
  } finally {
    await host?.shutdown();
  }
}

/** Identities with so many images: from `least` to `most`. */
interface Bar {
  readonly least: number;
  readonly most: number;
  readonly identities: number;
}

interface SetInfo {
  readonly set: string;
  readonly identities: number;
  readonly images: number;
  readonly imagesAnIdentity: {
    readonly least: number;
    readonly median: number;
    readonly most: number;
    readonly mean: number;
    readonly histogram: readonly Bar[];
  };
  /** What was found in some of the images. */
  readonly sample?: {
    readonly images: number;
    readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[];
    readonly formats: readonly { readonly format: string; readonly images: number }[];
    readonly bytes: number;
    readonly broken: readonly { readonly file: string; readonly message: string }[];
  };
  /** Of all images, by those of the sample. */
  readonly bytes?: number;
}

export function infoOf(set: string, catalogue: Catalogue, sample?: Sample): SetInfo {
  const { offsets } = catalogue;
  const counts = offsets.subarray(1).map((end, i) => end - offsets[i]!);
  const [identities, images] = [counts.length, offsets.at(-1)!];
  const sorted = counts.slice().sort();
  return {
    set,
    identities,
    images,
    imagesAnIdentity: {
      least: sorted[0] ?? 0,
      median: sorted[Math.floor((identities - 1) / 2)] ?? 0,
      most: sorted.at(-1) ?? 0,
      mean: images / Math.max(1, identities),
      histogram: histogramOf(sorted),
    },
    ...(sample && sampleInfo(catalogue, sample)),
  };
}

/** Bars from each power of two to before the next; `sorted` rises. */
export function histogramOf(sorted: Int32Array): readonly Bar[] {
  const bars: Bar[] = [];
  let from = 0;
  for (let least = 1; from < sorted.length; least *= 2) {
    const most = 2 * least - 1;
    const end = sorted.findIndex((count, i) => i >= from && count > most);
    const to = end === -1 ? sorted.length : end;
    if (bars.length > 0 || to > from) bars.push({ least, most, identities: to - from });
    from = to;
  }
  return bars;
}

function sampleInfo(
  { names, offsets }: Catalogue,
  { images, found }: Sample,
): Pick<SetInfo, "sample" | "bytes"> {
  const broken = new Set(found.broken.map(({ position }) => position));
  const whole = [...images.keys()].filter((i) => !broken.has(i));
  const sizes = countsOf(whole.map((i) => [found.size[2 * i]!, found.size[2 * i + 1]!] as const));
  const formats = countsOf(whole.map((i) => formatOf(found, i)));
  const bytes = whole.reduce((sum, i) => sum + Number(found.bytes[i]!), 0);
  return {
    sample: {
      images: images.length,
      sizes: sizes.map(([[width, height], count]) => ({ width, height, images: count })),
      formats: formats.map(([format, count]) => ({ format, images: count })),
      bytes,
      broken: found.broken.map(({ position, message }) => ({
        file: names!.slice(images[position]!, images[position]! + 1)[0]!,
        message,
      })),
    },
    bytes: Math.round((bytes / Math.max(1, whole.length)) * offsets.at(-1)!),
  };
}

/** As the host numbers them. */
const FORMATS = ["?", "JPEG", "PNG", "WebP", "BMP", "PGM or PPM"] as const;

const formatOf = ({ format, channels }: Inspected, image: number) =>
  `${FORMATS[format[image]!] ?? "?"} ${channels[image] === 1 ? "grey" : "colour"}`;

const WIDEST = 40;
const MOST_ROWS = 5;

function described(info: SetInfo, isNamed: boolean): readonly string[] {
  const { set, identities, images, imagesAnIdentity, sample, bytes } = info;
  const { least, median, most, mean, histogram } = imagesAnIdentity;
  const highest = Math.max(...histogram.map((bar) => bar.identities));
  const label = (bar: Bar) =>
    bar.most > bar.least ? `${grouped(bar.least)}-${grouped(bar.most)}` : `${bar.least}`;
  const wide = Math.max(...histogram.map((bar) => label(bar).length));
  return [
    ...(isNamed ? [`${set}:`] : []),
    `${grouped(identities)} identities, ${grouped(images)} images`,
    `images an identity: ${grouped(least)} to ${grouped(most)}, median ${grouped(median)}, mean ${mean.toFixed(1)}`,
    ...histogram.map(
      (bar) =>
        `  ${label(bar).padStart(wide)}  ${"#".repeat(Math.ceil((WIDEST * bar.identities) / highest))} ${grouped(bar.identities)}`,
    ),
    ...(sample
      ? [
          `of ${sample.images === images ? "all" : `a sample of ${grouped(sample.images)}`}:`,
          `  sizes: ${someOf(sample.sizes.map(({ width, height, images: n }) => `${width} x ${height} (${grouped(n)})`))}`,
          `  formats: ${someOf(sample.formats.map(({ format, images: n }) => `${format} (${grouped(n)})`))}`,
          `  broken: ${sample.broken.length === 0 ? "none" : `${grouped(sample.broken.length)}, ${someOf(sample.broken.map(({ file }) => file))}`}`,
          `bytes: ${sample.images === images ? "" : "about "}${inWords(bytes!)}, ${inWords(bytes! / images)} an image`,
        ]
      : []),
  ];
}

const someOf = (items: readonly string[]): string =>
  [
    ...items.slice(0, MOST_ROWS),
    ...(items.length > MOST_ROWS ? [`${items.length - MOST_ROWS} more`] : []),
  ].join(", ");

const inWords = (bytes: number): string => {
  const [unit, size] = bytes >= 1e9 ? ["GB", 1e9] : bytes >= 1e6 ? ["MB", 1e6] : ["KB", 1e3];
  return `${(bytes / (size as number)).toFixed(1)} ${unit}`;
};
