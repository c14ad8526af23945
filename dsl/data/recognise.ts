/** @file What a file or folder is, by its first bytes or its entries, and which source reads it. */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { experimentError } from "../core/errors.js";
import { IMAGE_TYPES } from "./folder-listing.js";

/** A kind of data that some source reads. */
export interface Kind {
  /** In words. */
  readonly what: string;
  /** The function that reads it. */
  readonly reader: string;
}

const RECORD_IO: Kind = { what: "RecordIO (.rec)", reader: "recordIO" };
const LMDB: Kind = { what: "an LMDB database", reader: "lmdb" };
const TAR: Kind = { what: "a tar archive", reader: "webDataset" };
const PARQUET: Kind = { what: "a Parquet file", reader: "parquet" };
const PAIRS: Kind = { what: "a pickle, as verification sets (.bin) are", reader: "binSet" };
const NUMPY: Kind = { what: "NumPy arrays (.npy or .npz)", reader: "numpyImages" };
const LIST: Kind = { what: "a list", reader: "imageList" };
const FOLDER: Kind = { what: "a folder of folders", reader: "imageFolder" };
const FLAT: Kind = { what: "a folder of images", reader: "flatFolder" };

const HEAD = 512;
/** Endings of names of lists. */
export const LISTS: ReadonlySet<string> = new Set([
  ".txt",
  ".csv",
  ".tsv",
  ".json",
  ".jsonl",
  ".ndjson",
  ".list",
  ".lst",
]);

const startsWith = (head: Buffer, text: string, at = 0) =>
  head.subarray(at, at + text.length).toString("latin1") === text;

/** What lies at a path; nothing where no source reads it. */
export function kindAt(path: string): Kind | undefined {
  if (statSync(path).isDirectory()) return kindOfFolder(path);
  const head = headOf(path);
  if (startsWith(head, "\x0a\x23\xd7\xce")) return RECORD_IO;
  if (startsWith(head, "\xde\xc0\xef\xbe", 16)) return LMDB;
  if (startsWith(head, "ustar", 257)) return TAR;
  if (startsWith(head, "PAR1")) return PARQUET;
  if (startsWith(head, "\x93NUMPY") || (startsWith(head, "PK\x03\x04") && extname(path) === ".npz"))
    return NUMPY;
  if (head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5) return PAIRS;
  if (extname(path) === ".bin" && /^\(/.test(head.toString("latin1"))) return PAIRS;
  return LISTS.has(extname(path).toLowerCase()) && isText(head) ? LIST : undefined;
}

function kindOfFolder(path: string): Kind | undefined {
  const names = readdirSync(path);
  if (names.includes("data.mdb")) return LMDB;
  const endings = new Set(names.map((name) => extname(name).toLowerCase()));
  if (endings.has(".rec")) return RECORD_IO;
  if (endings.has(".tar")) return TAR;
  if (endings.has(".parquet")) return PARQUET;
  if (names.some((name) => !name.startsWith(".") && isFolder(join(path, name)))) return FOLDER;
  return IMAGE_TYPES.some((type) => endings.has(type)) ? FLAT : undefined;
}

const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

const isText = (head: Buffer) => head.length > 0 && !head.includes(0);

function headOf(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(HEAD);
    return head.subarray(0, readSync(file, head, 0, HEAD, 0));
  } finally {
    closeSync(file);
  }
}

/** Refuses a file that another source reads. One that none knows is left to the reader, which says what is wrong with it. */
export function refuseOtherKind(source: string, wanted: string, path: string): void {
  const kind = kindAt(path);
  if (kind === undefined || kind.reader === source) return;
  throw experimentError("data-of-other-kind", {
    function: source,
    path,
    what: kind.what,
    wanted,
    reader: `${kind.reader}(…) reads it`,
  });
}
