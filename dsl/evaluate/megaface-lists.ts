/**
 * @file The lists of MegaFace, as insightface's test pack has them: paths of FaceScrub's probes, paths of distractors, and of each the names of images that
 * show somebody else (noise).
 */
import { experimentError } from "../core/errors.js";
import type { Names } from "../method/source.js";
import { WantedNames } from "./image-names.js";
import { eachLine, type ListFile } from "./list-lines.js";

/** Images of a list, in its order. */
export interface ListedImages {
  readonly file: ListFile;
  /** Indices into the source. */
  readonly images: Int32Array;
  /** 1 where the image is on the list of noise. */
  readonly noisy: Uint8Array;
  /** The folder that an image lies in: of a probe, the person. */
  folderOf(place: number): string;
}

/** Reads a list of paths, a line each, and the noise among them. Throws F2C2521 where a path comes twice, or the list of noise is of another set. */
export function readImages(
  file: ListFile,
  noise: ListFile | undefined,
  names: Names | undefined,
): ListedImages {
  const wanted = new WantedNames();
  const paths: string[] = [];
  eachLine(file, (bytes, start, end, line) => {
    const path = bytes.toString("utf8", start, end);
    if (wanted.add(path, line) !== paths.length)
      throw experimentError("megaface-lists.twice", { file: file.shown, line, path });
    paths.push(path);
  });
  if (paths.length === 0) throw experimentError("bad-list-line.none", { file: file.shown });
  const isNoise = noise ? readNoise(noise) : new Set<string>();
  const noisy = Uint8Array.from(paths, (path) => (endsOf(path).some((end) => isNoise.has(end)) ? 1 : 0));
  if (noise && isNoise.size > 0 && !noisy.includes(1))
    throw experimentError("megaface-lists.other-noise", {
      noise: noise.shown,
      file: file.shown,
      example: [...isNoise][0]!,
    });
  return {
    file,
    images: wanted.imagesIn(names, { list: file.shown }),
    noisy,
    folderOf: (place) => folderOf(paths[place]!, file, place),
  };
}

/** Names, a line each: ends of paths, perhaps behind a column that is something else. Lines that begin with `#` are comments. */
function readNoise(file: ListFile): ReadonlySet<string> {
  const names = new Set<string>();
  eachLine(file, (bytes, start, end) => {
    const line = bytes.toString("utf8", start, end);
    if (!line.startsWith("#")) names.add((line.split("\t")[1] ?? line).trim());
  });
  return names;
}

/** `c.jpg`, `b/c.jpg` and `a/b/c.jpg` of `a/b/c.jpg`. */
function endsOf(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, i) => parts.slice(i).join("/"));
}

function folderOf(path: string, file: ListFile, place: number): string {
  const folder = path.split("/").at(-2);
  if (folder !== undefined && folder !== "" && folder !== ".") return folder;
  throw experimentError("megaface-lists.no-folder", { file: file.shown, image: place + 1, path });
}
