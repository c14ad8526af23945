/**
 * @file Images that lie in files of many. The host reads such files once into an index, which says where in them each image lies;
 * after that nobody asks of which kind they are.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { experimentError } from "../core/errors.js";
import type { DataSource, OpeningContext } from "../method/source.js";
import { dividedBy, heldOutOf } from "./held-out.js";
import { type ImageOptions, imageSpec, leftOut, refuseBadImageOptions } from "./image-options.js";
import { ImageIndex, indexName } from "./index-file.js";
import { ownTemporary } from "./index-home.js";
import { cataloguesOf, notesOf } from "./index-part.js";

/** Files to scan: the kind of scanner, the files, and what else it is told. */
export interface Scanned {
  readonly kind: string;
  readonly paths: readonly string[];
  readonly options?: Readonly<Record<string, unknown>>;
  /** The folder that the images lie below as files of their own, where what is scanned only names them. */
  readonly filesBelow?: string;
}

/** A source whose images an index places. `files` says what is to be scanned, once the experiment's folder is known. */
export function scannedImages(
  source: string,
  options: ImageOptions,
  files: (directory: string) => Scanned,
): DataSource {
  refuseBadImageOptions(source, options);
  const { heldOut = 0, leaveOut } = options;
  return {
    kind: source,
    open: (context) => {
      const scanned = files(context.directory);
      const list = leftOut(source, context.directory, leaveOut);
      const index = indexOf(source, { ...scanned, leaveOut: list && [...list.paths] }, context);
      const place = scanned.paths[0]!;
      const division = dividedBy(heldOutOf(heldOut, { ...context, function: source }), index.identities, {
        function: source,
        place,
      });
      const root = scanned.filesBelow;
      const where = root === undefined ? { kind: "packed_images" } : { kind: "image_folder", root };
      return {
        ...cataloguesOf(
          index,
          division,
          where,
          root === undefined ? [] : ["root"],
          imageSpec(context.directory, options),
        ),
        notes: notesOf(`images in ${place}`, index),
      };
    },
  };
}

/** The index of files: the one that is kept, if none of them changed since, or a new one. */
export function indexOf(
  source: string,
  { kind, paths, options, leaveOut }: Scanned & { readonly leaveOut?: readonly string[] | undefined },
  { cache = ownTemporary(), scan }: OpeningContext,
): ImageIndex {
  const told = { ...options, ...(leaveOut && { leaveOut }) };
  const path = join(cache, indexName([kind, ...paths, JSON.stringify(told)]));
  const kept = ImageIndex.kept(path, (index) => filesOf(index).every(isAsItWas));
  if (kept) return kept;
  if (!scan) throw experimentError("data-needs-host", { function: source, path: paths[0]! });
  scan({ kind, index: path, paths, ...told });
  return ImageIndex.open(path);
}

/** Nanoseconds are beyond a number's exact range, and stand as texts. */
const filesOf = ({ facts }: ImageIndex) =>
  JSON.parse(facts.files!) as readonly (readonly [string, number, string])[];

const isAsItWas = ([path, bytes, changed]: ReturnType<typeof filesOf>[number]): boolean => {
  const status = statSync(path, { bigint: true });
  return changed !== "0" && status.size === BigInt(bytes) && String(status.mtimeNs) === changed;
};
