/** @file Images that lie in NumPy's files as bare numbers. */
import { experimentError } from "../core/errors.js";
import type { DataSource } from "../method/source.js";
import { type ImageOptions, shown } from "./image-options.js";
import { filesAt } from "./paths.js";
import { refuseOtherKind } from "./recognise.js";
import { scannedImages } from "./scanned.js";

export interface NumpyImagesOptions extends ImageOptions {
  /** The `.npy` or `.npz` with the images, u8 [N, H, W] or [N, H, W, C]. Relative to the experiment's file. */
  images: string;
  /** The `.npy` or `.npz` with whose each image is, whole numbers or text [N]; the `.npz` of the images unless given. */
  labels?: string;
  /** Of images of four dimensions: `chw` for [N, C, H, W]. */
  order?: "hwc" | "chw";
  /** The name of the array of images in an `.npz`, where it is not found by its usual names or its shape. */
  imagesKey?: string;
  /** The name of the array of labels, likewise. */
  labelsKey?: string;
}

/** Images in NumPy's files, grey or RGB. An identity is called by its label, an image by its row. Nothing is ever unpickled. */
export const numpyImages = (options: NumpyImagesOptions): DataSource => {
  const { images, labels, order = "hwc", imagesKey, labelsKey } = options;
  if (order !== "hwc" && order !== "chw")
    throw experimentError("bad-data-option", {
      function: "numpyImages",
      option: "order",
      value: shown(order),
      wanted: '"hwc" or "chw"',
    });
  return scannedImages("numpyImages", options, (directory) => {
    const file = (option: "images" | "labels", path: string) =>
      filesAt([path], directory, { function: "numpyImages", option });
    const paths = [...file("images", images), ...(labels === undefined ? [] : file("labels", labels))];
    for (const path of paths) refuseOtherKind("numpyImages", "NumPy arrays (.npy or .npz)", path);
    return {
      kind: "numpy",
      paths,
      options: { order, ...(imagesKey && { imagesKey }), ...(labelsKey && { labelsKey }) },
    };
  });
};
