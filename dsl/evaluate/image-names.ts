/** @file Images that a list names, among those of a source. */
import { experimentError } from "../core/errors.js";
import type { Names } from "../method/source.js";

/** Names that are wanted, each once, and the line that names it first. */
export class WantedNames {
  private readonly numbers = new Map<string, number>();
  private readonly lines: number[] = [];

  /** The number of this name. `./` before it says nothing. */
  add(name: string, line: number): number {
    const plain = plainly(name);
    const number = this.numbers.get(plain) ?? this.numbers.size;
    if (number === this.numbers.size) {
      this.numbers.set(plain, number);
      this.lines.push(line);
    }
    return number;
  }

  /** The number of a name; nothing where it is not wanted. */
  numberOf(name: string): number | undefined {
    return this.numbers.get(plainly(name));
  }

  /** The name of this number, and the line that names it first. */
  firstAt(number: number): { readonly name: string; readonly line: number } {
    const [name] = [...this.numbers].find(([, n]) => n === number)!;
    return { name, line: this.lines[number]! };
  }

  get count(): number {
    return this.lines.length;
  }

  /**
   * The positions of the images of these names, by their numbers. A name is that of an image whose path below the source's root is the
   * same, or else ends with it: `a/1.jpg` is `crops/a/1.jpg`. `stems`: the list leaves out what files end in. Throws F2C2514 where there
   * is no such image, or where there are two; F2C2515 where images have no names.
   */
  imagesIn(names: Names | undefined, { list, stems = false }: { list: string; stems?: boolean }): Int32Array {
    if (!names) throw experimentError("images-without-names", { file: list });
    const found = new Int32Array(this.count).fill(-1);
    /** Of each name how many folders stand before it in the path of what was found, and who else has as few. */
    const before = new Int32Array(this.count).fill(MANY);
    const rivals = new Int32Array(this.count).fill(-1);
    eachName(names, (name, image) => {
      let rest = stems ? name.replace(/\.[^./]*$/, "") : name;
      for (let folders = 0; ; folders++) {
        const number = this.numbers.get(rest);
        if (number !== undefined && folders <= before[number]!) {
          rivals[number] = folders === before[number] ? image : -1;
          if (folders < before[number]!) [found[number], before[number]] = [image, folders];
        }
        const slash = rest.indexOf("/");
        if (slash < 0) break;
        rest = rest.slice(slash + 1);
      }
    });
    this.refuseMissing(found, names, list);
    this.refuseDoubles(found, rivals, names, list);
    return found;
  }

  private refuseMissing(found: Int32Array, names: Names, file: string): void {
    const number = found.indexOf(-1);
    if (number < 0) return;
    if (names.length === 0) throw experimentError("listed-image.of-none", this.at(number, file));
    throw experimentError("listed-image.missing", {
      ...this.at(number, file),
      missing: found.filter((image) => image < 0).length,
      images: names.length,
      example: nameAt(names, 0)!,
    });
  }

  private refuseDoubles(found: Int32Array, rivals: Int32Array, names: Names, file: string): void {
    const number = rivals.findIndex((image) => image >= 0);
    if (number < 0) return;
    throw experimentError("listed-image.two", {
      ...this.at(number, file),
      one: nameAt(names, found[number]!)!,
      other: nameAt(names, rivals[number]!)!,
    });
  }

  private at(number: number, file: string) {
    return { file, ...this.firstAt(number) };
  }
}

const plainly = (name: string) => name.replace(/^(\.\/)+/, "");

const MANY = 0x7fff_ffff;
const AT_ONCE = 8192;

const nameAt = (names: Names, image: number) => names.slice(image, Math.min(names.length, image + 1))[0];

function eachName(names: Names, take: (name: string, image: number) => void): void {
  for (let first = 0; first < names.length; first += AT_ONCE)
    for (const [i, name] of names.slice(first, Math.min(names.length, first + AT_ONCE)).entries())
      take(name, first + i);
}

/** Images that occur, each once in the order in which they do, and where each of `all` stands among them. */
export function distinct(all: Int32Array): { readonly images: Int32Array; readonly positions: Int32Array } {
  const rows = new Map<number, number>();
  const positions = all.map((image) => {
    const row = rows.get(image) ?? rows.size;
    if (row === rows.size) rows.set(image, row);
    return row;
  });
  return { images: Int32Array.from(rows.keys()), positions };
}
