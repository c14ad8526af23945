/** @file RecordIO, as InsightFace and im2rec write it. */
import type { DataSource } from "../method/source.js";
import type { ImageOptions } from "./image-options.js";
import { filesAt, type Paths } from "./paths.js";
import { refuseOtherKind } from "./recognise.js";
import { scannedImages } from "./scanned.js";

export interface RecordIOOptions extends ImageOptions {
  /**
   * The `.rec`, or the folder that it lies in; several parts, whose labels are of one set of identities. Beside each may lie its
   * `.idx`. Relative to the experiment's file.
   */
  path: Paths;
}

/**
 * Images of a `.rec`: InsightFace's, with a header record and ranges of identities, or im2rec's without. An identity is called by its
 * label, an image by its key.
 */
export const recordIO = (options: RecordIOOptions): DataSource =>
  scannedImages("recordIO", options, (directory) => {
    const paths = filesAt(options.path, directory, { function: "recordIO", option: "path", ending: ".rec" });
    for (const path of paths) refuseOtherKind("recordIO", "RecordIO", path);
    return { kind: "recordio", paths };
  });
