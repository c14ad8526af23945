/** @file Lists of image files, and whose each is. */
import { dirname, resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import type { DataSource } from "../method/source.js";
import { type ImageOptions, shown } from "./image-options.js";
import { filesAt, type Paths } from "./paths.js";
import { refuseOtherKind } from "./recognise.js";
import { scannedImages } from "./scanned.js";

export interface ImageListOptions extends ImageOptions {
  /**
   * The list, or several, whose labels are of one set of identities: text with `path label` a line, CSV or TSV, JSON, JSON lines,
   * MagFace's `.list`, im2rec's `.lst`. Relative to the experiment's file.
   */
  list: Paths;
  /** The folder below which the paths in the list lie; the list's own unless given. Relative to the experiment's file. */
  root?: string;
  /** The column that holds paths, by its name in the header or its number from 0; in JSON a key. */
  path?: string | number;
  /** The column that holds labels, likewise. */
  label?: string | number;
}

/** Image files that a list names. Labels are numbers or text, with gaps and in any order; an identity is called by its label. */
export const imageList = (options: ImageListOptions): DataSource => {
  const { list, root, path, label } = options;
  refuseBadColumn("path", path);
  refuseBadColumn("label", label);
  return scannedImages("imageList", options, (directory) => {
    const paths = filesAt(list, directory, { function: "imageList", option: "list" });
    for (const one of paths) refuseOtherKind("imageList", "a list", one);
    const folder = root === undefined ? folderOf(paths) : resolve(directory, root);
    return {
      kind: "imagelist",
      paths,
      options: { root: folder, ...(path !== undefined && { path }), ...(label !== undefined && { label }) },
      filesBelow: folder,
    };
  });
};

function refuseBadColumn(option: string, value: unknown): void {
  const isNumber = Number.isSafeInteger(value) && (value as number) >= 0;
  if (value === undefined || isNumber || (typeof value === "string" && value !== "")) return;
  throw experimentError("bad-data-option", {
    function: "imageList",
    option,
    value: shown(value),
    wanted: "the name of a column, or its number from 0",
  });
}

function folderOf(lists: readonly string[]): string {
  const folders = [...new Set(lists.map((list) => dirname(list)))];
  if (folders.length === 1) return folders[0]!;
  throw experimentError("lists-without-root", { folders: folders.slice(0, 3).join(", ") });
}
