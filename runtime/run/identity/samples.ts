/**
 * @file What an experiment would plan at a few fixed steps: the numbers of each plan, and a hash of each array. Two
 * experiments whose samples are equal draw the same images in the same order and keep the same books, as far as they were
 * looked at; options that no description shows (a closure's) are seen by what they do.
 */
import { loggedRates, updateNumbers } from "../../../compiler/build/parameter-groups.js";
import { batchArrays, flattenPlan, planPoint } from "../../../compiler/build/plan-signature.js";
import { type CompiledExperiment, openBooks } from "../../../compiler/index.js";
import type { LoadedImages } from "../../../dsl/index.js";
import { shortHash } from "./json.js";

/** A number of a plan; `NaN` and infinities by their names, `null` where the plan threw. */
export type Sampled = number | boolean | string | null;

export interface Samples {
  readonly steps: readonly number[];
  /** Each of the plan's numbers by its path, `lr` among them: one value a step. */
  readonly scalars: Readonly<Record<string, readonly Sampled[]>>;
  /** What the loader gives: images, labels, masks. Eight digits a step, `-` where it threw. */
  readonly loader: Readonly<Record<string, string>>;
  /** The plan's index arrays and masks. */
  readonly plan: Readonly<Record<string, string>>;
  /** Arrays of reals, the loader's and the plan's. */
  readonly reals: Readonly<Record<string, string>>;
  /** The first step at which planning threw, and what it said. */
  readonly failed?: { readonly step: number; readonly message: string };
}

/** Paths beyond these go into one hash: what is stored stays small. */
const MOST_PATHS = 40;
/** A plan that takes long is not looked at further: what one side did not plan is not compared. */
const SECONDS = 3;
const REST = "(more)";
const THREW = "-";

/** Planned one after the other: the same steps for every length, so that books have the same past at each. */
const SERIES = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];

/** The series below `end`, and the quarters of the run. */
export function sampledSteps(end: number): readonly number[] {
  const quarters = [end / 4, end / 2, (3 * end) / 4, end - 1].map(Math.floor);
  return [...new Set([...SERIES, ...quarters])].filter((s) => s >= 0 && s < end).sort((a, b) => a - b);
}

type Numbers = Int32Array | Uint8Array | Float32Array;
const isReal = (data: Numbers) => data instanceof Float32Array;

/** Twelve digits: one release of Node may round a cosine otherwise than another. */
const sampled = (value: number | boolean): Sampled =>
  typeof value === "boolean" ? value : Number.isFinite(value) ? Number(value.toPrecision(12)) : String(value);

/** Values by path, one a step; a path that a step lacks has a gap there. */
class Rows<T> {
  private readonly rows = new Map<string, T[]>();

  constructor(private readonly gap: T) {}

  set(path: string, step: number, value: T): void {
    const row = this.rows.get(path) ?? [];
    this.rows.set(path, row);
    while (row.length < step) row.push(this.gap);
    row[step] = value;
  }

  entries(steps: number): [string, T[]][] {
    return [...this.rows].map(([path, row]) => [
      path,
      Array.from({ length: steps }, (_, i) => row[i] ?? this.gap),
    ]);
  }
}

/** The first rows by name, the rest as one: of each step a hash. */
function limited<T>(rows: [string, T[]][], gap: T, joined: (values: T[]) => T): [string, T[]][] {
  if (rows.length <= MOST_PATHS) return rows;
  const rest = rows.slice(MOST_PATHS - 1).map(([, row]) => row);
  const row = rest[0]!.map((_, i) => {
    const values = rest.map((r) => r[i]!);
    return values.every((value) => value === gap) ? gap : joined(values);
  });
  return [...rows.slice(0, MOST_PATHS - 1), [REST, row]];
}

const digest = (values: readonly unknown[]) => shortHash(JSON.stringify(values));

/**
 * Plans the sampled steps and throws them away: the series in order, every other step with fresh books of its own. A plan
 * that throws is noted: whether a run can go on is not decided here.
 */
export function samplesOf(program: CompiledExperiment): Samples {
  const { experiment, method, signature, state, train, stepsPerEpoch, updates } = program;
  const steps = sampledSteps(program.steps);
  const scalars = new Rows<Sampled>(null);
  const arrays = { loader: new Rows(THREW), plan: new Rows(THREW), reals: new Rows(THREW) };
  let failed: Samples["failed"];
  const attempt = (step: number, work: () => void) => {
    try {
      work();
    } catch (error) {
      const message = (error instanceof Error ? error.message : String(error)).split("\n")[0]!.slice(0, 200);
      failed ??= { step, message };
    }
  };
  const note = (kind: "loader" | "plan", path: string, i: number, data: Numbers) =>
    arrays[isReal(data) ? "reals" : kind].set(path, i, shortHash(data));
  for (const [i, step] of steps.entries())
    attempt(step, () => {
      const at = planPoint(step, stepsPerEpoch, program.steps);
      const lr = experiment.lr(at);
      scalars.set("lr", i, sampled(lr));
      const numbers = updateNumbers(updates, at, lr, experiment.accumulate, (policy) => policy(at));
      for (const name of loggedRates(updates)) scalars.set(name, i, sampled(numbers[name]!));
    });
  attempt(0, () => {
    const loader = experiment.loader.open(train.offsets, experiment.seed);
    const books = openBooks(state);
    const began = performance.now();
    for (const [i, step] of steps.entries()) {
      if (performance.now() - began > 1000 * SECONDS) break;
      const at = planPoint(step, stepsPerEpoch, program.steps);
      attempt(step, () => {
        const batch = loader.batch(step) as Readonly<Record<string, LoadedImages>>;
        for (const [path, data] of Object.entries(batchArrays(batch, program.changes, step)))
          note("loader", path, i, data);
        for (const [stream, { labels }] of Object.entries(batch))
          note("loader", `${stream}.labels`, i, labels);
        const own = SERIES.includes(step) ? books : openBooks(state);
        const flat = flattenPlan(method.plan(own as never, batch, at), signature, step);
        for (const [path, value] of Object.entries(flat.scalars)) scalars.set(path, i, sampled(value));
        for (const [path, data] of Object.entries(flat.arrays)) note("plan", path, i, data);
      });
    }
  });
  const joined = (rows: Rows<string>) =>
    Object.fromEntries(
      limited(rows.entries(steps.length), THREW, digest).map(([path, row]) => [path, row.join(" ")]),
    );
  return {
    steps,
    scalars: Object.fromEntries(
      limited(scalars.entries(steps.length), null, digest as (v: Sampled[]) => Sampled),
    ),
    loader: joined(arrays.loader),
    plan: joined(arrays.plan),
    reals: joined(arrays.reals),
    ...(failed && { failed }),
  };
}

/** The first step that both looked at where they differ, with both values, by path. A path that only one has is skipped. */
export function firstDifferences<T>(
  was: { readonly steps: readonly number[]; readonly rows: Readonly<Record<string, readonly T[]>> },
  is: typeof was,
  same: (a: T, b: T) => boolean,
): readonly { readonly path: string; readonly step: number; readonly was: T; readonly is: T }[] {
  const places = was.steps.flatMap((step, i) => {
    const j = is.steps.indexOf(step);
    return j < 0 ? [] : [{ step, i, j }];
  });
  return Object.entries(was.rows).flatMap(([path, before]) => {
    const now = is.rows[path];
    const found = now && places.find(({ i, j }) => !same(before[i]!, now[j]!));
    return found ? [{ path, step: found.step, was: before[found.i]!, is: now[found.j]! }] : [];
  });
}

/** Equal but for the last digits. A value that was not planned differs from none: that is said by itself. */
export function sameScalar(a: Sampled, b: Sampled): boolean {
  if (a === null || b === null || a === b) return true;
  if (typeof a !== "number" || typeof b !== "number") return false;
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}

export const sameHash = (a: string, b: string): boolean => a === b || a === THREW || b === THREW;
