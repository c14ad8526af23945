/**
 * @file Scores of genuine and of impostor pairs, each sorted: what rates, ROC and histograms of millions of pairs are read from, in two typed arrays
 * and nothing else.
 */

/** From the highest down. */
export interface ScoreLists {
  readonly genuine: Float64Array;
  readonly impostor: Float64Array;
}

/** Collects scores as they come, sorts them, and gives the lists. A score that is no number counts as -1, the lowest. */
export class Scores {
  private readonly genuine: Float64Array;
  private readonly impostor: Float64Array;
  private genuines = 0;
  private impostors = 0;

  /** `genuine`, `impostor`: at most so many come. */
  constructor(genuine: number, impostor: number) {
    this.genuine = new Float64Array(genuine);
    this.impostor = new Float64Array(impostor);
  }

  add(score: number, same: boolean): void {
    const kept = Number.isNaN(score) ? -1 : score;
    if (same) this.genuine[this.genuines++] = kept;
    else this.impostor[this.impostors++] = kept;
  }

  lists(): ScoreLists {
    const falling = (scores: Float64Array) => scores.sort().reverse();
    return {
      genuine: falling(this.genuine.subarray(0, this.genuines)),
      impostor: falling(this.impostor.subarray(0, this.impostors)),
    };
  }
}

/** How many pairs of each kind are accepted at a threshold: those that score it or more. */
export interface RocPoint {
  readonly genuine: number;
  readonly impostor: number;
  readonly threshold: number;
}

/** The counts at each distinct score, from the highest down. */
export function* rocPoints({ genuine, impostor }: ScoreLists): Generator<RocPoint> {
  let [g, i] = [0, 0];
  while (g < genuine.length || i < impostor.length) {
    const threshold = Math.max(
      genuine[g] ?? Number.NEGATIVE_INFINITY,
      impostor[i] ?? Number.NEGATIVE_INFINITY,
    );
    while (genuine[g] === threshold) g++;
    while (impostor[i] === threshold) i++;
    yield { genuine: g, impostor: i, threshold };
  }
}

/**
 * Points without those on a straight line between their neighbours, as scikit-learn's `roc_curve` leaves them out unless told otherwise
 * (`drop_intermediate`): where both kinds change by as much before a point as behind it. The first and the last stay.
 */
export function* withoutIntermediate(points: Iterable<RocPoint>): Generator<RocPoint> {
  let [before, middle]: [RocPoint | undefined, RocPoint | undefined] = [undefined, undefined];
  for (const point of points) {
    if (middle) {
      const turns =
        !before ||
        point.genuine - middle.genuine !== middle.genuine - before.genuine ||
        point.impostor - middle.impostor !== middle.impostor - before.impostor;
      if (turns) yield middle;
    }
    [before, middle] = [middle, point];
  }
  if (middle) yield middle;
}
