/**
 * @file A folder of photographs as an index, which is made once: another start only asks each of its folders when it changed
 * last. Made by a thread of its own, so that its memory goes when it is done.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { ExperimentError } from "../core/errors.js";
import { type ListingOptions, listFolders } from "./folder-listing.js";
import { inThread } from "./in-thread.js";
import { ImageIndex, IndexWriter, indexName } from "./index-file.js";
import { ownTemporary } from "./index-home.js";

/** A file system may give two changes so close to each other one time. */
const SAME_TIME_NS = 2_000_000_000n;

export interface ScanPlace {
  /** Where indexes are kept; without it one lies in a temporary folder until the process ends. */
  readonly cache?: string | undefined;
  /** Hears how far a long scan has come. */
  readonly tell?: ((line: string) => void) | undefined;
}

/** What is scanned, and how. */
export interface Scan extends ListingOptions {
  readonly root: string;
}

/** What the thread says. */
export type ScanMessage =
  | { readonly kind: "part"; readonly people: number; readonly images: number }
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly error: ConstructorParameters<typeof ExperimentError>[0] }
  | { readonly kind: "failed"; readonly message: string };

/** The index of a folder: the one that is kept, if none of the folders changed since, or a new one. Refuses as `listFolders`. */
export function indexOfFolder(scan: Scan, { cache = ownTemporary(), tell }: ScanPlace): ImageIndex {
  const list = [...(scan.leaveOut?.paths ?? [])];
  const path = join(cache, indexName(["image_folder", scan.root, String(scan.subfolders), ...list]));
  const kept = ImageIndex.kept(path, (index) => isAsItWas(index, scan.root));
  if (kept) return kept;
  scanInThread(scan, path, tell);
  return ImageIndex.open(path);
}

/** Whether none of the folders that were looked into has changed since. */
function isAsItWas(index: ImageIndex, root: string): boolean {
  const { names, times } = index.folders();
  const top = Buffer.from(`${root}/`);
  return names.every((name, i) => times[i] !== 0n && changedAt(Buffer.concat([top, name])) === times[i]);
}

const changedAt = (path: string | Buffer): bigint => statSync(path, { bigint: true }).ctimeNs;

/** Scans here and now. `part` hears how far it is. */
export function scanFolder(scan: Scan, path: string, part: (people: number, images: number) => void): void {
  const index = new IndexWriter(path);
  try {
    const began = BigInt(Date.now()) * 1_000_000n;
    const skipped = listFolders(scan.root, scan, {
      folder: (folder, name) => {
        const changed = changedAt(folder);
        index.folder(name, changed < began - SAME_TIME_NS ? changed : 0n);
      },
      identity: (name, files) => {
        index.identity(name, files);
        part(index.people, index.images);
      },
    });
    index.finish({ source: "image_folder", skipped: JSON.stringify(skipped) });
  } catch (error) {
    index.abandon();
    throw error;
  }
}

function scanInThread(scan: Scan, path: string, tell: ScanPlace["tell"]): void {
  const ended = inThread(
    new URL("./folder-scan-thread.js", import.meta.url),
    { scan, path },
    (message: ScanMessage) => {
      if (message.kind !== "part") return message;
      const { people, images } = message;
      tell?.(`scanning ${scan.root}: ${counted(people)} identities, ${counted(images)} images so far`);
      return undefined;
    },
  );
  // No thread could be made: it is done here.
  if (ended === undefined) scanFolder(scan, path, () => {});
  else if (ended.kind === "refused") throw new ExperimentError(ended.error);
  else if (ended.kind === "failed") throw new Error(ended.message);
}

const counted = (n: number) => n.toLocaleString("en-US");
