/**
 * @file Calls that are made while the program is built. What they would give anew each time must not become a constant.
 *
 *     TypeScript in                   out
 *     () => widths(3)                 [64, 128, 256]
 *     () => Math.random() * 3         a number, and that `Math.random` was asked
 */

/** Functions that give something else at every call, and what to call them. */
export const UNREPEATABLE: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [Math.random, "Math.random"],
  [Date, "Date"],
  [Date.now, "Date.now"],
]);

/** Calls `work` now; `asked` names the random draw or the clock that it depended on. */
export function callNow<T>(work: () => T): { readonly result: T; readonly asked: string | undefined } {
  const { random } = Math;
  const Clock = Date;
  let asked: string | undefined;
  const noted =
    (what: string, then: () => number): (() => number) =>
    () => {
      asked ??= what;
      return then();
    };
  const watched: DateConstructor = new Proxy(Clock, {
    apply: (_, __, args) => {
      asked ??= "Date";
      return Reflect.apply(Clock, undefined, args);
    },
    construct: (_, args, target): object => {
      if (args.length === 0) asked ??= "new Date";
      return Reflect.construct(Clock, args, target === watched ? Clock : target);
    },
    get: (_, name) => (name === "now" ? noted("Date.now", Clock.now) : Reflect.get(Clock, name)),
  });
  const { console } = globalThis;
  globalThis.console = new Proxy(console, {
    get: (_, name) => {
      asked ??= `console.${String(name)}`;
      return Reflect.get(console, name);
    },
  });
  Math.random = noted("Math.random", random);
  globalThis.Date = watched;
  try {
    const result = work();
    return { result, asked };
  } finally {
    Math.random = random;
    globalThis.Date = Clock;
    globalThis.console = console;
  }
}
