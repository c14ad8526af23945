/** @file Two identities side by side: what makes it another run, and what may change while it goes on. */
import { type BridgeError, bridgeError } from "../../bridge/bridge-error.js";
import type { RunIdentity } from "../identity.js";
import { type Fate, fateOf, innerOption } from "./fates.js";
import { inWords, isRecord, type JsonRecord } from "./json.js";
import { countsOf, firstDifference, type Listing } from "./listing.js";
import type { ProgramIdentity, StoredPart } from "./program.js";
import { firstDifferences, type Sampled, type Samples, sameHash, sameScalar } from "./samples.js";

/** Readable, and short. */
export interface Difference {
  readonly option: string;
  readonly was: string;
  readonly is: string;
}

interface Changes {
  readonly refused: readonly Difference[];
  readonly changed: readonly Difference[];
}

/** What makes it another run, and what may change while it goes on. */
export function compareIdentity(saved: RunIdentity, now: RunIdentity): Changes {
  const options = differingOptions(saved, now);
  const of = (fate: Fate) => options.filter((o) => o.fate === fate);
  const program = programDifferences(saved, now);
  const differs = program.step.length + program.stored.length > 0;
  const asked = [
    ...of("refused").filter(({ path }) => !FOLLOWS.test(path)),
    ...listingDifferences("data", saved.train, now.train),
    ...(differs ? of("program") : []),
  ];
  // What an option explains is not said a second time; of what is left, the first that says something.
  const told = firstOf(
    asked,
    of("refused"),
    program.stored,
    program.step.length > 0 ? recordDifferences("", saved.compiled, now.compiled, saved, now) : [],
    program.step,
  );
  const planned = planDifferences(saved, now, [...of("free"), ...told]);
  const order = told.some(({ path }) => MOVES_ARRAYS.test(path)) ? [] : planned.refused;
  const embed = [...told, ...of("free")].some(({ path }) =>
    /^(evaluate|method\.embed)\b/.test(innerOption(path)),
  )
    ? []
    : program.embed;
  const refused = [...told, ...order];
  // What was set on the command line may be why.
  const set = refused.length > 0 ? of("free").filter(({ path }) => path.startsWith("options.")) : [];
  return {
    refused: [...refused, ...set].map(shown),
    changed: [
      ...of("free"),
      ...listingDifferences("held-out data", saved.heldOut, now.heldOut),
      ...embed,
      ...planned.changed,
      ...versionDifferences(saved, now),
      ...(saved.samples ? [] : [UNKNOWN]),
    ].map(shown),
  };
}

/** What follows from other options, where any of them differs. */
const FOLLOWS = /^(loader\.streams|stepsPerEpoch)\b/;

/** What gives a plan other arrays, so that these need not be said. */
const MOVES_ARRAYS = /^(seed|data|loader|sampler|state|method|stepsPerEpoch)\b/;

const firstOf = (...lists: (readonly Found[])[]) => lists.find((list) => list.length > 0) ?? [];

interface Found extends Difference {
  readonly path: string;
}
interface FoundOption extends Found {
  readonly fate: Fate;
}

/** Names as users know them: what the method and the state are asked for stands under no further name there. */
const shown = ({ path: _, option, was, is }: Found): Difference => ({
  option: option.replace(/^(method|state)\.(?=.)/, ""),
  was,
  is,
});
const found = (path: string, was: string, is: string): Found => ({ path, option: path, was, is });

const UNKNOWN: Found = found(
  "identity",
  "not recorded by the f2c-dsl that began the run: only names, sizes and the seed could be compared",
  "recorded from here on",
);

/** The options that differ, each as deep as both sides are of one kind. */
function differingOptions(saved: RunIdentity, now: RunIdentity): readonly FoundOption[] {
  return recordDifferences("", saved.options, now.options, saved, now).map((d) => ({
    ...d,
    fate: fateOf(d.path),
  }));
}

/**
 * The fields of two records that differ. A field that one of them lacks is compared as null; one that another version of
 * f2c-dsl did not write cannot be compared.
 */
function recordDifferences(
  path: string,
  was: JsonRecord | undefined,
  is: JsonRecord | undefined,
  saved: RunIdentity,
  now: RunIdentity,
): readonly Found[] {
  if (!was || !is) return [];
  const comparable = saved.samples !== undefined && saved.versions["f2c-dsl"] === now.versions["f2c-dsl"];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((name) => {
    if (!comparable && !(Object.hasOwn(was, name) && Object.hasOwn(is, name))) return [];
    const at = path ? `${path}.${name}` : name;
    const [before, after] = [was[name] ?? null, is[name] ?? null];
    if (isRecord(before) && isRecord(after) && alike(before, after, comparable))
      return recordDifferences(at, before, after, saved, now);
    return JSON.stringify(before) === JSON.stringify(after)
      ? []
      : [found(at, inWords(before), inWords(after))];
  });
}

/** Whether two records are of one kind, so that their fields can be compared. */
const alike = (was: JsonRecord, is: JsonRecord, known: boolean) =>
  was.kind === is.kind || (!known && (was.kind === undefined || is.kind === undefined));

function listingDifferences(
  option: string,
  was: Listing | undefined,
  is: Listing | undefined,
): readonly Found[] {
  if (!was || !is || was.hash === is.hash) return [];
  if (was.hash === "" && countsOf(was) === countsOf(is)) return [];
  const where = firstDifference(was, is);
  return [found(option, countsOf(was), `${countsOf(is)}${where ? `; ${where}` : ""}`)];
}

/** What the compiled program's hashes tell: what is stored, what the step computes, what is exported. */
function programDifferences(saved: RunIdentity, now: RunIdentity) {
  const [was, is] = [saved.program, now.program];
  const none = { stored: [], step: [], embed: [] } as { stored: Found[]; step: Found[]; embed: Found[] };
  if (!was || !is) return none;
  const stored = was.weights === is.weights ? [] : storedDifferences(was.parts, is.parts);
  if (was.weights === is.weights && was.start !== is.start) stored.push(startDifference(was, is));
  const edited = Object.keys(is.files).filter((name) => was.files[name] !== is.files[name]);
  const files = edited.length > 0 ? `; ${edited.join(", ")} changed` : "";
  const ops = ({ ops, step }: ProgramIdentity) => `${ops.toLocaleString("en-US")} ops, hash ${step}`;
  return {
    stored,
    step: was.step === is.step ? [] : [found("the program of the step", ops(was), `${ops(is)}${files}`)],
    embed:
      was.embed === is.embed
        ? []
        : [found("what is evaluated and exported", `hash ${was.embed}`, `hash ${is.embed}`)],
  };
}

/** Of what the state starts from the files, if they differ; they are named by what they hold. */
function startDifference(was: ProgramIdentity, is: ProgramIdentity): Found {
  const [before, after] = [was, is].map(({ startFiles = [] }) => startFiles.join(", ") || "none") as [
    string,
    string,
  ];
  return before === after
    ? found("initial values", `hash ${was.start}`, `hash ${is.start}`)
    : found("what the state starts from", before, after);
}

function storedDifferences(was: ProgramIdentity["parts"], is: ProgramIdentity["parts"]): Found[] {
  const words = (part: StoredPart | undefined): string =>
    part
      ? (part.types ??
        `${part.tensors} tensors of ${part.numbers.toLocaleString("en-US")} numbers, hash ${part.hash}`)
      : "none";
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((name) => was[name]?.hash !== is[name]?.hash)
    .map((name) => found(`state.${name}`, words(was[name]), words(is[name])));
}

/**
 * What the plan does otherwise: numbers may change; index arrays and masks may not, unless the length of the run did and the
 * images stay the same: then it is the user's plan that asks how long the run is.
 */
function planDifferences(saved: RunIdentity, now: RunIdentity, told: readonly Found[]) {
  const [was, is] = [saved.samples, now.samples];
  if (!was || !is) return { refused: [], changed: [] };
  const hashes = (of: "loader" | "plan" | "reals") =>
    firstDifferences(split(was, of), split(is, of), sameHash).map(({ path, step, ...hash }) =>
      found(path, `hash ${hash.was} at step ${step}`, `hash ${hash.is}`),
    );
  const scalars = firstDifferences(
    { steps: was.steps, rows: was.scalars },
    { steps: is.steps, rows: is.scalars },
    sameScalar,
  ).map(({ path, step, ...value }) => found(path, `${number(value.was)} at step ${step}`, number(value.is)));
  const [images, books, reals] = [hashes("loader"), hashes("plan"), hashes("reals")];
  const sources = recordDifferences("", saved.functions?.sources, now.functions?.sources, saved, now);
  const constants = recordDifferences("", saved.functions?.constants, now.functions?.constants, saved, now);
  const byLength = images.length === 0 && sources.length === 0 && told.some(({ path }) => path === "length");
  const one = (list: readonly Found[], option: string) =>
    list.slice(0, 1).map((d) => ({ ...d, option: `${option} (${d.path})` }));
  const order = firstOf(one(images, "the order of the images"), one(books, "the plan's bookkeeping"));
  // A policy's description says more than one of its values, and a value more than a function's text.
  const component = (path: string) => path.split(".").at(-1)!;
  const policies = new Set(told.flatMap(({ path }) => (/^(lr|method)\b/.test(path) ? path.split(".") : [])));
  const values = scalars.filter(({ path }) => !policies.has(component(path)));
  const seen = new Set([...policies, ...scalars.map(({ path }) => component(path))]);
  const silent = scalars.length + reals.length + order.length === 0;
  const note = silent ? " (no difference at the steps compared)" : "";
  const texts = [...sources, ...constants]
    .filter(({ path }) => !path.split(".").some((name) => seen.has(name)))
    .map((d) => ({ ...d, ...whereTheyDiffer(d.was, d.is) }))
    .map((d) => ({ ...d, is: `${d.is}${note}` }));
  return {
    refused: byLength ? [] : order,
    changed: [
      ...values,
      ...one(reals, "the plan's numbers"),
      ...texts,
      ...(byLength ? order : []),
      ...failures(was, is),
    ],
  };
}

const CONTEXT = 20;

/** Two long texts, cut to where they differ. */
function whereTheyDiffer(was: string, is: string): { was: string; is: string } {
  if (Math.max(was.length, is.length) <= 5 * CONTEXT) return { was, is };
  let [from, end] = [0, 0];
  while (from < Math.min(was.length, is.length) && was[from] === is[from]) from++;
  const most = Math.min(was.length, is.length) - from;
  while (end < most && was.at(-1 - end) === is.at(-1 - end)) end++;
  const cut = (text: string) => {
    const [first, last] = [Math.max(0, from - CONTEXT), Math.min(text.length, text.length - end + CONTEXT)];
    return `${first > 0 ? "…" : ""}${text.slice(first, last)}${last < text.length ? "…" : ""}`;
  };
  return { was: cut(was), is: cut(is) };
}

const split = (samples: Samples, of: "loader" | "plan" | "reals") => ({
  steps: samples.steps,
  rows: Object.fromEntries(Object.entries(samples[of]).map(([path, row]) => [path, row.split(" ")])),
});

const number = (value: Sampled): string =>
  typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);

function failures(was: Samples, is: Samples): readonly Found[] {
  const words = ({ failed }: Samples) =>
    failed ? `throws at step ${failed.step}: ${failed.message}` : "plans every step";
  const [before, now] = [words(was), words(is)];
  return before === now || !is.failed ? [] : [found("plan", before, now)];
}

const versionDifferences = (saved: RunIdentity, now: RunIdentity): readonly Found[] =>
  Object.entries(saved.versions).flatMap(([name, was]) => {
    const is = now.versions[name];
    return is === undefined || is === was ? [] : [found(name, was, is)];
  });

/** At most this many differences in one message; the rest are counted. */
const MOST_SHOWN = 8;

/** One clear refusal that shows both, or undefined where nothing forbids to go on. */
export function refusalOf(folder: string, differences: readonly Difference[]): BridgeError | undefined {
  if (differences.length === 0) return undefined;
  const listed = differences
    .slice(0, MOST_SHOWN)
    .map(({ option, was, is }) => `${option} was ${was} and is ${is}`);
  const more = differences.length - listed.length;
  return bridgeError("other-experiment", "user", {
    folder,
    differences: [...listed, ...(more > 0 ? [`${more} more`] : [])].join("; "),
  });
}
