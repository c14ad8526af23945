/**
 * @file A folder of photographs as an index, which is made once: another start only asks each of its folders when it changed
 * last. Made by a thread of its own, so that its memory goes when it is done.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { ExperimentError } from "../core/errors.js";
import { type ListingOptions, listFolders } from "./folder-listing.js";
import { ImageIndex, IndexWriter, indexName } from "./index-file.js";

/** A file system may give two changes so close to each other one time. */
const SAME_TIME_NS = 2_000_000_000n;
/** How often a long scan says how far it is. */
export const TELL_MS = 2000;
/** The thread says so when it begins; one that cannot begin is not waited for. */
const BEGIN_MS = 20_000;

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
  | { readonly kind: "begun" }
  | { readonly kind: "part"; readonly people: number; readonly images: number }
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly error: ConstructorParameters<typeof ExperimentError>[0] }
  | { readonly kind: "failed"; readonly message: string };

/** The index of a folder: the one that is kept, if none of the folders changed since, or a new one. Refuses as `listFolders`. */
export function indexOfFolder(scan: Scan, { cache = ownTemporary(), tell }: ScanPlace): ImageIndex {
  const list = [...(scan.leaveOut?.paths ?? [])];
  const path = join(cache, indexName(["image_folder", scan.root, String(scan.subfolders), ...list]));
  const kept = keptIndex(path, scan.root);
  if (kept) return kept;
  inThread(scan, path, tell);
  return ImageIndex.open(path);
}

/** The skipped kinds that an index tells of. */
export const skippedOf = ({ facts }: ImageIndex): readonly string[] => JSON.parse(facts.skipped!) as string[];

function keptIndex(path: string, root: string): ImageIndex | undefined {
  let index: ImageIndex;
  try {
    index = ImageIndex.open(path);
  } catch {
    return undefined;
  }
  try {
    const { names, times } = index.folders();
    const top = Buffer.from(`${root}/`);
    if (names.every((name, i) => times[i] !== 0n && changedAt(Buffer.concat([top, name])) === times[i]))
      return index;
  } catch {
    // A folder that is gone, or an index that is cut off: it is scanned anew.
  }
  index.close();
  return undefined;
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

function inThread(scan: Scan, path: string, tell: ScanPlace["tell"]): void {
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL("./folder-scan-thread.js", import.meta.url), {
    workerData: { scan, path, signal, port: port2 },
    transferList: [port2],
    execArgv: [],
  });
  worker.on("error", () => {});
  try {
    const ended = heard(port1, signal, ({ people, images }) =>
      tell?.(`scanning ${scan.root}: ${counted(people)} identities, ${counted(images)} images so far`),
    );
    // No thread could be made: it is done here.
    if (ended === undefined) scanFolder(scan, path, () => {});
    else if (ended.kind === "refused") throw new ExperimentError(ended.error);
    else if (ended.kind === "failed") throw new Error(ended.message);
  } finally {
    port1.close();
    void worker.terminate();
  }
}

type Part = Extract<ScanMessage, { kind: "part" }>;

/** Waits for the thread's last word; `undefined` where it has not even begun. */
function heard(port: MessagePort, signal: Int32Array, part: (part: Part) => void) {
  for (let begun = false; ; ) {
    const waited = Atomics.wait(signal, 0, 0, begun ? TELL_MS : BEGIN_MS);
    Atomics.store(signal, 0, 0);
    for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) {
      const message = got.message as ScanMessage;
      if (message.kind === "begun") begun = true;
      else if (message.kind === "part") part(message);
      else return message;
    }
    if (!begun && waited === "timed-out") return undefined;
  }
}

const counted = (n: number) => n.toLocaleString("en-US");

let temporary: string | undefined;
/** A folder that goes with the process. */
function ownTemporary(): string {
  if (temporary === undefined) {
    const made = mkdtempSync(join(tmpdir(), "f2c-index-"));
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
    temporary = made;
  }
  return temporary;
}
