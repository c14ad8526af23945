/** @file What a step takes and moves with a sample of a million centres, against all of them. The net is one small layer, so the head is the step. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { f2c } from "./command.js";
import { median, row } from "./table.js";

const WARM_UP = 2;

const source = (bank: string, identities: number) => `
import { classification, cosFace, experiment, fixed, full, instances, type Images, module, net, normal, ops, parameter, sampled, sgd, syntheticFaces } from "f2c-dsl";
const flat = net(128, ([c, h, w]) => module({ weight: parameter([128, c * h * w], normal(0.1)) }, ({ weight }, x: Images) => ops.linear(x.reshape([-1, c * h * w]), weight)) as never);
export default experiment({
  name: "banks", data: syntheticFaces({ identities: ${identities}, imagesPerIdentity: fixed(1), size: 16, channels: 1, heldOut: { identities: 0, images: 0 } }),
  method: classification({ net: flat, bank: ${bank}, margin: cosFace({ scale: 64 }) }),
  loader: instances({ images: 64 }), optimizer: sgd({ momentum: 0.9, weightDecay: 5e-4 }), lr: 0.1, steps: 1000,
});
`;

export function banks(folder: string, steps: number, identities: number): void {
  const time = (name: string, bank: string) => {
    const [file, run] = [join(folder, `${name}.ts`), join(folder, name)];
    writeFileSync(file, source(bank, identities));
    f2c(["run", file, "--run-dir", run, "--steps", String(steps)]);
    const lines = readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n");
    const seconds = lines
      .map((line) => JSON.parse(line) as { loss?: number; seconds: number })
      .filter((m) => m.loss !== undefined)
      .map((m) => m.seconds);
    return median(seconds.slice(WARM_UP));
  };
  const all = time("full", "full()");
  for (const share of [0.1, 0.01]) {
    const s = time(`sampled-${share}`, `sampled({ share: ${share} })`);
    row(
      `a step, Partial FC with a share of ${share} / all of ${identities.toLocaleString("en")}`,
      (s / all).toFixed(3),
      `${(1000 * s).toFixed(0)} ms against ${(1000 * all).toFixed(0)} ms`,
    );
  }
}
