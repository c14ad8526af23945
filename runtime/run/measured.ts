/** @file Results of evaluations as files hold them, and as people read them. */
import type { Figure, Measured } from "../../dsl/index.js";

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isFigure = (value: unknown): value is Figure =>
  isRecord(value) &&
  (value.value === null || typeof value.value === "number") &&
  typeof value.as === "string";

export const isMeasured = (value: unknown): value is Measured =>
  isRecord(value) &&
  isRecord(value.numbers) &&
  Object.values(value.numbers).every(isFigure) &&
  Array.isArray(value.notes);

const WORDS: Readonly<Record<Figure["as"], (value: number) => string>> = {
  percent: (value) => `${(100 * value).toFixed(2)} %`,
  plain: (value) => String(Number(value.toPrecision(4))),
};

/** A number as it is shown, with its deviation: `91.00 % ± 1.20 %`; `-` where there is none. */
export function figureText({ value, std, as }: Figure): string {
  const words = WORDS[as] ?? WORDS.plain;
  return value === null ? "-" : `${words(value)}${std === undefined ? "" : ` ± ${words(std)}`}`;
}

/** The number by which nets are compared: its name, and how it is shown. */
export function headline({ numbers }: Measured): { readonly name: string; readonly text: string } {
  const [first] = Object.entries(numbers);
  return first ? { name: first[0], text: figureText(first[1]) } : { name: "", text: "-" };
}

/** A measurement as rows of a table, `name` before the first. */
export function rowsOf(name: string, { numbers, notes }: Measured): (readonly [string, string])[] {
  const shown = Object.entries(numbers).filter(([, { quiet }]) => !quiet);
  return [
    ...shown.map(([title, figure], i) => {
      const { note, value } = figure;
      const behind = note === undefined ? "" : value === null ? ` (${note})` : ` ${note}`;
      return [i === 0 ? name : title, `${figureText(figure)}${behind}`] as const;
    }),
    ...notes.map((note) => ["", `(${note})`] as const),
  ];
}
