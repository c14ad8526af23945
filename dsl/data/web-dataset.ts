/** @file WebDataset's tar archives. */
import { experimentError } from "../core/errors.js";
import type { DataSource } from "../method/source.js";
import { type ImageOptions, shown } from "./image-options.js";
import { filesAt, type Paths } from "./paths.js";
import { refuseOtherKind } from "./recognise.js";
import { scannedImages } from "./scanned.js";

export interface WebDatasetOptions extends ImageOptions {
  /**
   * The archives, or the folder that they lie in; a pattern such as `faces-{000..041}.tar`. The images of a person may lie in several.
   * Relative to the experiment's file.
   */
  path: Paths;
  /** What an image ends in, as `"jpg"` or `"left.jpg"`; of several the first that a sample has. Left out: jpg, jpeg, png, webp, bmp, ppm or pgm. */
  image?: string | readonly string[];
  /**
   * Where the identity of a sample stands: in the file of this ending, a number or a name; in a field of a JSON file, as
   * `"json:identity"` or `"json:person.id"`; `"folder"`: the files of each person lie in a folder. `"cls"` unless told.
   */
  label?: string;
}

/** Images of WebDataset's tar archives: files of one name up to the first dot are a sample. An identity is called by its label. */
export function webDataset(options: WebDatasetOptions): DataSource {
  const { path, image, label = "cls" } = options;
  const images = image === undefined ? undefined : endingsOf(image);
  refuseUnless(isPlace(label), "label", label, '"cls", another ending, "json:field" or "folder"');
  return scannedImages("webDataset", options, (directory) => {
    const paths = filesAt(path, directory, { function: "webDataset", option: "path", ending: ".tar" });
    for (const one of paths) refuseOtherKind("webDataset", "a tar archive", one);
    return {
      kind: "webdataset",
      paths,
      options: { label: label.replace(/^\./, ""), ...(images && { images }) },
    };
  });
}

/** `"jpg;png"` is how webdataset writes several. */
function endingsOf(image: string | readonly string[]): readonly string[] {
  const endings = typeof image === "string" ? image.split(";") : image;
  const isList = Array.isArray(endings) && endings.length > 0 && endings.every(isEnding);
  refuseUnless(isList, "image", image, 'what an image ends in, as "jpg", or a list of such');
  return endings.map((ending) => ending.trim().replace(/^\./, "").toLowerCase());
}

const isEnding = (value: unknown) => typeof value === "string" && /[^.\s]/.test(value);

/** An ending, or one and a field. */
const isPlace = (value: unknown) => typeof value === "string" && /^[^\s:]+(:[^:]+)?$/.test(value);

function refuseUnless(right: boolean, option: string, value: unknown, wanted: string): void {
  if (right) return;
  throw experimentError("bad-data-option", { function: "webDataset", option, value: shown(value), wanted });
}
