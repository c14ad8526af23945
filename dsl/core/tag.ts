/**
 * @file How the compiler finds the source of a function that it was handed as a value: the loader (for experiments) and
 * the build (for this library) wrap each function in `tag`, which notes where it stands and how to reach what it captures.
 */

/** Where a function stands, and thunks for the names it uses from around it. */
export interface Tag {
  /** Path of the source: absolute, or `f2c-dsl/…` for this library. */
  readonly path: string;
  /** UTF-16 offset of the function's first character. */
  readonly start: number;
  readonly captures: () => Readonly<Record<string, () => unknown>>;
}

const TAGS = Symbol.for("f2c-dsl.tags");
const registry = globalThis as unknown as Record<symbol, WeakMap<object, Tag> | undefined>;
registry[TAGS] ??= new WeakMap();
const tags: WeakMap<object, Tag> = registry[TAGS];

/** Notes where `fn` stands; returns it. Written by the loader, never by hand. */
export function tag<F extends object>(fn: F, path: string, start: number, captures: Tag["captures"]): F {
  tags.set(fn, { path, start, captures });
  return fn;
}

/** Tags the methods of an object literal. */
export function tagMethods<O extends Record<string, unknown>>(
  object: O,
  path: string,
  methods: Record<string, readonly [start: number, captures: Tag["captures"]]>,
): O {
  for (const [name, [start, captures]] of Object.entries(methods))
    tag(object[name] as object, path, start, captures);
  return object;
}

/** The tag of a function, if the loader or the build has seen it. */
export const tagOf = (fn: unknown): Tag | undefined => (typeof fn === "function" ? tags.get(fn) : undefined);
