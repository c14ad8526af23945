/** @file InsightFace's verification sets. */
import { experimentError } from "../core/errors.js";
import type { DataSource, ListedPairs } from "../method/source.js";
import { type ImageOptions, imageSpec, refuseBadImageOptions, shown } from "./image-options.js";
import type { ImageIndex } from "./index-file.js";
import { cataloguesOf, notesOf } from "./index-part.js";
import { filesAt } from "./paths.js";
import { refuseOtherKind } from "./recognise.js";
import { indexOf } from "./scanned.js";

/** A set is scored whole: nobody of it is kept back, and nothing left out. */
export interface BinSetOptions extends Omit<ImageOptions, "heldOut" | "leaveOut" | "broken"> {
  /** The `.bin`. Relative to the experiment's file. */
  path: string;
}

/**
 * Images and pairs of one of InsightFace's verification sets (`lfw.bin`, `cfp_fp.bin`, `agedb_30.bin`, …), for `listedPairs`. Who is on
 * an image a set does not say: each counts as an identity of its own, and is called by its number. No code of the pickle is run.
 */
export function binSet(options: BinSetOptions): DataSource {
  const { path } = options;
  if (typeof path !== "string" || path === "")
    throw experimentError("bad-data-option", {
      function: "binSet",
      option: "path",
      value: shown(path),
      wanted: "the path of a `.bin`",
    });
  refuseBadImageOptions("binSet", options);
  return {
    kind: "binSet",
    open: (context) => {
      const [file] = filesAt(path, context.directory, { function: "binSet", option: "path" }) as [string];
      refuseOtherKind("binSet", "a verification set (.bin)", file);
      const index = indexOf("binSet", { kind: "binset", paths: [file] }, context);
      const all = [[0, index.identities.length]] as const;
      const { train, heldOut } = cataloguesOf(
        index,
        { train: all, heldOut: [] },
        { kind: "packed_images" },
        [],
        imageSpec(context.directory, options),
      );
      return {
        train: { ...train, pairs: pairsIn(index) },
        heldOut,
        notes: notesOf(`images in ${path}`, index),
      };
    },
  };
}

/** Images lie two a pair. */
function pairsIn(index: ImageIndex): ListedPairs {
  const same = new Uint8Array(index.array("same")!);
  return { same, positions: Int32Array.from({ length: 2 * same.length }, (_, i) => i) };
}
