/** @file Photographs on disk: one folder an identity. */
import { readdirSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { ExperimentError } from "../errors.js";
import { type HeldOut, heldOutOf } from "./held-out.js";
import { type Catalogue, type DataSource, offsetsOf } from "./source.js";

const IMAGE_TYPES = new Set([".pgm", ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm"]);

export interface ImageFolderOptions {
  /** The folder that holds one folder an identity; relative to the experiment's file. */
  root: string;
  /** Every image is brought to this height and width in pixels. */
  size: number | readonly [height: number, width: number];
  channels?: 1 | 3;
  /** `crop` cuts the middle in the right proportion; `stretch` keeps everything and distorts. */
  fit?: "crop" | "stretch";
  /**
   * Identities kept back for verification: how many, or a share of them below 1, the last ones in natural order; or their folder
   * names. At least two identities must be left to train on.
   */
  heldOut?: HeldOut;
}

const natural = new Intl.Collator("en", { numeric: true }).compare;

/** One folder an identity; PGM, PPM, PNG, JPEG, WebP or BMP files. Folders and files are taken in natural order (`s2` before `s10`). */
export function imageFolder({
  root,
  size,
  channels = 3,
  fit = "crop",
  heldOut = 0,
}: ImageFolderOptions): DataSource {
  return {
    kind: "image_folder",
    open: ({ directory }) => {
      const folder = resolve(directory, root);
      const people = listPeople(folder);
      const kept = heldOutOf(
        heldOut,
        people.map((p) => p.name),
        folder,
      );
      const [height, width] = typeof size === "number" ? [size, size] : size;
      const catalogue = (part: readonly Person[]): Catalogue => ({
        spec: {
          kind: "image_folder",
          root: folder,
          files: part.flatMap((p) => p.files),
          channels,
          height,
          width,
          fit,
        },
        offsets: offsetsOf(Int32Array.from(part, (p) => p.files.length)),
        shape: [channels, height, width],
        buffers: {},
      });
      return {
        train: catalogue(people.filter((p) => !kept.has(p.name))),
        heldOut: catalogue(people.filter((p) => kept.has(p.name))),
      };
    },
  };
}

interface Person {
  readonly name: string;
  readonly files: readonly string[];
}

function listPeople(folder: string): Person[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ExperimentError(
      "F2C2205",
      `imageFolder: there is no folder "${folder}", its \`root\``,
      "give the folder that holds one folder per identity; a relative path counts from the experiment's file",
    );
  }
  const people = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory())
    .map((entry) => entry.name)
    .sort(natural)
    .map((name) => ({
      name,
      files: readdirSync(join(folder, name))
        .filter((file) => IMAGE_TYPES.has(extname(file).toLowerCase()))
        .sort(natural)
        .map((file) => `${name}/${file}`),
    }));
  if (people.length === 0)
    throw new ExperimentError(
      "F2C2206",
      `imageFolder: its \`root\`, "${folder}", holds no folders`,
      "put each identity's images into a folder of its own",
    );
  const empty = people.find((p) => p.files.length === 0);
  if (empty) {
    throw new ExperimentError(
      "F2C2207",
      `imageFolder: the folder "${empty.name}" of its \`root\`, "${folder}", has no images`,
      `images are files that end in ${[...IMAGE_TYPES].join(", ")}; add some or remove the folder`,
    );
  }
  return people;
}
