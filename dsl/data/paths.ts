/** @file The files that an option names: one, several, or those whose names fit a pattern. */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import { refuseOtherKind } from "./recognise.js";

/** A path, several, or a pattern: `*` for any part of a file's name, `{000..041}` for numbers. Relative to the experiment's file. */
export type Paths = string | readonly string[];

/** Whose option it is, and what a folder is looked through for, by the ending of its name. */
export interface Asked {
  readonly function: string;
  readonly option: string;
  readonly ending?: string;
}

/** The files, absolute, in the order given; those of a pattern or a folder in natural order. */
export const filesAt = (paths: Paths, directory: string, asked: Asked): readonly string[] =>
  (typeof paths === "string" ? [paths] : paths).flatMap((path) =>
    numbered(path).flatMap((one) => at(one, directory, asked)),
  );

function at(path: string, directory: string, asked: Asked): readonly string[] {
  const whole = resolve(directory, path);
  const { function: source, option, ending } = asked;
  if (path.includes("*")) {
    const found = entries(dirname(whole), like(basename(whole)));
    if (found.length > 0) return found;
    throw experimentError("data-file-missing.pattern", { function: source, option, path: whole });
  }
  const status = statSync(whole, { throwIfNoEntry: false });
  if (status === undefined)
    throw experimentError("data-file-missing", { function: source, option, path: whole });
  if (!status.isDirectory() || ending === undefined) return [whole];
  const found = entries(whole, like(`*${ending}`));
  if (found.length > 0) return found;
  refuseOtherKind(source, `one of *${ending}`, whole);
  throw experimentError("data-file-missing.folder", {
    function: source,
    option,
    path: whole,
    wanted: `*${ending}`,
  });
}

const natural = new Intl.Collator("en", { numeric: true }).compare;

const like = (pattern: string) =>
  new RegExp(
    `^${pattern
      .split("*")
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  );

function entries(folder: string, fits: RegExp): readonly string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder)
    .filter((name) => fits.test(name) && !name.startsWith("."))
    .sort(natural)
    .map((name) => join(folder, name));
}

/** A path with `{000..041}` written out, with as many digits. */
function numbered(path: string): readonly string[] {
  const range = /\{(\d+)\.\.(\d+)\}/.exec(path);
  if (!range) return [path];
  const [whole, first, last] = range as unknown as [string, string, string];
  const count = Math.max(0, Number(last) - Number(first) + 1);
  return Array.from({ length: count }, (_, i) =>
    path.replace(whole, String(Number(first) + i).padStart(first.length, "0")),
  ).flatMap(numbered);
}
