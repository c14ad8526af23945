/**
 * @file The files of photographs on disk, one folder an identity, as people have such folders: with files of macOS, Jupyter
 * and archives in them, broken links, and names that are not UTF-8.
 *
 * Whatever is not a photograph is skipped, counted and reported. Only names are read here, never a file.
 */
import { statSync } from "node:fs";
import { extname } from "node:path";
import { experimentError } from "../core/errors.js";
import {
  below,
  bytesOf,
  codeOf,
  type Entry,
  entriesOf,
  identityOf,
  joined,
  type Name,
  type Path,
  reasonOf,
} from "./folder-entries.js";
import type { LeaveOut } from "./image-options.js";

export const IMAGE_TYPES = [".pgm", ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm"] as const;

/** Takes what is found, as it is found. */
export interface Findings {
  /** An identity: the name of its folder, and its files in natural order, as paths below that folder. */
  identity(name: Buffer, files: readonly Buffer[]): void;
  /** A folder that is looked into, before that. */
  folder(path: Path, below: Buffer): void;
}

export interface ListingOptions {
  /** Whether the pictures in folders below an identity's are its own too. */
  readonly subfolders: boolean;
  /** Paths below the root that are left out, images or whole identities, and where that is written. */
  readonly leaveOut: LeaveOut | undefined;
}

/** How skipped things are reported, singular and plural; `{list}` is the file of `leaveOut`. */
const REASONS = {
  hiddenFile: ["hidden file", "hidden files"],
  hiddenFolder: ["hidden folder", "hidden folders"],
  system: ["folder of the system", "folders of the system"],
  nowhere: ["link to nowhere", "links to nowhere"],
  circle: ["link that leads in a circle", "links that lead in a circle"],
  forbidden: ["folder or file that may not be read", "folders or files that may not be read"],
  special: ["pipe, socket or device", "pipes, sockets or devices"],
  empty: ["folder without images", "folders without images"],
  deeper: ["folder whose images lie deeper", "folders whose images lie deeper"],
  inside: ["folder inside an identity's", "folders inside identities'"],
  loose: ["image beside the folders", "images beside the folders"],
  other: ["file of another kind", "files of other kinds"],
  leftOut: ["left out by {list}", "left out by {list}"],
  unknown: ["entry of {list} that names nothing", "entries of {list} that name nothing"],
} as const;
type Reason = keyof typeof REASONS;

/** Folders that archives, operating systems and network drives create by themselves. */
const SYSTEM_FOLDERS = new Set([
  "__MACOSX",
  "__pycache__",
  "@eaDir",
  "lost+found",
  "$RECYCLE.BIN",
  "System Volume Information",
]);
/** Names for the parts of a data set, which are no identity's folder. */
const PARTS =
  /^(train|training|val|valid|validation|dev|test|testing|eval|evaluation|gallery|probe|query|images?|faces?|data)$/i;
const EXAMPLES = 2;
/** How far below an identity's folder pictures are looked for, and how many folders are opened for that in all. */
const DEPTH = 3;
const FOLDERS_OPENED = 2000;

const TYPES: ReadonlySet<string> = new Set(IMAGE_TYPES);
const isImage = (name: string) => TYPES.has(extname(name).toLowerCase());

/** Counts what is passed over, with an example or two of each kind. */
class Skipped {
  private readonly found = new Map<Reason, { count: number; examples: Set<string> }>();

  constructor(private readonly list: string) {}

  add(reason: Reason, example: string): void {
    const entry = this.found.get(reason) ?? { count: 0, examples: new Set() };
    entry.count++;
    if (entry.examples.size <= EXAMPLES) entry.examples.add(example);
    this.found.set(reason, entry);
  }

  count(reason: Reason): number {
    return this.found.get(reason)?.count ?? 0;
  }

  lines(): string[] {
    return (Object.keys(REASONS) as Reason[]).flatMap((reason) => {
      const entry = this.found.get(reason);
      if (!entry) return [];
      const words = REASONS[reason][entry.count === 1 ? 0 : 1].replace("{list}", this.list);
      const examples = [...entry.examples];
      const shown = examples.slice(0, EXAMPLES).join(", ") + (examples.length > EXAMPLES ? ", …" : "");
      return `${entry.count.toLocaleString("en-US")} ${words} (${shown})`;
    });
  }
}

/**
 * Lists `root`, a folder of folders, and returns what was passed over, a kind an entry: `1 hidden folder (.ipynb_checkpoints)`.
 * Refuses one that holds no identities, and says what it holds instead.
 */
export function listFolders(root: string, options: ListingOptions, findings: Findings): readonly string[] {
  return new Lister(root, options, findings).list();
}

/** What is collected from an identity's folder. */
interface Collected {
  readonly found: (file: Name) => void;
  readonly foldersInside: string[];
}

class Lister {
  private readonly skipped: Skipped;
  /** Entries of `leaveOut` for which nothing was found. */
  private readonly unknown: Set<string>;
  private readonly forbidden = new Set<string>();
  private people = 0;
  private opened = 0;

  constructor(
    private readonly root: string,
    private readonly options: ListingOptions,
    private readonly findings: Findings,
  ) {
    this.unknown = new Set(options.leaveOut?.paths);
    this.skipped = new Skipped(options.leaveOut?.writtenIn ?? "");
  }

  list(): readonly string[] {
    const folders = this.rootEntries().filter((entry) => this.isIdentity(entry));
    const without: Entry[] = [];
    for (const folder of folders)
      if (!this.person(folder) && !this.forbidden.has(folder.shown)) without.push(folder);
    const all = folders.length;
    this.passOver(without, this.people, all);
    for (const path of this.unknown) this.skipped.add("unknown", path);
    return this.skipped.lines();
  }

  /**
   * Handles folders that hold no images themselves. If most folders are like that, they are refused, with a look at the
   * images further below.
   */
  private passOver(folders: readonly Entry[], people: number, all: number): void {
    const deeper: [Entry, string][] = [];
    for (const folder of folders) {
      const found = this.options.subfolders
        ? undefined
        : this.imageBelow(below(this.root, folder), folder, 0);
      if (found) deeper.push([folder, found]);
      this.skipped.add(found ? "deeper" : "empty", folder.shown);
    }
    if (deeper.length > 0 && deeper.length >= people) this.refuseDeeper(deeper);
    if (people > 0) return;
    const found = { folder: this.root, also: this.also() };
    if (all > 0)
      throw experimentError("identity-without-images", { ...found, types: IMAGE_TYPES.join(", ") });
    throw this.skipped.count("loose") > 0
      ? experimentError("data-folder-without-identities.loose", found)
      : experimentError("data-folder-without-identities", found);
  }

  private refuseDeeper(deeper: readonly [Entry, string][]): never {
    const [folder, example] = deeper[0]!;
    const names = deeper.slice(0, 3).map(([entry]) => entry.shown);
    const parents = [...new Set(deeper.map(([, path]) => path.split("/").slice(0, -2).join("/")))];
    const suggested = parents
      .slice(0, 2)
      .map((parent) => `"${this.root}/${parent}"`)
      .join(" or ");
    const levels = example.split("/").length;
    if (levels > 3 || deeper.length === 1 || deeper.every(([entry]) => PARTS.test(entry.shown)))
      throw experimentError("identities-deeper", {
        folder: this.root,
        names: `${names.join(", ")}${deeper.length > names.length ? ", …" : ""}`,
        example,
        suggested,
      });
    throw experimentError("images-one-folder-deeper", {
      deeper: deeper.length,
      folder: this.root,
      identity: folder.shown,
      example,
      suggested,
    });
  }

  private rootEntries(): Entry[] {
    const folder = this.root;
    let isFolder: boolean | undefined;
    try {
      isFolder = statSync(this.root, { throwIfNoEntry: false })?.isDirectory();
      if (isFolder) return this.entriesOf(this.root, Buffer.alloc(0));
    } catch (error) {
      throw experimentError("data-folder-unreadable", { folder, why: reasonOf(error) });
    }
    throw isFolder === false
      ? experimentError("data-folder-unreadable.no-folder", { folder })
      : experimentError("data-folder-missing", { folder });
  }

  private isIdentity(entry: Entry): boolean {
    const { shown, kind } = entry;
    if (this.isPassedOver(entry, shown)) return false;
    if (kind === "file") this.skipped.add(isImage(shown) ? "loose" : "other", shown);
    return kind === "folder" && !this.isLeftOut(shown);
  }

  /** What is passed over wherever it lies. */
  private isPassedOver({ shown, kind }: Entry, path: string): boolean {
    const reason: Reason | undefined =
      kind !== "file" && kind !== "folder"
        ? kind
        : shown.startsWith(".")
          ? kind === "file"
            ? "hiddenFile"
            : "hiddenFolder"
          : kind === "folder" && SYSTEM_FOLDERS.has(shown)
            ? "system"
            : undefined;
    if (reason) this.skipped.add(reason, path);
    return reason !== undefined;
  }

  private isLeftOut(path: string): boolean {
    const { leaveOut } = this.options;
    if (!leaveOut?.paths.has(path)) return false;
    this.unknown.delete(path);
    this.skipped.add("leftOut", path);
    return true;
  }

  /** Whether the folder has images. */
  private person(folder: Entry): boolean {
    const name = bytesOf(folder);
    const files: Buffer[] = [];
    const foldersInside: string[] = [];
    const found = (file: Name) => files.push(bytesOf(file).subarray(name.length + 1));
    this.collect(below(this.root, folder), folder, [], { found, foldersInside });
    if (files.length === 0) return false;
    for (const path of foldersInside) this.skipped.add("inside", path);
    this.findings.identity(name, files);
    this.people++;
    return true;
  }

  private entriesOf(path: Path, name: Buffer): Entry[] {
    this.findings.folder(path, name);
    return entriesOf(path);
  }

  /** Collects the images of a folder. `above`: the folders that led here, so that a link to one of them ends. */
  private collect(path: Path, name: Name, above: readonly string[], into: Collected): void {
    const here = this.options.subfolders ? [...above, identityOf(path)] : above;
    for (const entry of this.entriesWithin(path, name)) {
      const file = joined(name, entry);
      if (this.isPassedOver(entry, file.shown)) continue;
      if (entry.kind === "folder") {
        const inside = below(path, entry);
        if (!this.options.subfolders) into.foldersInside.push(file.shown);
        else if (here.includes(identityOf(inside))) this.skipped.add("circle", file.shown);
        else this.collect(inside, file, here, into);
      } else if (!isImage(entry.shown)) {
        this.skipped.add("other", extname(entry.shown).toLowerCase() || file.shown);
      } else if (!this.isLeftOut(file.shown)) {
        into.found(file);
      }
    }
  }

  /** The entries of an identity's folder; none, and a note, where the user may not read it. */
  private entriesWithin(path: Path, name: Name): readonly Entry[] {
    try {
      return this.entriesOf(path, bytesOf(name));
    } catch (error) {
      const code = codeOf(error);
      if (code === "EACCES" || code === "EPERM") {
        this.skipped.add("forbidden", name.shown);
        this.forbidden.add(name.shown);
        return [];
      }
      throw experimentError("data-folder-unreadable.below", {
        folder: this.root,
        why: reasonOf(error),
        below: name.shown,
      });
    }
  }

  /** The first image found in the folders inside a folder, down to DEPTH levels. */
  private imageBelow(path: Path, name: Name, depth: number): string | undefined {
    if (depth > DEPTH || this.opened >= FOLDERS_OPENED) return undefined;
    this.opened++;
    let entries: Entry[];
    try {
      entries = entriesOf(path);
    } catch {
      return undefined;
    }
    const visible = entries.filter((e) => !e.shown.startsWith(".") && !SYSTEM_FOLDERS.has(e.shown));
    const image = depth > 0 && visible.find((e) => e.kind === "file" && isImage(e.shown));
    if (image) return joined(name, image).shown;
    for (const entry of visible) {
      if (entry.kind !== "folder") continue;
      const found = this.imageBelow(below(path, entry), joined(name, entry), depth + 1);
      if (found) return found;
    }
    return undefined;
  }

  /** What was passed over, for an error in which that may be the reason. */
  private also(): string {
    const lines = this.skipped.lines();
    return lines.length > 0 ? `; it has ${lines.join(", ")}` : "; it is empty";
  }
}
