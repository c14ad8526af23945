/** @file LMDB, as FFC and others write it: an encoded image a key, and a list of labels beside. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { experimentError } from "../core/errors.js";
import type { DataSource } from "../method/source.js";
import { type ImageOptions, shown } from "./image-options.js";
import { filesAt } from "./paths.js";
import { refuseOtherKind } from "./recognise.js";
import { scannedImages } from "./scanned.js";

export interface LmdbOptions extends ImageOptions {
  /** The folder that holds `data.mdb`, or that file. Relative to the experiment's file. */
  path: string;
  /** A text file with `key label` a line, in any order; FFC's is called `…_kv.txt` and lies beside the database. Relative likewise. */
  labels: string;
  /** The name of the database, where the file holds several with names. */
  database?: string;
}

/** Images of an LMDB database: an encoded image a key, or FFC's message around it. An identity is called by its label, an image by its key. */
export function lmdb(options: LmdbOptions): DataSource {
  const { path, labels, database } = options;
  refuseNoText("path", path, "the folder that holds `data.mdb`, or that file");
  refuseNoText("labels", labels, "the path of a text file with `key label` a line");
  if (database !== undefined) refuseNoText("database", database, "the name of a database in the file");
  return scannedImages("lmdb", options, (directory) => {
    const [list] = filesAt(labels, directory, { function: "lmdb", option: "labels" });
    return {
      kind: "lmdb",
      paths: [fileAt(path, directory)],
      options: { labels: list, ...(database !== undefined && { database }) },
    };
  });
}

function refuseNoText(option: string, value: unknown, wanted: string): void {
  if (typeof value === "string" && value !== "") return;
  throw experimentError("bad-data-option", { function: "lmdb", option, value: shown(value), wanted });
}

function fileAt(path: string, directory: string): string {
  const asked = { function: "lmdb", option: "path" };
  const [whole] = filesAt(path, directory, asked) as [string];
  refuseOtherKind("lmdb", "an LMDB database", whole);
  if (!statSync(whole).isDirectory()) return whole;
  const file = join(whole, "data.mdb");
  if (existsSync(file)) return file;
  throw experimentError("data-file-missing.folder", { ...asked, path: whole, wanted: "data.mdb" });
}
