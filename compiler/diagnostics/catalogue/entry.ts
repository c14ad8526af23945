/** @file What a diagnostic consists of in the catalogue, and the parameters that its templates ask for. */

/** One kind of diagnostic. `{name}` in a template is filled with a text, `{name:number}` with a number. */
export interface CatalogueEntry {
  /** Stable: a code is never given a new meaning, nor a meaning a new code. */
  readonly code: `F2C${number}`;
  readonly severity: "error" | "warning";
  /** One line: what is wrong, naming the thing. */
  readonly message: string;
  /** What to do, as printed below the message. */
  readonly hint?: string;
  /** Why it is refused, for the docs. */
  readonly why: string;
  /** What to do where it takes more than the hint to say it, for the docs. */
  readonly remedy?: string;
}

/** The `{…}` of a template that are parameters; braces around code, which has spaces in it, are text. */
type Placeholder<Template extends string> = Template extends `${string}{${infer Inside}}${infer Rest}`
  ? (Inside extends `${string} ${string}` ? never : Inside) | Placeholder<Rest>
  : never;

/** The parameters of a template, by name; `string` for those that do not ask for a number. */
export type TemplateParameters<Template extends string> = [Placeholder<Template>] extends [never]
  ? Readonly<Record<string, never>>
  : {
      readonly [P in Placeholder<Template> as P extends `${infer Name}:number`
        ? Name
        : P]: P extends `${string}:number` ? number : string;
    };

const PLACEHOLDER = /\{(\w+)(?::number)?\}/g;

/** A template with its parameters filled in by `fill`. */
export const filled = (template: string, fill: (name: string) => string): string =>
  template.replace(PLACEHOLDER, (_, name: string) => fill(name));
