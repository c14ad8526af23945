/** @file Chance that a seed repeats. */
import { createHash } from "node:crypto";

/** Numbers that depend on nothing but `key`. */
export class Chance {
  private count = 0;

  constructor(private readonly key: string) {}

  /** From 0 up to, but not including, 1. */
  share(): number {
    const digest = createHash("sha256")
      .update(`${this.key} ${this.count++}`)
      .digest();
    return digest.readUInt32LE(0) / 2 ** 32;
  }

  /** A whole number from 1 to `most`. */
  upTo(most: number): number {
    return 1 + Math.floor(this.share() * most);
  }

  one<T>(items: readonly T[]): T {
    return items[Math.floor(this.share() * items.length)]!;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const order = items.map((item) => ({ item, at: this.share() }));
    return order.sort((a, b) => a.at - b.at).map(({ item }) => item);
  }
}
