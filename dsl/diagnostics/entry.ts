/** @file What a diagnostic consists of in a catalogue, the parameters that its templates ask for, and how they are filled in. */

/** What is said. `{name}` in a template is filled with a text, `{name:number}` with a number. */
export interface Wording {
  /** One line: what is wrong, naming the thing. */
  readonly message: string;
  /** What to do, as printed below the message. */
  readonly hint?: string;
}

interface Kind {
  /** Stable: a code is never given a new meaning, nor a meaning a new code. */
  readonly code: `F2C${number}`;
  readonly severity: "error" | "warning";
  /** Why it is refused, for the docs. */
  readonly why: string;
  /** What to do where it takes more than the hint to say it, for the docs. */
  readonly remedy?: string;
}

/**
 * One kind of diagnostic, made by its name: `no-loss`. Where one code is said in several ways, the others are its `cases`, made
 * by both names: `bad-experiment.seed`. What a case does not say is the entry's.
 */
export type CatalogueEntry = Kind &
  (
    | (Wording & { readonly cases?: Readonly<Record<string, Partial<Wording>>> })
    | {
        readonly message?: undefined;
        readonly hint?: string;
        readonly cases: Readonly<Record<string, Wording>>;
      }
  );

export type Catalogue = Readonly<Record<string, CatalogueEntry>>;

/** The names by which the diagnostics of a catalogue are made. */
export type NameIn<C extends Catalogue> = {
  [N in keyof C & string]:
    | (C[N] extends Wording ? N : never)
    | (C[N] extends { readonly cases: infer Cases } ? `${N}.${keyof Cases & string}` : never);
}[keyof C & string];

type MessageOf<W, Otherwise extends string = never> = W extends { readonly message: infer M extends string }
  ? M
  : Otherwise;
type HintOf<W, Otherwise extends string = ""> = W extends { readonly hint: infer H extends string }
  ? H
  : Otherwise;

type TemplateOf<C extends Catalogue, Name> = Name extends keyof C
  ? `${MessageOf<C[Name]>}${HintOf<C[Name]>}`
  : Name extends `${infer N}.${infer Case}`
    ? C[N] extends { readonly cases: infer Cases }
      ? Case extends keyof Cases
        ? `${MessageOf<Cases[Case], MessageOf<C[N]>>}${HintOf<Cases[Case], HintOf<C[N]>>}`
        : never
      : never
    : never;

/** The `{…}` of a template that are parameters; braces around code, which has spaces in it, are text. */
type Placeholder<Template extends string> = Template extends `${string}{${infer Inside}}${infer Rest}`
  ? Parameter<Inside> | Placeholder<Rest>
  : never;
type Parameter<Inside extends string> = Inside extends `${string}{${infer Inner}`
  ? Parameter<Inner>
  : Inside extends `${string} ${string}`
    ? never
    : Inside;

/** The parameters of a template, by name; `string` for those that do not ask for a number. */
export type TemplateParameters<Template extends string> = [Placeholder<Template>] extends [never]
  ? Readonly<Record<string, never>>
  : {
      readonly [P in Placeholder<Template> as P extends `${infer Name}:number`
        ? Name
        : P]: P extends `${string}:number` ? number : string;
    };

/** What the message and the hint of a diagnostic need to be filled in. */
export type ParametersIn<C extends Catalogue, Name extends NameIn<C>> = TemplateParameters<
  TemplateOf<C, Name>
>;

/** A diagnostic in words. */
export interface Filled extends Wording {
  readonly code: string;
  readonly severity: "error" | "warning";
}

const PLACEHOLDER = /\{(\w+)(?::number)?\}/g;

/** A template with its parameters filled in by `fill`. */
export const filled = (template: string, fill: (name: string) => string): string =>
  template.replace(PLACEHOLDER, (_, name: string) => fill(name));

/** All that an entry may say: in its own words first, then by its cases. */
export const wordingsOf = ({ message, hint, cases = {} }: CatalogueEntry): readonly Wording[] => [
  ...(message === undefined ? [] : [wording(message, hint)]),
  ...Object.values(cases).map((one) => wording(one.message ?? message!, one.hint ?? hint)),
];

const wording = (message: string, hint: string | undefined): Wording => ({
  message,
  ...(hint !== undefined && { hint }),
});

/** A diagnostic of a catalogue in words. `remedy`: a hint for this very case, in place of the catalogue's. */
export function filledIn<C extends Catalogue, Name extends NameIn<C>>(
  catalogue: C,
  name: Name,
  parameters: ParametersIn<C, Name>,
  remedy?: string,
): Filled {
  const [entryName, caseName] = name.split(".") as [string, string | undefined];
  const entry = catalogue[entryName]!;
  const one = caseName === undefined ? entry : entry.cases![caseName]!;
  const values: Readonly<Record<string, string | number>> = parameters;
  const fill = (parameter: string) => {
    const value = values[parameter];
    if (value === undefined) throw new Error(`internal: ${name} is reported without \`${parameter}\``);
    return String(value);
  };
  const hint = one.hint ?? entry.hint;
  return {
    code: entry.code,
    severity: entry.severity,
    ...wording(
      filled((one.message ?? entry.message)!, fill),
      remedy ?? (hint === undefined ? undefined : filled(hint, fill)),
    ),
  };
}
