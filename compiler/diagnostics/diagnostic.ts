/** @file What the tool has to say about a person's program: stable code, place, related places, remedy. */

/** A place in a source; offsets count UTF-16 units. */
export interface Span {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** One problem, with everything that its reader needs to fix it. */
export interface Diagnostic {
  /** `F2C####`, listed in docs/diagnostics.md. */
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly span?: Span | undefined;
  readonly related: readonly { readonly message: string; readonly span: Span }[];
  readonly hint?: string | undefined;
  readonly url?: string | undefined;
}
