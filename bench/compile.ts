/** @file How long the compiler takes: the command as a process, and nets from 10 to 1,000 layers. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileExperiment, loadExperiment } from "../compiler/index.js";
import { f2c, node, root } from "./command.js";
import { median, row } from "./table.js";

const FIVE = [1, 2, 3, 4, 5];

/** The process that shows a program: with an empty cache, and again. */
export function ir(folder: string): void {
  const quickstart = join(root, "examples/quickstart.ts");
  const cache = { XDG_CACHE_HOME: join(folder, "cache") };
  const cold = FIVE.map(() => {
    rmSync(cache.XDG_CACHE_HOME, { recursive: true, force: true });
    return f2c(["ir", quickstart], cache).seconds;
  });
  const warm = FIVE.map(() => f2c(["ir", quickstart], cache).seconds);
  const empty = FIVE.map(() => node(["-e", "0"]).seconds);
  const beside = (floor: string) =>
    `asked for: under ${floor} s; an empty Node ${median(empty).toFixed(2)} s`;
  row("f2c-dsl ir examples/quickstart.ts, cold", `${median(cold).toFixed(2)} s`, beside("1.5"));
  row("f2c-dsl ir examples/quickstart.ts, warm", `${median(warm).toFixed(2)} s`, beside("0.7"));
}

/** A residual net of that many convolutions with their BatchNorm and PReLU, written as a list. */
const deep = (layers: number) => `
import { adaptiveAvgPool2d, batchNorm1d, batchNorm2d, conv2d, cosFace, dual, experiment, f2c, fixed, flatten, type Images, linear,
  module, net, prelu, residual, sequential, sgd, stack, syntheticFaces } from "f2c-dsl";
const block = () => residual(sequential(conv2d(16, 16, { kernel: 3, padding: 1, bias: false }), batchNorm2d(16), prelu(16)));
const deep = net(32, ([c]) => module(
  { stem: conv2d(c, 16, { kernel: 3, stride: 2, padding: 1 }), blocks: stack(Array.from({ length: ${layers} }, block)),
    pool: adaptiveAvgPool2d(1), flat: flatten(), fc: linear(16, 32), bn: batchNorm1d(32) },
  ({ stem, blocks, pool, flat, fc, bn }, x: Images) => bn(fc(flat(pool(blocks(stem(x))) as never) as never))));
export default experiment({
  name: "deep", data: syntheticFaces({ identities: 40, imagesPerIdentity: fixed(4), size: 32 }),
  method: f2c({ net: deep, pool: { capacity: 30 }, margin: cosFace() }),
  loader: dual({ identities: 8, instances: 8 }), optimizer: sgd(), lr: 0.1, steps: 10,
});
`;

/** Type-checking, lowering and all passes, by the number of layers. F2C calls a net six times. */
export function layers(folder: string): void {
  process.env.F2C_NO_CACHE = "1";
  let tenth = 0;
  for (const count of [10, 30, 100, 300, 1000]) {
    const file = join(folder, `deep-${count}.ts`);
    writeFileSync(file, deep(count));
    const times = FIVE.slice(0, count > 100 ? 3 : 5).map(() => {
      const start = performance.now();
      const loaded = loadExperiment(file);
      const checked = performance.now();
      compileExperiment(loaded);
      return [checked - start, performance.now() - checked] as const;
    });
    const [check, compile] = [median(times.map(([t]) => t)), median(times.map(([, t]) => t))];
    const each = compile / count;
    if (count === 100) tenth = each;
    row(
      `compile a net of ${count} convolutions`,
      `${compile.toFixed(0)} ms`,
      `${each.toFixed(2)} ms a convolution${count === 1000 ? `, ${(each / tenth).toFixed(2)} of that at 100` : ""}; type-check ${check.toFixed(0)} ms`,
    );
  }
  delete process.env.F2C_NO_CACHE;
}
