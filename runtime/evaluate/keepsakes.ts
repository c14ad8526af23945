/**
 * @file What evaluations leave in the run's folder, by name, for a resumed run to show beside its own: `baselines.json`, what the
 * untrained net and raw pixels score, and `curves.json`. Each entry has the hash of what was compared: an entry of other images or other
 * options is not shown.
 */
import type { Curve, Measured, Result } from "../../dsl/index.js";
import { BridgeError } from "../bridge/bridge-error.js";
import { isMeasured, isRecord } from "../run/measured.js";
import type { RunFolder } from "../run/run-folder.js";

export interface Baselines {
  readonly untrained: Measured | null;
  readonly rawPixels: Measured | null;
}

/** The curves of one subject. */
export interface Curves {
  readonly label: string;
  readonly curves: Result["curves"];
}

const CURVES = "curves.json";
const BASELINES = "baselines.json";
const NONE: Baselines = { untrained: null, rawPixels: null };

/** An entry, and the hash of what it is of. */
interface Entry<T> {
  readonly of: string;
  readonly measured: T;
}
type Entries<T> = Readonly<Record<string, Entry<T>>>;

const isBaselines = (value: unknown): value is Baselines =>
  isRecord(value) && isMeasured(value.untrained) && isMeasured(value.rawPixels);

const isAxis = (value: unknown) =>
  isRecord(value) &&
  typeof value.label === "string" &&
  Number.isFinite(value.from) &&
  Number.isFinite(value.to);
const isCurve = (value: unknown): value is Curve =>
  isRecord(value) &&
  typeof value.title === "string" &&
  isAxis(value.x) &&
  isAxis(value.y) &&
  Array.isArray(value.points) &&
  value.points.every((p) => Array.isArray(p) && p.length === 2 && p.every(Number.isFinite)) &&
  (value.untold === undefined || (isRecord(value.untold) && Number.isFinite(value.untold.below)));
const isCurves = (value: unknown): value is readonly Curves[] =>
  Array.isArray(value) &&
  value.every(
    (of) =>
      isRecord(of) &&
      typeof of.label === "string" &&
      isRecord(of.curves) &&
      Object.values(of.curves).every(isCurve),
  );

export class Keepsakes {
  private baselines: Entries<Baselines>;
  private curves: Entries<readonly Curves[]>;
  /** Why something is missing that a run which goes on should have, to be said once. */
  lacks: readonly string[];
  /** Names whose baselines are missing and asked for. */
  missing: readonly string[];

  /** `hashes`: of each evaluation what it compares. `asked`: those whose baselines the experiment asks for. */
  constructor(
    private readonly folder: RunFolder,
    private readonly hashes: ReadonlyMap<string, string>,
    private readonly asked: readonly string[],
  ) {
    const lacks: string[] = [];
    this.baselines = this.read(BASELINES, isBaselines, lacks);
    this.curves = this.read(CURVES, isCurves, lacks);
    this.missing = asked.filter(
      (name) => this.baselines[name] === undefined || this.curvesOf(name).length === 0,
    );
    if (this.missing.length > 0 && lacks.length === 0)
      lacks.push(`the baselines ${this.named(this.missing)}are missing`);
    this.lacks = lacks;
  }

  /** Nothing, where there is but one evaluation. */
  private named(names: readonly string[]): string {
    return this.hashes.size > 1 ? `of ${names.map((name) => `\`${name}\``).join(", ")} ` : "";
  }

  /** The entries of a file that are of what is compared now; where it is damaged, or of others, `lacks` says so. */
  private read<T>(file: string, is: (value: unknown) => value is T, lacks: string[]): Entries<T> {
    const isEntries = (value: unknown): value is Entries<T> =>
      isRecord(value) &&
      Object.values(value).every(
        (entry) => isRecord(entry) && typeof entry.of === "string" && is(entry.measured),
      );
    try {
      const entries = Object.entries(this.folder.readJson(file, isEntries) ?? {});
      const others = entries.filter(
        ([name, { of }]) => this.hashes.has(name) && this.hashes.get(name) !== of,
      );
      const of = `the baselines ${this.named(others.map(([name]) => name))}are of other images or options`;
      if (others.length > 0 && !lacks.includes(of)) lacks.push(of);
      return Object.fromEntries(entries.filter(([name, { of }]) => this.hashes.get(name) === of));
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      lacks.push(error.message);
      return {};
    }
  }

  baselinesOf(name: string): Baselines {
    return this.baselines[name]?.measured ?? NONE;
  }

  curvesOf(name: string): readonly Curves[] {
    return this.curves[name]?.measured ?? [];
  }

  forget(): void {
    this.baselines = {};
    this.curves = {};
    this.missing = this.asked;
  }

  keepBaselines(name: string, measured: Baselines): void {
    this.baselines = { ...this.baselines, [name]: { of: this.hashes.get(name)!, measured } };
    this.missing = this.missing.filter((other) => other !== name);
    this.folder.writeJson(BASELINES, this.baselines);
  }

  /** The newest first. */
  keepCurves(name: string, curves: Curves): void {
    const others = this.curvesOf(name).filter(({ label }) => label !== curves.label);
    this.curves = { ...this.curves, [name]: { of: this.hashes.get(name)!, measured: [curves, ...others] } };
    this.folder.writeJson(CURVES, this.curves);
  }
}
