/** @file Photographs on disk: one folder an identity. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import type { Catalogue, DataSource, Names } from "../method/source.js";
import { codeOf } from "./folder-entries.js";
import { indexOfFolder, skippedOf } from "./folder-scan.js";
import { dividedBy, type HeldOut, type Stretch } from "./held-out.js";
import type { ImageIndex } from "./index-file.js";

export interface ImageFolderOptions {
  /** The folder that holds one folder an identity; relative to the experiment's file. */
  root: string;
  /** Every image is brought to this height and width in pixels. */
  size: number | readonly [height: number, width: number];
  channels?: 1 | 3;
  /** `crop` cuts the middle in the right proportion; `stretch` keeps everything and distorts. */
  fit?: "crop" | "stretch";
  /**
   * Identities kept back for verification: how many, or a share of them below 1, the last ones in natural order; or their folder
   * names. At least two identities must be left to train on.
   */
  heldOut?: HeldOut;
  /** Whether the pictures in folders below an identity's are its own too, as in `identity/clip/frame.jpg`. */
  subfolders?: boolean;
  /**
   * What a run does about an image that cannot be decoded. `error` ends it. `skip` shows another image of the same identity in
   * its place, the next one that can be decoded, and leaves pairs with it out of the verification.
   */
  broken?: "error" | "skip";
  /**
   * A text file that names what is left out: a line for each image or identity, as a path below `root`; a line that begins
   * with `#` is a comment. Relative to the experiment's file. `f2c-dsl data check --leave-out` writes one.
   */
  leaveOut?: string;
  /**
   * `bgr` for files whose red and blue channels are swapped, as a program writes them that forgets OpenCV's channel order.
   */
  channelOrder?: "rgb" | "bgr";
  /** How many of the 16 bits a channel of such files hold brightness. Left out, it is found from a sample of the files. */
  bits?: number;
  /** Images that would decode to more pixels are refused; 64 million unless given. It bounds the memory that an image takes. */
  maxPixels?: number;
}

/**
 * One folder an identity; PGM, PPM, PNG, JPEG, WebP or BMP files. Folders and files are taken in natural order (`s2` before
 * `s10`). Hidden files, `__MACOSX`, broken links and folders without images are skipped and counted. Transparent parts
 * become grey.
 */
export function imageFolder(options: ImageFolderOptions): DataSource {
  const { root, size, channels = 3, fit = "crop", heldOut = 0, subfolders = false, leaveOut } = options;
  const { broken = "error", channelOrder = "rgb", bits, maxPixels } = options;
  refuseBadOptions(options);
  return {
    kind: "image_folder",
    open: ({ directory, cache, tell }) => {
      const folder = resolve(directory, root);
      const index = indexOfFolder(
        {
          root: folder,
          subfolders,
          leaveOut: leaveOut === undefined ? undefined : readLeaveOut(resolve(directory, leaveOut), leaveOut),
        },
        { cache, tell },
      );
      const division = dividedBy(heldOut, index.identities, folder);
      const [height, width] = typeof size === "number" ? [size, size] : size;
      const catalogue = (people: readonly Stretch[]): Catalogue => {
        const part = partOf(index, people);
        return {
          spec: {
            kind: "image_folder",
            root: folder,
            index: index.path,
            indexId: index.id,
            people,
            channels,
            height,
            width,
            fit,
            ...(broken === "skip" && { broken }),
            ...(channelOrder === "bgr" && { channelOrder }),
            ...(bits !== undefined && { bits }),
            ...(maxPixels !== undefined && { maxPixels }),
          },
          places: ["root", "index", "indexId", "people"],
          offsets: part.offsets,
          names: part.names,
          shape: [channels, height, width],
          buffers: {},
        };
      };
      return {
        train: catalogue(division.train),
        heldOut: catalogue(division.heldOut),
        notes: notesOf(root, index),
      };
    },
  };
}

/** A value as it is written in a message. */
const shown = (value: unknown): string => (value === undefined ? "undefined" : JSON.stringify(value));

/** The types say the same, but a value from the environment or from a JSON file is not checked by them. */
function refuseBadOptions(options: ImageFolderOptions): void {
  const { root, size, channels, fit, broken, channelOrder, bits, maxPixels } = options;
  const refuse = (option: string, value: unknown, wanted: string): never => {
    throw experimentError("bad-data-option", {
      function: "imageFolder",
      option,
      value: shown(value),
      wanted,
    });
  };
  const among = (option: string, value: unknown, choices: readonly unknown[]) => {
    if (value !== undefined && !choices.includes(value))
      refuse(option, value, choices.map(shown).join(" or "));
  };
  const isWhole = (value: unknown, least: number, most: number) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
  if (typeof root !== "string" || root === "")
    throw experimentError("bad-data-option.root", { root: shown(root) });
  const sides: readonly unknown[] = Array.isArray(size) ? size : [size, size];
  if (sides.length !== 2 || !sides.every((side) => isWhole(side, 1, Number.MAX_SAFE_INTEGER)))
    refuse("size", size, "a whole number of pixels from 1 up, or two of them: [height, width]");
  among("channels", channels, [1, 3]);
  among("fit", fit, ["crop", "stretch"]);
  among("broken", broken, ["error", "skip"]);
  among("channelOrder", channelOrder, ["rgb", "bgr"]);
  if (bits !== undefined && !isWhole(bits, 8, 16)) refuse("bits", bits, "a whole number from 8 to 16");
  if (maxPixels !== undefined && !isWhole(maxPixels, 1, Number.MAX_SAFE_INTEGER))
    refuse("maxPixels", maxPixels, "a whole number from 1 up");
}

/** Some of the identities of an index as a set of images of its own. */
function partOf(
  index: ImageIndex,
  people: readonly Stretch[],
): Pick<Catalogue, "offsets"> & { names: Names } {
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
  return { offsets, names: { length, slice } };
}

function readLeaveOut(path: string, shown: string): { paths: ReadonlySet<string>; writtenIn: string } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw experimentError("leave-out-unreadable", { path, error: String(codeOf(error)) });
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return { paths: new Set(lines.map((line) => line.replace(/^\.\//, ""))), writtenIn: shown };
}

function notesOf(root: string, index: ImageIndex): readonly string[] {
  const skipped = skippedOf(index);
  if (skipped.length === 0) return [];
  const counted = (n: number) => n.toLocaleString("en-US");
  return [
    `photographs in ${root}: ${counted(index.identities.length)} identities, ${counted(index.images)} images; skipped ${skipped.join(", ")}`,
  ];
}
