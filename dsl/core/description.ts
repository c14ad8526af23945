/**
 * @file The options that a factory of the library was given, attached to the value that it made. A policy or a margin is a
 * closure, whose options cannot be seen from outside; but comparing two runs, and checking a schedule before it runs, need
 * them.
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
