/** @file The catalogue of diagnostics: every code that the tool can show, by name, with its texts. */

import { type ExperimentError, errorsOf } from "../../dsl/core/errors.js";
import {
  type CatalogueEntry,
  type Filled,
  filledIn,
  type NameIn,
  type ParametersIn,
} from "../../dsl/diagnostics/entry.js";
import { EXPERIMENT } from "../../dsl/diagnostics/experiment.js";
import { BEGINNING } from "./catalogue/beginning.js";
import { BUILDING } from "./catalogue/building.js";
import { DATA } from "./catalogue/data.js";
import { HOST } from "./catalogue/host.js";
import { LANGUAGE } from "./catalogue/language.js";
import { LOADING } from "./catalogue/loading.js";
import { SCORING } from "./catalogue/scoring.js";
import { TYPING } from "./catalogue/typing.js";
import type { Diagnostic, Span } from "./diagnostic.js";

export { type CatalogueEntry, type Filled, wordingsOf } from "../../dsl/diagnostics/entry.js";

/** Written out by the parts' own names: inferred, it would be longer than a declaration file can hold. */
type Catalogue = typeof LANGUAGE &
  typeof LOADING &
  typeof BUILDING &
  typeof BEGINNING &
  typeof EXPERIMENT &
  typeof TYPING &
  typeof HOST &
  typeof DATA &
  typeof SCORING;

/** Every diagnostic by its name; those that the DSL finds are its own. A new one takes the next free code of its range. */
export const CATALOGUE: Catalogue = {
  ...LANGUAGE,
  ...LOADING,
  ...BUILDING,
  ...BEGINNING,
  ...EXPERIMENT,
  ...TYPING,
  ...HOST,
  ...DATA,
  ...SCORING,
};

/** What a diagnostic is made by: `condition-on-tensor`, `condition-on-tensor.loop`. */
export type DiagnosticName = NameIn<Catalogue>;

/** What the message and the hint of a diagnostic need to be filled in. */
export type ParametersOf<Name extends DiagnosticName> = ParametersIn<Catalogue, Name>;

/** The diagnostics that nothing needs to be filled into. */
export type PlainName = {
  [N in DiagnosticName]: ParametersOf<N> extends Readonly<Record<string, never>> ? N : never;
}[DiagnosticName];

/** What a diagnostic may have besides its place and its parameters. */
export interface ReportDetails {
  readonly related?: Diagnostic["related"] | undefined;
  /** A hint for this very case, in place of the catalogue's. */
  readonly hint?: string | undefined;
}

const entries: Readonly<Record<string, CatalogueEntry>> = CATALOGUE;

const names: ReadonlyMap<string, keyof Catalogue> = new Map(
  Object.entries(entries).map(([name, { code }]) => [code, name as keyof Catalogue]),
);

/** A diagnostic of the catalogue, its templates filled in. */
export function report<Name extends DiagnosticName>(
  name: Name,
  span: Span | undefined,
  parameters: ParametersOf<Name>,
  { related = [], hint }: ReportDetails = {},
): Diagnostic {
  const filled = filledIn(CATALOGUE, name, parameters, hint);
  return { ...filled, ...(span && { span }), related, url: docsOf(filled.code)! };
}

/** An error of the experiment, to be thrown: `throw experimentError("plan-value-nan", { path, step })`. */
export const experimentError = errorsOf(CATALOGUE);

/** What an error of the experiment says. */
export const asFilled = ({ code, message, hint }: ExperimentError): Filled => ({
  code,
  severity: "error",
  message,
  ...(hint !== undefined && { hint }),
});

/** The same as a diagnostic, without a place. */
export const asDiagnostic = (error: ExperimentError): Diagnostic => ({ ...asFilled(error), related: [] });

/** What is said under a name, without a place. */
export const inWords = <Name extends DiagnosticName>(
  name: Name,
  parameters: ParametersOf<Name>,
  hint?: string,
) => filledIn(CATALOGUE, name, parameters, hint);

/** The code of an entry: `F2C1015`. */
export const codeOf = (name: keyof Catalogue): string => entries[name]!.code;

/** The name of a code; undefined for one that the catalogue does not have, for example from a host of another version. */
export const nameOf = (code: string): keyof Catalogue | undefined => names.get(code);

/** Where a code is explained; undefined for a code that the catalogue does not know. */
export function docsOf(code: string): string | undefined {
  const name = nameOf(code);
  return name && `docs/diagnostics.md#${code.toLowerCase()}-${name}`;
}
