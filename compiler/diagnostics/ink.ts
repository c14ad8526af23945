/** @file Colours of a terminal. */

/** What a piece of a rendered diagnostic is; the painter gives each its colour. */
export type Role = "error" | "warning" | "related" | "heading" | "label" | "faint";

/** Colours a text by its role. */
export type Painter = (role: Role, text: string) => string;

const SGR: Readonly<Record<Role, string>> = {
  error: "1;31",
  warning: "1;33",
  related: "1;36",
  heading: "1",
  label: "36",
  faint: "2",
};

/** A painter that writes ANSI colours, or leaves every text as it is. */
export const painter =
  (color: boolean): Painter =>
  (role, text) =>
    color && text !== "" ? `\u001b[${SGR[role]}m${text}\u001b[0m` : text;
