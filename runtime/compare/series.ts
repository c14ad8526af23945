/** @file A curve of as many points as a figure can show, of a run of any length. */

/** One point: the mean of a few steps, and how far they lie apart. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

interface Bucket {
  x: number;
  y: number;
  low: number;
  high: number;
  count: number;
}

/** Takes points in their order. Holds at most `most` means of equally many of them; where more come, pairs of means become one. */
export class Series {
  private buckets: Bucket[] = [];
  /** Of how many points each mean is; the last one may be of fewer. */
  each = 1;

  constructor(private readonly most = 400) {}

  add(x: number, y: number): void {
    const last = this.buckets.at(-1);
    if (last && last.count < this.each) merge(last, { x, y, low: y, high: y, count: 1 });
    else {
      if (this.buckets.length === this.most) this.halve();
      this.buckets.push({ x, y, low: y, high: y, count: 1 });
    }
  }

  get points(): readonly Point[] {
    return this.buckets.map(({ x, y, low, high, count }) => ({ x: x / count, y: y / count, low, high }));
  }

  private halve(): void {
    this.each *= 2;
    this.buckets = this.buckets.filter((bucket, i, all) => {
      if (i % 2 === 1) merge(all[i - 1]!, bucket);
      return i % 2 === 0;
    });
  }
}

function merge(into: Bucket, { x, y, low, high, count }: Bucket): void {
  into.x += x;
  into.y += y;
  into.low = Math.min(into.low, low);
  into.high = Math.max(into.high, high);
  into.count += count;
}
