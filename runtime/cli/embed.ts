/** @file `f2c-dsl embed`: the images of a source as a matrix with a name a row, by a net of ours or somebody else's. */
import { dirname, relative, resolve } from "node:path";
import { experimentError } from "../../compiler/diagnostics/catalogue.js";
import {
  type LoadedValue,
  loadValue,
  openData,
  openingContext,
  showingOption,
} from "../../compiler/index.js";
import {
  type Catalogue,
  type DataSource,
  type Experiment,
  isExperiment,
  type Names,
  type OpenedData,
} from "../../dsl/index.js";
import { setUp } from "../bridge/python-environment.js";
import { embeddedRows } from "../evaluate/embedded-rows.js";
import { refuseOtherImages, toldInput } from "../evaluate/input-convention.js";
import { makeFolder } from "../run/files.js";
import { MATRIX_FORMATS, MatrixFile } from "../run/matrix-file.js";
import { grouped } from "../stages/facts.js";
import { asked } from "./asked-host.js";
import { kindOf, type NetOptions, openNet, toldFlip } from "./named-net.js";
import { whichCheckpoint } from "./net-of-run.js";
import { warn } from "./report.js";
import "./scanning.js";

export interface EmbedOptions extends NetOptions {
  readonly data: string;
  readonly out: string;
  readonly of: string;
  readonly batch: number;
}

/** Broken images that are named. */
const NAMED = 3;

export async function embed(net: string, options: EmbedOptions): Promise<void> {
  await asked(options, async (work) => {
    toldInput(options);
    whichCheckpoint(options.checkpoint);
    kindOf(net, options);
    const flip = toldFlip(options.flip) ?? "none";
    const out = outOf(options);
    const loaded = loadValue(options.data, isData, "default-export-of-another-kind.data");
    work.texts = loaded.texts;
    warn(loaded.warnings, loaded);
    const { notes = [], ...opened } = dataOf(loaded);
    for (const note of notes) work.say(note);
    const sets = setsOf(opened, options.of);
    const host = await work.start(await setUp(work.say));
    const found = await work.during("loading the net", openNet(net, { ...options, flip }, host, work.say));
    for (const [source, images] of sets) refuseOtherImages(net, found.shape, `the set ${source}`, images);
    for (const [source, images] of sets) await host.open(source, images);
    for (const line of found.says) work.say(line);
    const catalogues = [...sets.values()];
    const total = catalogues.reduce((sum, { offsets }) => sum + offsets.at(-1)!, 0);
    const asFunction = { function: flip === "none" ? "infer" : "embed", batch: options.batch };
    const names = namesOf(sets);
    const identities = identitiesOf(catalogues);
    const about = { net, data: options.data, says: found.says.join("; ") };
    const broken: string[] = [];
    let file: MatrixFile | undefined;
    let done = 0;
    try {
      for (const [source, images] of sets) {
        const before = done;
        work.of = { before: done, total };
        for await (const piece of embeddedRows(found.program, { source, images }, asFunction)) {
          work.goOn();
          const { columns } = piece;
          file ??= new MatrixFile(out, { rows: total, columns, names, identities, about });
          for await (const rows of piece.rows()) file.append(rows);
          for (const image of piece.broken) broken.push(...names.slice(before + image, before + image + 1));
          done += piece.count;
          work.of = { before: done, total };
        }
      }
    } catch (error) {
      file?.discard();
      throw error;
    }
    if (broken.length > 0)
      work.say(
        `${grouped(broken.length)} images are broken; another one of the person stands in: ${[...broken.slice(0, NAMED), ...(broken.length > NAMED ? ["…"] : [])].join(", ")}`,
      );
    const written = file!.finish().map((path) => relative(process.cwd(), path));
    process.stdout.write(`${written.join(", ")}: ${grouped(total)} rows\n`);
  });
}

const isData = (value: unknown): value is DataSource | Experiment =>
  isExperiment(value) ||
  (typeof value === "object" &&
    value !== null &&
    typeof (value as DataSource).kind === "string" &&
    typeof (value as DataSource).open === "function" &&
    !("baselines" in value));

const dataOf = ({ declared, ...rest }: LoadedValue<DataSource | Experiment>): OpenedData =>
  isExperiment(declared)
    ? openData({ ...rest, experiment: declared })
    : showingOption(rest, () => declared.open(openingContext(rest)));

function outOf({ out, of }: EmbedOptions): string {
  const endings = Object.keys(MATRIX_FORMATS);
  if (!endings.some((ending) => out.endsWith(ending)))
    throw experimentError("bad-command-line.matrix", { out, known: endings.join(" or ") });
  if (!["all", "train", "heldOut"].includes(of)) throw experimentError("bad-command-line.images-of", { of });
  const path = resolve(out);
  makeFolder(dirname(path));
  return path;
}

/** The sets of images that are embedded, in their order. */
function setsOf({ train, heldOut }: OpenedData, of: string): ReadonlyMap<string, Catalogue> {
  const sets = Object.entries({ train, heldOut }).filter(
    ([name, { offsets }]) => (of === "all" || of === name) && offsets.at(-1)! > 0,
  );
  if (sets.length === 0) throw experimentError("bad-embed.empty", { of });
  return new Map(sets);
}

/** Who is in each row: people of one set after those of another. */
function identitiesOf(sets: readonly Catalogue[]): Int32Array {
  const all = sets.reduce((sum, { offsets }) => sum + offsets.at(-1)!, 0);
  const identities = new Int32Array(all);
  let [row, person] = [0, 0];
  for (const { offsets } of sets)
    for (let i = 0; i + 1 < offsets.length; i++, person++) {
      identities.fill(person, row, row + offsets[i + 1]! - offsets[i]!);
      row += offsets[i + 1]! - offsets[i]!;
    }
  return identities;
}

/** Names of the rows: those that the source has, else set, person and photograph, counted from 0. */
function namesOf(sets: ReadonlyMap<string, Catalogue>): Names {
  const parts: Names[] = [...sets].map(([set, images]) => images.names ?? numbered(set, images.offsets));
  const slice = (first: number, end: number): readonly string[] => {
    let begins = 0;
    return parts.flatMap((part) => {
      const from = begins;
      begins += part.length;
      const [a, b] = [Math.max(first, from), Math.min(end, begins)];
      return a < b ? part.slice(a - from, b - from) : [];
    });
  };
  return { length: parts.reduce((sum, { length }) => sum + length, 0), slice };
}

function numbered(set: string, offsets: Int32Array): Names {
  const slice = (first: number, end: number): readonly string[] => {
    let person = personAt(offsets, first);
    return Array.from({ length: end - first }, (_, i) => {
      while (offsets[person + 1]! <= first + i) person++;
      return `${set}/${person}/${first + i - offsets[person]!}`;
    });
  };
  return { length: offsets.at(-1)!, slice };
}

/** The last person whose images begin at or before `image`. */
function personAt(offsets: Int32Array, image: number): number {
  let [low, high] = [0, offsets.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (offsets[middle]! <= image) low = middle;
    else high = middle;
  }
  return low;
}
