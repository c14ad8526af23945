/** @file What examples/orl-faces.ts verifies with one seed and another: ten people are few, so one run says little. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Measured } from "../dsl/index.js";
import type { Summary } from "../runtime/run/summary.js";
import { f2c, root } from "./command.js";
import { row } from "./table.js";

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

/** A row a seed, then mean and deviation. `F2C_ORL_FACES` says where the photographs lie. */
export function photographs(folder: string, seeds: number): void {
  const text = readFileSync(join(root, "examples/orl-faces.ts"), "utf8").replace(
    '"../../shared/data/orl-faces"',
    JSON.stringify(join(root, "../shared/data/orl-faces")),
  );
  const found: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const source = join(folder, `orl-${seed}.ts`);
    writeFileSync(source, text.replace('name: "orl-faces",', `name: "orl-faces", seed: ${seed},`));
    const run = join(folder, `orl-${seed}`);
    f2c(["run", source, "--run-dir", run]);
    const { trained, untrained, rawPixels } = (
      JSON.parse(readFileSync(join(run, "summary.json"), "utf8")) as Summary
    ).results.verification!;
    const accuracy = (measured: Measured | null) => measured!.numbers.accuracy!.value!;
    found.push(accuracy(trained));
    row(
      `photographs of unseen people, seed ${seed}`,
      percent(accuracy(trained)),
      `untrained ${percent(accuracy(untrained))}, raw pixels ${percent(accuracy(rawPixels))}`,
    );
  }
  const mean = found.reduce((a, b) => a + b, 0) / seeds;
  const deviation = Math.sqrt(found.reduce((sum, a) => sum + (a - mean) ** 2, 0) / Math.max(seeds - 1, 1));
  row(`mean of ${seeds} seeds`, percent(mean), `deviation ${percent(deviation)}; aim: 92 %`);
}
