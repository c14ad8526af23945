/** @file Text on a terminal: how many columns it takes, and how to cut it to a number of them. */

/** One thing that a terminal shows as a unit, the columns it takes, and where it begins in its text. */
export interface Cell {
  readonly text: string;
  readonly columns: number;
  readonly offset: number;
}

const TAB = 2;
let segmenter: Intl.Segmenter | undefined; // takes a while to make, and most commands print no excerpt
const graphemes = () => (segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" }));
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18aff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;
const INVISIBLE = /^[\p{M}\p{Cf}]+$/u;

/**
 * A line as cells. A tab becomes spaces; a control character the symbol for it, so that no text can control the terminal.
 */
export function cellsOf(line: string): readonly Cell[] {
  return Array.from(graphemes().segment(line), ({ segment, index: offset }) => {
    if (segment === "\t") return { text: " ".repeat(TAB), columns: TAB, offset };
    const visible = segment.replace(/\p{Cc}/gu, pictureOf);
    if (INVISIBLE.test(segment)) return { text: visible, columns: 0, offset };
    return { text: visible, columns: WIDE.test(segment) ? 2 : 1, offset };
  });
}

const pictureOf = (control: string) => {
  const code = control.charCodeAt(0);
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
};

/** The columns of cells together. */
export const columnsOf = (cells: readonly Cell[]): number => cells.reduce((sum, c) => sum + c.columns, 0);

/** Text broken at spaces into lines of at most `width` columns; a longer word keeps a line of its own. */
export function wrapped(text: string, width: number): readonly string[] {
  return text.split(/\r?\n/).flatMap((paragraph) => {
    const line = printable(paragraph);
    if (columnsOf(cellsOf(line)) <= width) return [line];
    const [first, ...words] = line.match(/^ *\S+|\S+/g) ?? [""];
    const lines = [first!];
    for (const word of words) {
      const longer = `${lines.at(-1)} ${word}`;
      if (columnsOf(cellsOf(longer)) > width) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  });
}

/** A line as it is written to the terminal: tabs as spaces, control characters as the symbols for them. */
export const printable = (line: string): string =>
  cellsOf(line)
    .map((c) => c.text)
    .join("");
