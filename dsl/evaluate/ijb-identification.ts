/**
 * @file IJB-B and IJB-C, 1:N: probe templates are searched for in each gallery. Who has a mate there is a mated search, everybody else a non-mated one: each
 * gallery has its own. Rates are means over the galleries; docs/evaluating.md has the definitions.
 */
import { experimentError } from "../core/errors.js";
import {
  CMC_RANKS,
  cmcCurve,
  detCurve,
  type SearchesAsked,
  type SearchRates,
  searchRates,
} from "./identification-rates.js";
import { readOneToMany, type Subjects } from "./ijb-lists.js";
import {
  type Curve,
  type Figure,
  type Protocol,
  protocol,
  quiet,
  type Result,
  type Rows,
} from "./protocol.js";
import { type TemplateOptions, Templates } from "./templates.js";

export interface IjbIdentificationOptions extends TemplateOptions {
  /** False positive identification rates at which the true positive identification rate is reported. */
  fpir?: readonly number[];
  /** Ranks of the closed set. */
  ranks?: readonly number[];
  /** In the open set, a search has found its mate where that is among so many first candidates. */
  within?: number;
}

/** Searches for probe templates in each gallery: rank-k and CMC, TPIR at FPIR and DET. */
export function ijbIdentification({
  meta,
  norms = true,
  detectorScore = true,
  fpir = [1e-2, 1e-1],
  ranks = [1, 5, 10],
  within = 1,
  ...common
}: IjbIdentificationOptions): Protocol {
  const asked = { fpir, ranks, within };
  refuseBadOptions(meta, asked);
  const options = { meta, norms, detectorScore, ...asked };
  return protocol("ijb-identification", { ...common, ...options }, (people) => {
    const faces = new Templates(people, options);
    const { galleries, probes } = readOneToMany(people.directory, meta, faces.rows);
    const mates = galleries.map((gallery) => matesIn(gallery, probes));
    for (const [i, gallery] of galleries.entries())
      refuseFew(gallery.file.shown, gallery.rows.length, mates[i]!);
    return {
      images: faces.images,
      drawn: [...faces.drawn, ...galleries.map(({ rows }) => rows), probes.rows, ...mates],
      says: `${probes.rows.length} probes, ${galleries.map(({ rows }, i) => `${mated(mates[i]!)} of them of the ${rows.length} enrolled people of ${nameOf(galleries[i]!)}`).join(", ")}`,
      async score(view) {
        const { templates, empty } = await faces.of(view, norms);
        const found = [];
        for (const gallery of galleries) found.push(await searched(templates, gallery, probes, empty, asked));
        return resultOf(galleries.map(nameOf), found, empty.size, asked);
      },
    };
  });
}

type Asked = Omit<SearchesAsked, "mates">;

function refuseBadOptions(meta: string, { fpir, ranks, within }: Asked): void {
  const of = "ijbIdentification";
  if (typeof meta !== "string" || meta === "") throw experimentError("bad-ijb.meta", { of });
  if (ranks.length === 0) throw experimentError("bad-ijb.no-ranks", { of });
  for (const [option, numbers] of Object.entries({ ranks, within: [within] }))
    for (const value of numbers)
      if (!Number.isInteger(value) || value < 1)
        throw experimentError("bad-ijb.whole", { of, option, value });
  const odd = fpir.find((rate) => !(rate > 0 && rate <= 1));
  if (odd !== undefined) throw experimentError("bad-ijb.rate", { of, rate: odd });
}

/** `G1` of `ijbc_1N_gallery_G1.csv`. */
const nameOf = ({ file }: Subjects): string => /_([^_]+)\.csv$/i.exec(file.path)![1]!;

const mated = (mates: Int32Array): number => mates.filter((mate) => mate >= 0).length;

/** Of each probe where its subject stands in a gallery; -1 where it is not enrolled. */
function matesIn(gallery: Pick<Subjects, "subjects">, probes: Pick<Subjects, "subjects">): Int32Array {
  const places = new Map<number, number>();
  for (const [place, subject] of gallery.subjects.entries()) places.set(subject, place);
  return probes.subjects.map((subject) => places.get(subject) ?? -1);
}

/** One enrolled person is always the nearest, and without mated searches there is no rate. */
function refuseFew(file: string, enrolled: number, mates: Int32Array, which = ""): void {
  if (enrolled >= 2 && mated(mates) >= 1) return;
  throw experimentError("ijb-lists.few", {
    file,
    enrolled,
    mated: mated(mates),
    which: which && `, ${which}`,
  });
}

interface Searched {
  readonly rates: SearchRates;
  readonly enrolled: number;
}

/** Templates none of whose images is whole are neither enrolled nor searched for. */
async function searched(
  templates: Rows,
  gallery: Subjects,
  probes: Subjects,
  empty: ReadonlySet<number>,
  asked: Asked,
): Promise<Searched> {
  const [enrolled, searches] = [whole(gallery, empty), whole(probes, empty)];
  const mates = matesIn(enrolled, searches);
  refuseFew(gallery.file.shown, enrolled.rows.length, mates, "broken images left out");
  const k = Math.min(enrolled.rows.length, Math.max(...asked.ranks, asked.within, CMC_RANKS));
  const nearest = await templates.topK(searches.rows, enrolled.rows, k);
  return { rates: searchRates(nearest, k, { ...asked, mates }), enrolled: enrolled.rows.length };
}

function whole(
  { rows, subjects }: Subjects,
  empty: ReadonlySet<number>,
): Pick<Subjects, "rows" | "subjects"> {
  const stays = (_: number, i: number) => !empty.has(rows[i]!);
  return { rows: rows.filter(stays), subjects: subjects.filter(stays) };
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function resultOf(
  names: readonly string[],
  found: readonly Searched[],
  empty: number,
  { ranks, fpir }: Asked,
): Result {
  const of = names.map(
    (name, i) => `${found[i]!.rates.mated} searches among ${found[i]!.enrolled} of ${name}`,
  );
  const closed = ranks.map((rank, i): [string, Figure] => [
    `rank-${rank}`,
    {
      value: meanOf(found.map(({ rates }) => rates.ranks[i]!)),
      as: "percent",
      ...(i === 0 && { note: `at rank ${rank}, mean of ${of.join(" and ")}` }),
    },
  ]);
  const open = fpir.map((rate, i): [string, Figure] => {
    const each = found.map(({ rates }) => rates.tpir[i] ?? null);
    return [
      `TPIR at FPIR ${rate}`,
      each.some((rate) => rate === null)
        ? {
            value: null,
            as: "percent",
            note: "in a gallery the searches for people who are not enrolled are too few",
          }
        : { value: meanOf(each as number[]), as: "percent" },
    ];
  });
  return {
    numbers: {
      ...Object.fromEntries([...closed, ...open, ...pooledRanks(ranks, found)]),
      ...Object.fromEntries(names.flatMap((name, i) => ofGallery(name, found[i]!, ranks, fpir))),
    },
    notes:
      empty > 0
        ? [`${empty} templates have no image that can be decoded: nobody is enrolled by them or searched for`]
        : [],
    curves: Object.fromEntries(names.flatMap((name, i) => curvesOf(name, found[i]!.rates, fpir))),
  };
}

/** Of all mated searches, whichever gallery: as insightface's `ijb_evals.py` counts. */
const pooledRanks = (ranks: readonly number[], found: readonly Searched[]): [string, Figure][] => {
  const all = found.reduce((sum, { rates }) => sum + rates.mated, 0);
  return ranks.map((rank, i) => [
    `rank-${rank}, searches pooled`,
    quiet(found.reduce((sum, { rates }) => sum + rates.ranks[i]! * rates.mated, 0) / all),
  ]);
};

/** What stands in files of one gallery. */
const ofGallery = (
  name: string,
  { rates, enrolled }: Searched,
  ranks: readonly number[],
  fpir: readonly number[],
): [string, Figure][] => [
  ...ranks.map((rank, i): [string, Figure] => [`rank-${rank} of ${name}`, quiet(rates.ranks[i]!)]),
  ...fpir.flatMap((rate, i): [string, Figure][] =>
    rates.tpir[i] === null ? [] : [[`TPIR at FPIR ${rate} of ${name}`, quiet(rates.tpir[i]!)]],
  ),
  [`enrolled of ${name}`, quiet(enrolled)],
  [`mated of ${name}`, quiet(rates.mated)],
  [`nonMated of ${name}`, quiet(rates.falling.length)],
];

/** A CMC and a DET of each gallery, those of a kind in one figure. */
function curvesOf(name: string, rates: SearchRates, fpir: readonly number[]): [string, Curve][] {
  const cmc = cmcCurve(rates.cumulative, "Identification of templates, closed set");
  const det = detCurve(rates, fpir, "Identification of templates, open set");
  return [
    [`cmc ${name}`, { ...cmc, figure: "cmc" }],
    ...(rates.falling.length > 0 ? [[`det ${name}`, { ...det, figure: "det" }] as [string, Curve]] : []),
  ];
}
