/** @file The environment of a test's process, put back as it was: test files share it. */

/** Puts `process.env` back in place; another object there would not be the environment any more. */
export function restoreEnvironment(before: Readonly<NodeJS.ProcessEnv>): void {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
}
