/** @file What goes wrong across the bridge, with whose fault it is. */
import {
  codeOf,
  type DiagnosticName,
  inWords,
  type ParametersOf,
} from "../../compiler/diagnostics/catalogue.js";

export type ErrorClass = "user" | "host" | "resource" | "fault";

export interface SourceFrame {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

const INTERRUPTED = codeOf("interrupted");

/** An error of the host, or of reaching it. `frames`: places in the experiment's sources, innermost first. */
export class BridgeError extends Error {
  override readonly name = "BridgeError";

  constructor(
    readonly code: string,
    readonly kind: ErrorClass,
    message: string,
    readonly hint?: string | undefined,
    readonly frames: readonly SourceFrame[] = [],
    /** The host's own traceback, for a fault. */
    readonly python?: string | undefined,
  ) {
    super(message);
  }

  /** Whether the host broke off what it was asked for, because it was told to stop. */
  get interrupted(): boolean {
    return this.code === INTERRUPTED;
  }

  /** From the error body of `docs/protocol.md`. */
  static from(body: Readonly<Record<string, unknown>>): BridgeError {
    const text = (name: string) => (typeof body[name] === "string" ? (body[name] as string) : undefined);
    const kind = text("class") as ErrorClass | undefined;
    const unsaid = inWords("host-failed", {});
    return new BridgeError(
      text("code") ?? unsaid.code,
      kind ?? "fault",
      text("message") ?? unsaid.message,
      text("hint"),
      (body.frames as SourceFrame[] | undefined) ?? [],
      text("python"),
    );
  }
}

/** An error that this side finds: a diagnostic of the catalogue, by its name. */
export function bridgeError<Name extends DiagnosticName>(
  name: Name,
  kind: ErrorClass,
  parameters: ParametersOf<Name>,
): BridgeError {
  const { code, message, hint } = inWords(name, parameters);
  return new BridgeError(code, kind, message, hint);
}
