/** @file The catalogue of diagnostics: every code that the tool can show, by name, with its texts. */
import { BUILDING } from "./catalogue/building.js";
import { DATA } from "./catalogue/data.js";
import { type CatalogueEntry, filled, type TemplateParameters } from "./catalogue/entry.js";
import { HOST } from "./catalogue/host.js";
import { LANGUAGE } from "./catalogue/language.js";
import { LOADING } from "./catalogue/loading.js";
import { TYPING } from "./catalogue/typing.js";
import type { Diagnostic, Span } from "./diagnostic.js";

export type { CatalogueEntry } from "./catalogue/entry.js";

/** Every diagnostic by its name. A new one takes the next free code of its range. */
export const CATALOGUE = { ...LANGUAGE, ...LOADING, ...BUILDING, ...TYPING, ...HOST, ...DATA } as const;

type Catalogue = typeof CATALOGUE;

/** The name of a diagnostic: `condition-on-tensor`. */
export type DiagnosticName = keyof Catalogue;

/** The code of a diagnostic: `F2C1015`. */
export type DiagnosticCode = Catalogue[DiagnosticName]["code"];

type HintOf<Name extends DiagnosticName> = Catalogue[Name] extends {
  readonly hint: infer Hint extends string;
}
  ? Hint
  : "";

/** What the message and the hint of a diagnostic need to be filled in. */
export type ParametersOf<Name extends DiagnosticName> =
  TemplateParameters<`${Catalogue[Name]["message"]}${HintOf<Name>}`>;

/** What a diagnostic may have beside its place and its parameters. */
export interface ReportDetails {
  readonly related?: Diagnostic["related"];
  /** A remedy for this very case, in place of the catalogue's. */
  readonly hint?: string;
}

const entries: Readonly<Record<string, CatalogueEntry>> = CATALOGUE;

const names: ReadonlyMap<string, DiagnosticName> = new Map(
  Object.entries(entries).map(([name, { code }]) => [code, name as DiagnosticName]),
);

/** A diagnostic of the catalogue, its templates filled in. */
export function report<Name extends DiagnosticName>(
  name: Name,
  span: Span | undefined,
  parameters: ParametersOf<Name>,
  details: ReportDetails = {},
): Diagnostic {
  const { code, severity, message, hint } = entries[name]!;
  const values: Readonly<Record<string, string | number>> = parameters;
  const fill = (parameter: string) => {
    const value = values[parameter];
    if (value === undefined) throw new Error(`internal: ${name} is reported without \`${parameter}\``);
    return String(value);
  };
  const remedy = details.hint ?? (hint === undefined ? undefined : filled(hint, fill));
  return {
    code,
    severity,
    message: filled(message, fill),
    ...(span && { span }),
    related: details.related ?? [],
    ...(remedy !== undefined && { hint: remedy }),
    url: docsOf(code)!,
  };
}

/** The name of a code; undefined for one that the catalogue lacks, of another version's host say. */
export const nameOf = (code: string): DiagnosticName | undefined => names.get(code);

/** Where a code is explained; undefined for a code that the catalogue does not know. */
export function docsOf(code: string): string | undefined {
  const name = nameOf(code);
  return name && `docs/diagnostics.md#${code.toLowerCase()}-${name}`;
}
