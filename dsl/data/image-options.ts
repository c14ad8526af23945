/** @file Options of every source of encoded images: to what they are brought, who is kept back, what is done about broken ones. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import type { Catalogue } from "../method/source.js";
import { hashOf } from "./file-hash.js";
import { codeOf } from "./folder-entries.js";
import type { HeldOut } from "./held-out.js";
import { linesIn } from "./lines-in.js";

export interface ImageOptions {
  /** Every image is brought to this height and width in pixels. */
  size: number | readonly [height: number, width: number];
  channels?: 1 | 3;
  /** `crop` cuts the middle in the right proportion; `stretch` keeps everything and distorts. */
  fit?: "crop" | "stretch";
  /**
   * Places each face by five points, where ArcFace's template has eyes, nose and corners of the mouth, instead of fitting the picture.
   * The images are squares then.
   */
  align?: Align;
  /**
   * Identities kept back for verification: how many, or a share of them below 1, the last ones in their order; or their names. At
   * least two identities must be left to train on. A text names a file with a name a line, relative to the experiment's.
   */
  heldOut?: HeldOut;
  /**
   * What a run does about an image that cannot be decoded. `error` ends it. `skip` shows another image of the same identity in
   * its place, the next one that can be decoded, and leaves pairs with it out of the verification.
   */
  broken?: "error" | "skip";
  /**
   * A text file that names what is left out: a line for each image or identity, by the names that `f2c-dsl data check` shows
   * (of folders, paths below `root`); a line that begins with `#` is a comment. Relative to the experiment's file.
   * `f2c-dsl data check --leave-out` writes one.
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

export interface Align {
  /**
   * A list of the points of each face, in pixels of its picture: `name x1 y1 … x5 y5`, and maybe a score, as IJB's
   * `name_5pts_score.txt`; or the same as CSV. Names are those of the images, as `f2c-dsl data check` shows them. Relative to the experiment's file.
   */
  points: string;
  /** `opencv4` for pixels as OpenCV 4 rounds them, whose places are multiples of 1/32 of a pixel; OpenCV 5 is exact. */
  rounding?: "exact" | "opencv4";
}

/** What the host is told of the options, which of that says where something lies, and the shape that images get. */
export interface ImageSpec extends Required<Pick<Catalogue, "spec" | "places" | "shape">> {}

/** What the host is told, of an experiment in this folder. */
export function imageSpec(
  directory: string,
  { align, size, channels = 3, fit = "crop", broken, channelOrder, bits, maxPixels }: ImageOptions,
): ImageSpec {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  return {
    shape: [channels, height, width],
    places: align ? ["alignPoints"] : [],
    spec: {
      channels,
      height,
      width,
      fit,
      ...(align && pointsOf(directory, align)),
      ...(broken === "skip" && { broken }),
      ...(channelOrder === "bgr" && { channelOrder }),
      ...(bits !== undefined && { bits }),
      ...(maxPixels !== undefined && { maxPixels }),
    },
  };
}

/** Where the points lie may change from run to run, not which they are. */
function pointsOf(directory: string, { points, rounding = "exact" }: Align): Catalogue["spec"] {
  const alignPoints = resolve(directory, points);
  if (!existsSync(alignPoints))
    throw experimentError("data-file-missing", { function: "align", option: "points", path: alignPoints });
  return { alignPoints, alignHash: hashOf(alignPoints).sha256.slice(0, 16), alignRounding: rounding };
}

/** A value as it is written in a message. */
export const shown = (value: unknown): string => (value === undefined ? "undefined" : JSON.stringify(value));

/** The types say the same, but a value from the environment or from a JSON file is not checked by them. */
export function refuseBadImageOptions(source: string, options: ImageOptions): void {
  const { size, channels, fit, broken, channelOrder, bits, maxPixels } = options;
  const refuse = (option: string, value: unknown, wanted: string): never => {
    throw experimentError("bad-data-option", { function: source, option, value: shown(value), wanted });
  };
  const among = (option: string, value: unknown, choices: readonly unknown[]) => {
    if (value !== undefined && !choices.includes(value))
      refuse(option, value, choices.map(shown).join(" or "));
  };
  const isWhole = (value: unknown, least: number, most: number) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
  const sides: readonly unknown[] = Array.isArray(size) ? size : [size, size];
  if (sides.length !== 2 || !sides.every((side) => isWhole(side, 1, Number.MAX_SAFE_INTEGER)))
    refuse("size", size, "a whole number of pixels from 1 up, or two of them: [height, width]");
  if (options.align !== undefined) {
    if (typeof options.align.points !== "string")
      refuse("align.points", options.align.points, "the path of a list of points");
    among("align.rounding", options.align.rounding, ["exact", "opencv4"]);
    if (sides[0] !== sides[1])
      refuse("size", size, "a whole number, as faces that are placed by points need");
  }
  among("channels", channels, [1, 3]);
  among("fit", fit, ["crop", "stretch"]);
  among("broken", broken, ["error", "skip"]);
  among("channelOrder", channelOrder, ["rgb", "bgr"]);
  if (bits !== undefined && !isWhole(bits, 8, 16)) refuse("bits", bits, "a whole number from 8 to 16");
  if (maxPixels !== undefined && !isWhole(maxPixels, 1, Number.MAX_SAFE_INTEGER))
    refuse("maxPixels", maxPixels, "a whole number from 1 up");
}

/** A list of what is left out: its entries, and where they are written. */
export interface LeaveOut {
  readonly paths: ReadonlySet<string>;
  readonly writtenIn: string;
}

/** Reads the list of `leaveOut`, where there is one. */
export function leftOut(source: string, directory: string, list: string | undefined): LeaveOut | undefined {
  if (list === undefined) return undefined;
  const path = resolve(directory, list);
  let lines: readonly string[];
  try {
    lines = linesIn(path);
  } catch (error) {
    throw experimentError("leave-out-unreadable", { function: source, path, error: String(codeOf(error)) });
  }
  return { paths: new Set(lines.map((line) => line.replace(/^\.\//, ""))), writtenIn: list };
}
