/**
 * @file What a factory of the library was asked for, carried by what it made. A policy or a margin is a closure: from outside
 * nobody sees its options, and whoever compares two runs, or looks at a schedule before it runs, must.
 */

export const DESCRIPTION = Symbol.for("f2c-dsl.description");

/** A factory's name and its options, defaults filled in. */
export interface Description {
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** What can say how it was made. */
export interface Described {
  readonly [DESCRIPTION]?: Description;
}

/** Lets `value` say how it was made; returns it. */
export const described = <T extends object>(value: T, description: Description): T =>
  Object.assign(value, { [DESCRIPTION]: description });

/** How a policy, a margin, a pool, an optimizer, a loader or a method of the library was made; `undefined` for your own. */
export const descriptionOf = (value: unknown): Description | undefined =>
  (typeof value === "object" && value !== null) || typeof value === "function"
    ? (value as Described)[DESCRIPTION]
    : undefined;
