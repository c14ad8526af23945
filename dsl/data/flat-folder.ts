/** @file Photographs of all people in one folder, told apart by their names. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import type { DataSource } from "../method/source.js";
import { type ImageOptions, shown } from "./image-options.js";
import { scannedImages } from "./scanned.js";

export interface FlatFolderOptions extends ImageOptions {
  /** The folder that the images lie in; relative to the experiment's file. */
  root: string;
  /**
   * How a file's name says whose image it is. A text, of the name without its ending: `{identity}` is the identity, as long as it can
   * be, and `*` or another word in braces anything: `{identity}_c{camera}_{image}`, `{identity}-*`. Or a regular expression, of the whole
   * name, whose group `identity`, or else its first, is the identity: `/^(\d+)_/`.
   */
  identity: string | RegExp;
}

const WANTED = "a pattern such as `{identity}_*`, or a regular expression with a group, such as /^([^_]+)_/";

/** Images of all people in one folder, without folders below it. Files of other kinds and names that do not fit are counted and skipped. */
export function flatFolder(options: FlatFolderOptions): DataSource {
  const { root, identity } = options;
  const fit = typeof identity === "string" ? ofPattern(identity) : ofExpression(identity);
  return scannedImages("flatFolder", options, (directory) => {
    const folder = resolve(directory, root);
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
      throw experimentError("data-file-missing.root", {
        function: "flatFolder",
        option: "root",
        path: folder,
      });
    return { kind: "flatfolder", paths: [folder], options: fit, filesBelow: folder };
  });
}

const refuse = (identity: unknown): never => {
  throw experimentError("bad-data-option", {
    function: "flatFolder",
    option: "identity",
    value: identity instanceof RegExp ? String(identity) : shown(identity),
    wanted: WANTED,
  });
};

function ofPattern(identity: string) {
  const parts = identity.replace(/\.\*$/, "").split(/(\{\w+\}|\*)/);
  if (parts.filter((part) => part === "{identity}").length !== 1) refuse(identity);
  const source = parts
    .map((part, i) =>
      i % 2 === 0
        ? part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")
        : part === "{identity}"
          ? "(?<identity>.+)"
          : ".*",
    )
    .join("");
  return { pattern: `^${source}$`, part: "stem", written: `\`${identity}\`` };
}

function ofExpression(identity: RegExp) {
  if (!(identity instanceof RegExp)) return refuse(identity);
  const groups = new RegExp(`${identity.source}|`).exec("")!;
  if (groups.length < 2) refuse(identity);
  const isNamed = groups.groups !== undefined && "identity" in groups.groups;
  return {
    pattern: isNamed ? identity.source : named(identity.source),
    part: "name",
    written: String(identity),
    ...(identity.ignoreCase && { ignoreCase: true }),
  };
}

/** An expression whose first group is called `identity`. */
const named = (source: string): string => {
  let first = true;
  return source.replace(/\\.|\[(?:\\.|[^\]\\])*\]|\((?!\?)|\(\?<(?![=!])\w+>/g, (found) => {
    if (!first || !found.startsWith("(")) return found;
    first = false;
    return "(?<identity>";
  });
};
