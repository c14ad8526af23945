/** @file Options of every source of encoded images: to what they are brought, who is kept back, what is done about broken ones. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import type { Catalogue } from "../method/source.js";
import { codeOf } from "./folder-entries.js";
import type { HeldOut } from "./held-out.js";

export interface ImageOptions {
  /** Every image is brought to this height and width in pixels. */
  size: number | readonly [height: number, width: number];
  channels?: 1 | 3;
  /** `crop` cuts the middle in the right proportion; `stretch` keeps everything and distorts. */
  fit?: "crop" | "stretch";
  /**
   * Identities kept back for verification: how many, or a share of them below 1, the last ones in their order; or their names. At
   * least two identities must be left to train on.
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

/** What the host is told of them, and the shape that images get. */
export function imageSpec({
  size,
  channels = 3,
  fit = "crop",
  broken,
  channelOrder,
  bits,
  maxPixels,
}: ImageOptions): { readonly spec: Catalogue["spec"]; readonly shape: Catalogue["shape"] } {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  return {
    shape: [channels, height, width],
    spec: {
      channels,
      height,
      width,
      fit,
      ...(broken === "skip" && { broken }),
      ...(channelOrder === "bgr" && { channelOrder }),
      ...(bits !== undefined && { bits }),
      ...(maxPixels !== undefined && { maxPixels }),
    },
  };
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
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw experimentError("leave-out-unreadable", { function: source, path, error: String(codeOf(error)) });
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return { paths: new Set(lines.map((line) => line.replace(/^\.\//, ""))), writtenIn: list };
}
