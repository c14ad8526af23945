/** @file Streams of unit vectors in groups that may touch, for tests of clustering. */
import { dice } from "./dice.js";
import type { Vector } from "./ogmc-oracle.js";

export interface Blobs {
  readonly groups: number;
  readonly vectors: number;
  readonly dims: number;
  /** How far the groups' centres are from each other, and the vectors from their centre. */
  readonly spread: number;
  readonly noise: number;
  readonly seed: number;
}

/** Vectors of groups in turn at random; each its group's centre and noise, at length 1. */
export function blobs({ groups, vectors, dims, spread, noise, seed }: Blobs): Vector[] {
  const roll = dice(seed * 7919);
  const gauss = () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += roll(1e6) / 1e6;
    return sum;
  };
  const drawn = (scale: number) => Array.from({ length: dims }, () => scale * gauss());
  const base = drawn(1);
  const centres = Array.from({ length: groups }, () => drawn(spread).map((x, i) => x + base[i]!));
  return Array.from({ length: vectors }, () => {
    const centre = centres[roll(groups)]!;
    const vector = drawn(noise).map((x, i) => x + centre[i]!);
    const length = Math.hypot(...vector);
    return vector.map((x) => x / length);
  });
}
