/** @file People of a source under other names: two of one name become one. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { experimentError } from "../core/errors.js";
import { type Catalogue, type DataSource, personOf } from "../method/source.js";
import { codeOf } from "./folder-entries.js";
import { arranged, SUBSET } from "./selected.js";

/** The new name of each person that gets one; or a text file with `old new` a line, relative to the experiment's file. */
export type Relabelling = Readonly<Record<string, string>> | string;

/**
 * A source whose people are called otherwise: those that get one name, or that of somebody who is there, become one person, where the
 * first of them stood. Every name is changed once, so that `{ a: "b", b: "a" }` exchanges two. Applied to people to train on and to those kept back alike.
 */
export const relabel = (source: DataSource, names: Relabelling): DataSource => ({
  kind: SUBSET,
  ...(source.needs && { needs: source.needs }),
  open: (context) => {
    const { train, heldOut, ...others } = source.open(context);
    const changes = typeof names === "string" ? inFile(resolve(context.directory, names)) : ofRecord(names);
    const [toTrain, keptBack] = [new Groups(train, changes), new Groups(heldOut, changes)];
    refuseUnknown(changes, [toTrain, keptBack]);
    for (const name of toTrain.changed)
      if (keptBack.has(name)) throw experimentError("bad-relabel.both-sides", { name });
    for (const name of keptBack.changed)
      if (toTrain.has(name)) throw experimentError("bad-relabel.both-sides", { name });
    return { ...others, train: toTrain.joined(), heldOut: keptBack.joined() };
  },
});

type Changes = ReadonlyMap<string, string>;

function ofRecord(names: Readonly<Record<string, string>>): Changes {
  for (const [old, name] of Object.entries(names))
    if (typeof name !== "string" || name === "")
      throw experimentError("bad-relabel", { old, name: JSON.stringify(name) ?? "undefined" });
  return new Map(Object.entries(names));
}

/** `old new` a line, with a tab between where names have blanks; empty lines, and those that begin with `#`, do not count. */
function inFile(path: string): Changes {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw experimentError("bad-relabel.unreadable", { path, error: String(codeOf(error)) });
  }
  const changes = new Map<string, string>();
  for (const [i, line] of text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const words = line.includes("\t")
      ? line.split("\t").map((word) => word.trim())
      : line.trim().split(/\s+/);
    const [old, name] = words as [string, string];
    if (words.length !== 2 || old === "" || name === "")
      throw experimentError("bad-relabel.line", { path, line: i + 1 });
    if (changes.has(old) && changes.get(old) !== name)
      throw experimentError("bad-relabel.twice", { path, line: i + 1, old });
    changes.set(old, name);
  }
  return changes;
}

function refuseUnknown(changes: Changes, sets: readonly Groups[]): void {
  for (const old of changes.keys())
    if (!sets.some(({ seen }) => seen.has(old))) {
      const known = sets[0]!.examples.join(", ");
      throw experimentError("bad-relabel.unknown", { old, known });
    }
}

/** Names that are read at once. */
const AT_ONCE = 4096;

/** The people of a set by their new names. */
class Groups {
  /** New names of people that got one. */
  readonly changed = new Set<string>();
  /** Old names that are there, of those that change. */
  readonly seen = new Set<string>();
  readonly examples: readonly string[];
  /** People that become one, each list where its first member stands; those that stay alone are in none. */
  private readonly lists = new Map<string, number[]>();

  constructor(
    private readonly set: Catalogue,
    changes: Changes,
  ) {
    const count = set.offsets.length - 1;
    const known = new Set([...changes.keys(), ...changes.values()]);
    for (let first = 0; first < count; first += AT_ONCE)
      for (const [i, name] of this.namesFrom(first, Math.min(count, first + AT_ONCE)).entries()) {
        if (!known.has(name)) continue;
        const now = changes.get(name) ?? name;
        if (changes.has(name)) {
          this.seen.add(name);
          this.changed.add(now);
        }
        const list = this.lists.get(now);
        if (list) list.push(first + i);
        else this.lists.set(now, [first + i]);
      }
    this.examples = this.namesFrom(0, Math.min(count, 3));
  }

  has(name: string): boolean {
    return this.lists.has(name);
  }

  private namesFrom(first: number, end: number): readonly string[] {
    const { people } = this.set;
    if (people) return people.slice(first, end);
    return Array.from({ length: end - first }, (_, i) => {
      const name = personOf(this.set, first + i);
      if (name === undefined) throw experimentError("bad-relabel.no-names", {});
      return name;
    });
  }

  /** The set with these people: the images of one who was several follow each other. */
  joined(): Catalogue {
    const { set } = this;
    const count = set.offsets.length - 1;
    const later = new Set([...this.lists.values()].flatMap((list) => list.slice(1)));
    const listOf = new Map([...this.lists].map(([name, list]) => [list[0]!, { name, list }]));
    if (later.size === 0 && this.changed.size === 0) return set;
    const people: number[] = [];
    const counts: number[] = [];
    const images = new Int32Array(set.offsets[count]!);
    let place = 0;
    for (let person = 0; person < count; person++) {
      if (later.has(person)) continue;
      const before = place;
      for (const member of listOf.get(person)?.list ?? [person])
        for (let image = set.offsets[member]!; image < set.offsets[member + 1]!; image++)
          images[place++] = image;
      people.push(person);
      counts.push(place - before);
    }
    const slice = (first: number, end: number) =>
      people
        .slice(first, end)
        .map((person) => listOf.get(person)?.name ?? this.namesFrom(person, person + 1)[0]!);
    const { digests } = set;
    return arranged(set, images, Int32Array.from(counts), {
      people: { length: people.length, slice },
      digests:
        digests &&
        ((first, end) =>
          Buffer.concat(
            people.slice(first, end).map((person) => digestOf(digests, listOf.get(person)?.list ?? [person])),
          )),
    });
  }
}

/** The digest of one who was several: of theirs. */
function digestOf(digests: NonNullable<Catalogue["digests"]>, members: readonly number[]): Uint8Array {
  const theirs = members.map((member) => digests(member, member + 1));
  return theirs.length === 1
    ? theirs[0]!
    : createHash("sha256").update(Buffer.concat(theirs)).digest().subarray(0, theirs[0]!.length);
}
