/** @file What a piece of work throws, for tests that look at it. */

/** What `work` throws; `undefined` where it throws nothing. */
export function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** The code of what `work` throws, or the error in words where it has none. */
export function codeOf(work: () => unknown): string | undefined {
  const error = thrownBy(work);
  return error === undefined ? undefined : ((error as { code?: string }).code ?? String(error));
}
