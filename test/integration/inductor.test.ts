/** The backend that compiles, as a user meets it: what the first start says, and that the next one compiles nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { long } from "../long.js";
import { cli, metrics, tiny } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-inductor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compiling = (told: string) =>
  [...told.matchAll(/Inductor compiles `(\w+)`.*the next start finds it on disk/g)].map(([, name]) => name);

// Compiling takes a minute.
test.runIf(long)(
  "the first start says what is compiled before it is, the next one loads it and computes the same",
  async () => {
    const runs = [];
    for (const name of ["first", "second"]) {
      const run = join(folder, name);
      const args = ["run", tiny, "--backend", "inductor", "--steps", "2", "--run-dir", run];
      const { code, err } = await cli(args, { XDG_CACHE_HOME: folder, TORCHINDUCTOR_CACHE_DIR: undefined });
      expect(code, err).toBe(0);
      runs.push({
        told: compiling(err),
        at: err.search(/Inductor compiles/),
        evaluated: err.search(/before training/),
        losses: metrics(run).map((m) => m.loss),
      });
    }
    const [first, second] = runs;
    expect(first!.told).toEqual(["embed", "step"]);
    expect(first!.at).toBeLessThan(first!.evaluated);
    expect(second!.told).toEqual([]);
    expect(second!.losses).toEqual(first!.losses);
  },
  600_000,
);
