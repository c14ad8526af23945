import { defineConfig } from "vitest/config";

// Tests import the built package (`#dsl/…`, `#compiler/…`, `#runtime/…` resolve to dist/), so they test what ships.
export default defineConfig({
  test: {
    env: { F2C_NO_CACHE: "1" },
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // Most files load the compiler, which costs more than many of them do. No test changes what another one sees.
    isolate: false,
  },
});
