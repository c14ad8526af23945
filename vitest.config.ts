import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The cache of the commands that tests start: they share it, as a user's do, and nobody else sees it. What tests compile themselves is not cached. */
const cache = mkdtempSync(join(tmpdir(), "f2c-tests-"));
process.once("exit", () => rmSync(cache, { recursive: true, force: true }));

/** Take minutes in one of the two workers, so they begin first. */
const LONGEST = /\/(chaos|backends)\.test\.ts$/;

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = (file: TestSpecification) => Number(LONGEST.test(file.moduleId));
    return (await super.sort(files)).sort((a, b) => isLongest(b) - isLongest(a));
  }
}

// Tests import the built package (`#dsl/…`, `#compiler/…`, `#runtime/…` resolve to dist/), so they test what ships.
export default defineConfig({
  test: {
    // One thread a host: what tests compute is small, and two hosts with two threads each would wait for each other on two cores.
    env: { F2C_NO_CACHE: "1", F2C_TESTS_CACHE: cache, OMP_NUM_THREADS: "1" },
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // Most files load the compiler, which costs more than many of them do. No test changes what another one sees.
    isolate: false,
  },
});
