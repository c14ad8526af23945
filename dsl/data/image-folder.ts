/** @file Photographs on disk: one folder an identity. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { ExperimentError, experimentError } from "../core/errors.js";
import type { DataSource } from "../method/source.js";
import { indexOfFolder } from "./folder-scan.js";
import { dividedBy, heldOutOf } from "./held-out.js";
import { type ImageOptions, imageSpec, leftOut, refuseBadImageOptions, shown } from "./image-options.js";
import { cataloguesOf, notesOf } from "./index-part.js";
import { kindAt, refuseOtherKind } from "./recognise.js";

export interface ImageFolderOptions extends ImageOptions {
  /** The folder that holds one folder an identity; relative to the experiment's file. */
  root: string;
  /** Whether the pictures in folders below an identity's are its own too, as in `identity/clip/frame.jpg`. */
  subfolders?: boolean;
}

/**
 * One folder an identity; PGM, PPM, PNG, JPEG, WebP or BMP files. Folders and files are taken in natural order (`s2` before
 * `s10`). Hidden files, `__MACOSX`, broken links and folders without images are skipped and counted. Transparent parts
 * become grey.
 */
export function imageFolder(options: ImageFolderOptions): DataSource {
  const { root, heldOut = 0, subfolders = false, leaveOut } = options;
  if (typeof root !== "string" || root === "")
    throw experimentError("bad-data-option.root", { root: shown(root) });
  refuseBadImageOptions("imageFolder", options);
  return {
    kind: "image_folder",
    open: ({ directory, cache, tell }) => {
      const folder = resolve(directory, root);
      const left = leftOut("imageFolder", directory, leaveOut);
      const index = orOtherKind(folder, () =>
        indexOfFolder({ root: folder, subfolders, leaveOut: left }, { cache, tell }),
      );
      const division = dividedBy(
        heldOutOf(heldOut, { directory, function: "imageFolder" }),
        index.identities,
        { function: "imageFolder", place: folder },
      );
      return {
        ...cataloguesOf(
          index,
          division,
          { kind: "image_folder", root: folder },
          ["root"],
          imageSpec(directory, options),
        ),
        notes: notesOf(`photographs in ${root}`, index),
      };
    },
  };
}

/** What lies there may be another source's: looked at only where it is no folder of folders, which may be a large one. */
function orOtherKind<T>(folder: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const isRefused = error instanceof ExperimentError && existsSync(folder);
    // Pictures that lie loose may be one person's: the error says both.
    if (isRefused && kindAt(folder)?.reader !== "flatFolder")
      refuseOtherKind("imageFolder", "a folder of folders", folder);
    throw error;
  }
}
