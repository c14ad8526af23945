/**
 * @file IJB-B and IJB-C, 1:1: pairs of templates, the true accept rate at false accept rates down to 1e-6. Unless told otherwise as arcface_torch's
 * `onnx_ijbc.py`; docs/evaluating.md has the definitions and the variants.
 */
import { experimentError } from "../core/errors.js";
import { readTemplatePairs, type TemplatePairs } from "./ijb-lists.js";
import { cosinesInParts } from "./in-parts.js";
import { type Figure, type Protocol, protocol, quiet, type Result } from "./protocol.js";
import { AS_ARCFACE_TORCH, type RateOptions, ratesAt, refuseBadRates } from "./rates-at.js";
import { histogramsOf, ratesAsNumbers, rocOf } from "./score-curves.js";
import { type ScoreLists, Scores } from "./score-lists.js";
import { type TemplateOptions, Templates } from "./templates.js";

export interface IjbVerificationOptions extends TemplateOptions, RateOptions {}

/** Those that the field's scripts print; the first is the one by which nets are compared. */
const FAR = [1e-4, 1e-6, 1e-5, 1e-3, 1e-2, 1e-1];

/** Same person or not, on listed pairs of templates: TAR at FAR, ROC and histogram. */
export function ijbVerification({
  meta,
  norms = true,
  detectorScore = true,
  far = FAR,
  farAt,
  dropIntermediate,
  ...common
}: IjbVerificationOptions): Protocol {
  if (typeof meta !== "string" || meta === "")
    throw experimentError("bad-ijb.meta", { of: "ijbVerification" });
  const rates = { far, ...(farAt && { farAt }), ...(dropIntermediate !== undefined && { dropIntermediate }) };
  refuseBadRates("ijbVerification", rates);
  if (far.length === 0) throw experimentError("bad-rates.none", { of: "ijbVerification" });
  const options = { meta, norms, detectorScore, ...AS_ARCFACE_TORCH, ...rates };
  return protocol("ijb-verification", { ...common, ...options }, (people) => {
    const faces = new Templates(people, options);
    const pairs = readTemplatePairs(people.directory, meta, faces.rows);
    const genuine = pairs.same.reduce((sum, mark) => sum + mark, 0);
    const impostor = pairs.same.length - genuine;
    refuseOneKind(meta, genuine, impostor);
    return {
      images: faces.images,
      drawn: [...faces.drawn, pairs.positions, pairs.same],
      says: `${genuine} genuine and ${impostor} impostor pairs of ${faces.rows.count} templates`,
      async score(view) {
        const { templates, empty } = await faces.of(view, norms);
        const scores = new Scores(genuine, impostor);
        await cosinesInParts(templates, pairs.positions, (part, first) =>
          addTo(scores, part, first, pairs, empty),
        );
        return resultOf(scores.lists(), empty.size, meta, rates);
      },
    };
  });
}

/** Pairs with a template none of whose images is whole are left out. */
function addTo(
  scores: Scores,
  part: Float64Array,
  first: number,
  { positions, same }: TemplatePairs,
  empty: ReadonlySet<number>,
): void {
  for (let i = 0; i < part.length; i++) {
    const pair = first + i;
    if (empty.size > 0 && (empty.has(positions[2 * pair]!) || empty.has(positions[2 * pair + 1]!))) continue;
    scores.add(part[i]!, same[pair] === 1);
  }
}

function refuseOneKind(meta: string, genuine: number, impostor: number): void {
  if (genuine > 0 && impostor > 0) return;
  throw experimentError("too-few-listed-pairs.templates", { list: meta, genuine, impostor });
}

function resultOf(lists: ScoreLists, empty: number, meta: string, rates: RateOptions): Result {
  const [genuine, impostor] = [lists.genuine.length, lists.impostor.length];
  refuseOneKind(meta, genuine, impostor);
  const { far = [] } = rates;
  return {
    numbers: {
      ...named(ratesAsNumbers(ratesAt(lists, rates), impostor)),
      genuine: quiet(genuine),
      impostor: quiet(impostor),
    },
    notes:
      empty > 0 ? [`${empty} templates have no image that can be decoded, and their pairs are left out`] : [],
    curves: { roc: rocOf(lists, far, "Verification of templates"), ...histogramsOf(lists) },
  };
}

/** In the table the first number stands under the evaluation's name: its note says which it is. */
function named(numbers: Readonly<Record<string, Figure>>): Readonly<Record<string, Figure>> {
  const [[name, figure], ...others] = Object.entries(numbers) as [[string, Figure], ...[string, Figure][]];
  return Object.fromEntries([[name, { ...figure, note: `${name}, ${figure.note}` }], ...others]);
}
