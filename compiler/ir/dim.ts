/** @file A tensor's dimension: an integer, or an affine expression over named symbols such as `2*B+1`. */

export interface Affine {
  readonly constant: number;
  /** Coefficients by symbol, never zero, sorted by symbol. At least one. */
  readonly terms: readonly (readonly [symbol: string, coefficient: number])[];
}

export type Dim = number | Affine;

/** The dimension named `name`, of any size. */
export const symbol = (name: string): Dim => ({ constant: 0, terms: [[name, 1]] });

const termsOf = (dim: Dim) => (typeof dim === "number" ? [] : dim.terms);
const constantOf = (dim: Dim) => (typeof dim === "number" ? dim : dim.constant);

function affine(constant: number, terms: Map<string, number>): Dim {
  const kept = [...terms].filter(([, c]) => c !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  return kept.length === 0 ? constant : { constant, terms: kept };
}

/** `a + scale * b`. */
export function addDims(a: Dim, b: Dim, scale = 1): Dim {
  const terms = new Map(termsOf(a));
  for (const [name, c] of termsOf(b)) terms.set(name, (terms.get(name) ?? 0) + scale * c);
  return affine(constantOf(a) + scale * constantOf(b), terms);
}

/** `a * b` where at least one is an integer; `undefined` where the product is not affine. */
export function mulDims(a: Dim, b: Dim): Dim | undefined {
  if (typeof a !== "number" && typeof b !== "number") return undefined;
  const [factor, other] = typeof a === "number" ? [a, b] : [b as number, a];
  return affine(factor * constantOf(other), new Map(termsOf(other).map(([n, c]) => [n, c * factor])));
}

/** `a / divisor` where every coefficient divides; `undefined` otherwise. */
export function divideDim(a: Dim, divisor: number): Dim | undefined {
  const exact = (n: number) => divisor !== 0 && n % divisor === 0;
  if (!exact(constantOf(a)) || termsOf(a).some(([, c]) => !exact(c))) return undefined;
  return affine(constantOf(a) / divisor, new Map(termsOf(a).map(([n, c]) => [n, c / divisor])));
}

/** What a dimension is where every symbol is 1: of one sample. */
export const forOne = (dim: Dim): number => termsOf(dim).reduce((sum, [, c]) => sum + c, constantOf(dim));

/** Whether two dimensions are equal for every value of their symbols. */
export const sameDim = (a: Dim, b: Dim): boolean => addDims(a, b, -1) === 0;

/** Whether two shapes are equal for every value of their symbols. */
export const sameDims = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, i) => sameDim(d, b[i]!));

/** The product of all dimensions, or `undefined` where it is not affine. */
export const productOfDims = (dims: readonly Dim[]): Dim | undefined =>
  dims.reduce<Dim | undefined>(
    (product, dim) => (product === undefined ? undefined : mulDims(product, dim)),
    1,
  );

/** `12`, `B`, `2*B+1`. */
export function printDim(dim: Dim): string {
  if (typeof dim === "number") return String(dim);
  const terms = dim.terms.map(([name, c]) => (c === 1 ? name : c === -1 ? `-${name}` : `${c}*${name}`));
  const tail = dim.constant === 0 ? [] : [String(dim.constant)];
  return [...terms, ...tail].join("+").replaceAll("+-", "-");
}

/** Parses the text of `printDim`. Throws a SyntaxError on anything else. */
export function parseDim(text: string): Dim {
  const pieces = text.match(/[+-]?[^+-]+/g);
  if (!pieces || pieces.join("") !== text) throw new SyntaxError(`not a dimension: ${JSON.stringify(text)}`);
  return pieces.reduce<Dim>((sum, piece) => {
    const match = /^([+-]?)(?:(\d+)(?:\*([A-Za-z_]\w*))?|([A-Za-z_]\w*))$/.exec(piece);
    if (!match) throw new SyntaxError(`not a dimension: ${JSON.stringify(text)}`);
    const factor = (match[1] === "-" ? -1 : 1) * Number(match[2] ?? 1);
    const name = match[3] ?? match[4];
    return name === undefined ? addDims(sum, factor) : addDims(sum, symbol(name), factor);
  }, 0);
}

/** The symbols that sizes are made of. */
export const symbolsIn = (dims: readonly Dim[]): readonly string[] =>
  dims.flatMap((dim) => (typeof dim === "number" ? [] : dim.terms.map(([name]) => name)));
