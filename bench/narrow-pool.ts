/** @file What the quickstart verifies of unseen people with its pool kept in bf16, beside f32, over several seeds. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { f2c, root } from "./command.js";
import { shares, verified } from "./seeds.js";
import { row } from "./table.js";

export function narrowPool(folder: string, seeds: number): void {
  const text = readFileSync(join(root, "examples/quickstart.ts"), "utf8");
  const accuracy = (dtype: string, seed: number) => {
    const [source, run] = [join(folder, `${dtype}-${seed}.ts`), join(folder, `${dtype}-${seed}`)];
    writeFileSync(
      source,
      text
        .replace('name: "quickstart",', `name: "quickstart", seed: ${seed},`)
        .replace('evict: "lru"', `evict: "lru", dtype: "${dtype}"`),
    );
    f2c(["run", source, "--run-dir", run]);
    return verified(run);
  };
  const [wide, narrow] = ["f32", "bf16"].map((dtype) =>
    Array.from({ length: seeds }, (_, seed) => accuracy(dtype, seed)),
  ) as [number[], number[]];
  row("the quickstart with a pool in f32, unseen people", shares(wide), `${seeds} seeds`);
  row("with a pool in bf16", shares(narrow), "half the memory");
  row("bf16 - f32, by seed", shares(narrow.map((a, seed) => a - wide[seed]!)), "");
}
