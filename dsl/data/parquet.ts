/** @file Parquet files of images, as Hugging Face's data sets are. */
import type { DataSource } from "../method/source.js";
import type { ImageOptions } from "./image-options.js";
import { filesAt, type Paths } from "./paths.js";
import { refuseOtherKind } from "./recognise.js";
import { scannedImages } from "./scanned.js";

export interface ParquetOptions extends ImageOptions {
  /**
   * The file, the folder that it lies in, several parts or a pattern, whose labels are of one set of identities. Relative to the
   * experiment's file.
   */
  path: Paths;
  /** The column of images: structs {bytes, path}, or bytes. Found by its name or its type unless given. */
  image?: string;
  /** The column of labels: whole numbers, classes with names, or text. Found likewise. */
  label?: string;
}

/**
 * Images of Parquet files, which are copied once to a file beside the index: in Parquet they lie in compressed pages. An identity is
 * called by its label, or by the name that the label has in the schema, an image by its row. The host needs pyarrow.
 */
export const parquet = (options: ParquetOptions): DataSource =>
  scannedImages("parquet", options, (directory) => {
    const { path, image, label } = options;
    const paths = filesAt(path, directory, { function: "parquet", option: "path", ending: ".parquet" });
    for (const one of paths) refuseOtherKind("parquet", "a Parquet file", one);
    return { kind: "parquet", paths, options: { ...(image && { image }), ...(label && { label }) } };
  });
