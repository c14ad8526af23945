/**
 * @file What is drawn for each image of a stream of a step. A draw is a pure function of the seed, the step and its own name:
 * it does not depend on what else is drawn, nor on what was drawn before.
 */
import { randomU32, randomUnit } from "./counter-random.js";

/** The name of a draw; a number, such as four letters in hexadecimal, is a stream of random numbers by itself. */
export type DrawName = string | number;

/** Random values, one for each image of a stream of a step. */
export interface Draws {
  /** The images of the stream. */
  readonly images: number;
  /** Uniform in [middle - reach, middle + reach). */
  uniform(name: DrawName, middle: number, reach: number): Float32Array;
  /** 1 for about half of the images, 0 for the others. */
  coins(name: DrawName): Uint8Array;
  /** 1 for each image with this probability, otherwise 0. */
  chosen(name: DrawName, probability: number): Uint8Array;
}

/** Streams of random numbers for which a draw has names of its own; those beyond are far apart. */
const NEIGHBOURS = 2;
const BEYOND = 0x6265796f;
const REPEATED = 0x72657065;

/** FNV-1a, a hash of short names. */
const hashed = (name: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
};

/** The place of a draw. */
export interface DrawPoint {
  readonly seed: number;
  readonly step: number;
  /** Which of the sampler's streams, from 0. */
  readonly stream: number;
  readonly images: number;
  /** What draws, so that equal names of two of them are different draws. */
  readonly owner: string;
  /** How often the owner stands before itself in a list. */
  readonly repetition: number;
}

/** The draws at a place. */
export function drawsAt({ seed, step, stream, images, owner, repetition }: DrawPoint): Draws {
  const own = repetition === 0 ? seed : randomU32(seed, REPEATED, repetition);
  const numbers = (name: DrawName): number => {
    const first = typeof name === "number" ? name : hashed(`${owner}.${name}`);
    return stream < NEIGHBOURS ? first + stream : randomU32(first, BEYOND, stream);
  };
  const unit = (name: DrawName) => {
    const key = numbers(name);
    return (i: number) => randomUnit(own, key, step * images + i);
  };
  return {
    images,
    uniform: (name, middle, reach) => {
      const at = unit(name);
      return new Float32Array(images).map((_, i) => middle + reach * (2 * at(i) - 1));
    },
    coins: (name) => {
      const key = numbers(name);
      const words = Math.ceil(images / 32);
      const coins = new Uint8Array(images);
      for (let i = 0, word = 0; i < images; i++, word >>>= 1) {
        if (i % 32 === 0) word = randomU32(own, key, step * words + i / 32);
        coins[i] = word & 1;
      }
      return coins;
    },
    chosen: (name, probability) => {
      const at = unit(name);
      return new Uint8Array(images).map((_, i) => (at(i) < probability ? 1 : 0));
    },
  };
}
