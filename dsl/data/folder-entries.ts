/** @file Lists a folder. A file name is bytes, which need not be text; a link counts as what it leads to. */
import { type Dirent, readdirSync, type Stats, statSync } from "node:fs";

/**
 * A name as it is shown. `bytes` is there where the shown text differs: the name is not UTF-8, or has control characters.
 */
export interface Name {
  readonly shown: string;
  readonly bytes?: Buffer | undefined;
}
export interface Entry extends Name {
  readonly kind: "file" | "folder" | "special" | "nowhere" | "circle" | "forbidden";
}
export type Path = string | Buffer;

let collate: Intl.Collator["compare"] | undefined;
/** Made when a folder is listed: it takes as long to make as all that is loaded beside it. */
const natural = (a: string, b: string): number => {
  collate ??= new Intl.Collator("en", { numeric: true }).compare;
  return collate(a, b);
};
/** Natural order (`s2` before `s10`); names that are equal in it, such as `1` and `01`, by their characters. */
const inOrder = (a: Name, b: Name) =>
  natural(a.shown, b.shown) || (a.shown < b.shown ? -1 : Number(a.shown > b.shown));

export const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

const escaped = (byte: number) => `\\x${byte.toString(16).padStart(2, "0")}`;

/**
 * Bytes as text. Bytes that are not UTF-8 and control characters become `\xNN`: a line feed would break a list of names into
 * wrong lines, and an escape sequence would steer the terminal that shows it.
 */
function nameOf(bytes: Buffer): Name {
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) {
    const shown = Array.from(bytes, (byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : escaped(byte),
    );
    return { shown: shown.join(""), bytes };
  }
  const shown = text.replace(/\p{Cc}/gu, (character) => Array.from(Buffer.from(character), escaped).join(""));
  return shown === text ? { shown } : { shown, bytes };
}

/** A name as it is shown. */
export const shownName = (bytes: Buffer): string => nameOf(bytes).shown;

/** A path as it is shown, each name by itself. */
export function shownPath(path: Buffer): string {
  const names: string[] = [];
  for (let from = 0; from <= path.length; ) {
    const slash = path.indexOf("/", from);
    const to = slash < 0 ? path.length : slash;
    names.push(shownName(path.subarray(from, to)));
    from = to + 1;
  }
  return names.join("/");
}

export const bytesOf = ({ shown, bytes }: Name): Buffer => bytes ?? Buffer.from(shown);

/** `name` below `folder`. */
export function below(folder: Path, { shown, bytes }: Name): Path {
  if (typeof folder === "string" && bytes === undefined) return `${folder}/${shown}`;
  return Buffer.concat([Buffer.from(folder), Buffer.from("/"), bytes ?? Buffer.from(shown)]);
}

/** The name of `child` below `parent`; `undefined` is the root. */
export function joined(parent: Name | undefined, child: Name): Name {
  if (parent === undefined) return child;
  const shown = `${parent.shown}/${child.shown}`;
  if (!parent.bytes && !child.bytes) return { shown };
  return { shown, bytes: Buffer.from(below(parent.bytes ?? parent.shown, child)) };
}

function kindOf(entry: Dirent | Dirent<Buffer>, folder: Path, name: Name): Entry["kind"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  if (!entry.isSymbolicLink()) return "special";
  let target: Stats;
  try {
    target = statSync(below(folder, name));
  } catch (error) {
    switch (codeOf(error)) {
      case "ELOOP":
        return "circle";
      case "EACCES":
      case "EPERM":
        return "forbidden";
      default:
        return "nowhere";
    }
  }
  return target.isFile() ? "file" : target.isDirectory() ? "folder" : "special";
}

/**
 * The entries of a folder, in order. A data set may have millions of files, so this makes one object for each and no more.
 */
export function entriesOf(folder: Path): Entry[] {
  const entries: Entry[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    // Node writes U+FFFD for bytes that are not UTF-8. The folder is read again as bytes only for such names and for control
    // characters.
    if (/[\ufffd\p{Cc}]/u.test(entry.name)) return entriesByBytes(folder);
    const shown = entry.name;
    entries.push({
      shown,
      bytes: undefined,
      kind: entry.isFile() ? "file" : kindOf(entry, folder, { shown }),
    });
  }
  return entries.sort(inOrder);
}

function entriesByBytes(folder: Path): Entry[] {
  const entries: Entry[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true, encoding: "buffer" })) {
    const name = nameOf(entry.name);
    entries.push({ ...name, kind: kindOf(entry, folder, name) });
  }
  return entries.sort(inOrder);
}

/** Why a folder cannot be read, in words. */
const WHY: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "it is a link that leads in a circle",
  EIO: "the disk or the network fails",
  ESTALE: "the network drive was lost",
};
export const reasonOf = (error: unknown): string => WHY[codeOf(error) ?? ""] ?? String(error);

/** A folder's device and inode: the same by whichever link it is reached. */
export function identityOf(path: Path): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}
