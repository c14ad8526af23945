/** @file Asks what is an author's own TypeScript, such as a plan, a policy or a driver: what it throws is theirs to mend. */
import { ExperimentError } from "../../dsl/index.js";

/**
 * What `question` gives. What it throws becomes the error that `failed` makes of its first line, with what was thrown as the cause,
 * whose stack leads to the line. Errors with a code, and our own bugs, stay what they are.
 */
export function asked<T>(question: () => T, failed: (error: string) => ExperimentError): T {
  try {
    return question();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const ours = error instanceof Error && message.startsWith("internal:");
    if (error instanceof ExperimentError || ours) throw error;
    throw Object.assign(failed(message.split("\n")[0]!), { cause: error });
  }
}
