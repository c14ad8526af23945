/**
 * @file F2C's step on every backend, beside loops as people write them in PyTorch and beside its bare convolutions and products, in
 * one process and by turns (`step.py`), in seconds of processor time: other work on the machine then slows all of them alike.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileExperiment, encodeModule, loadExperiment } from "../compiler/index.js";
import { Planner } from "../runtime/index.js";
import { python, root } from "./command.js";
import { row } from "./table.js";

export const NET = "mobileFaceNet({ embedding: 128, width: 0.5 })";
/** Embeddings without a net to speak of, so that the head is the step. */
export const flat = (dim: number) =>
  `net(${dim}, ([c, h, w]) => module({ weight: parameter([${dim}, c * h * w], normal(0.1)) }, ({ weight }, x: Images) => ops.linear(x.reshape([-1, c * h * w]), weight))) as never`;

export interface Setting {
  readonly net: string;
  readonly size: number;
  readonly slots: number;
  /** A step's; 96 if not said. A multiple of 4. */
  readonly images?: number;
  readonly precision?: "f32" | "bf16";
  /** Of the pool. */
  readonly dtype?: "f32" | "bf16";
}

/** A pool whose slots all count from the first step on. A third of the images, or a few more, are pairs of one person. */
const source = ({ net, size, slots, images = 96, precision = "f32", dtype = "f32" }: Setting) => {
  const instances = 2 * Math.floor(images / 6);
  const identities = images / 2 - instances / 2;
  return `
import { cosFace, dual, experiment, f2c, fixed, type Images, mobileFaceNet, module, net, normal, ops, parameter, sgd, syntheticFaces } from "f2c-dsl";
const images = syntheticFaces({ identities: ${2 * slots}, imagesPerIdentity: fixed(2), size: ${size}, heldOut: { identities: 0, images: 0 } });
export default experiment({
  name: "step", data: images, layout: "channels_last", precision: "${precision}",
  method: f2c({ net: ${net}, pool: { capacity: ${slots}, maskUnfilled: false, dtype: "${dtype}" }, margin: cosFace({ scale: 64, margin: 0.35 }) }),
  loader: dual({ identities: ${identities}, instances: ${instances} }), optimizer: sgd({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 }), lr: 0.05, steps: 1000,
});
`;
};

/** The program, and plans of its first steps. */
export function session(folder: string, name: string, setting: Setting, steps: number) {
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, source(setting));
  const program = compileExperiment(loadExperiment(file));
  const planner = new Planner(program);
  const plans = Array.from({ length: steps }, () => {
    const { scalars, arrays } = planner.next();
    return {
      scalars,
      arrays: Object.fromEntries(Object.entries(arrays).map(([key, data]) => [key, [...data]])),
    };
  });
  return { ...setting, ir: encodeModule(program.module), plans };
}

/** What `step.py` measured: seconds of processor time a step by what ran, shares of kinds of op, and memory in MB. */
interface Measured {
  readonly seconds: Readonly<Record<string, number>>;
  readonly kinds: Readonly<Record<string, number>>;
  readonly memory: Readonly<Record<string, number>>;
}

function measure(folder: string, given: object, script = "step.py"): Measured {
  const file = join(folder, "session.json");
  writeFileSync(file, JSON.stringify(given));
  return JSON.parse(
    python([join(root, "bench", script), file])
      .out.trim()
      .split("\n")
      .at(-1)!,
  );
}

const ms = (seconds: number) => `${(1000 * seconds).toFixed(0)} ms`;
const lowest = (seconds: Measured["seconds"], names: RegExp) =>
  Object.entries(seconds)
    .filter(([name]) => names.test(name))
    .sort(([, a], [, b]) => a - b)[0]!;

export function step(folder: string, quick: boolean): void {
  for (const size of quick ? [56] : [56, 112])
    for (const slots of quick ? [2_000] : [2_000, 50_000, 1_000_000])
      whole(folder, { net: NET, size, slots }, quick);
}

/** F2C's four losses, forward and backward, beside three products with the pool. */
export function head(folder: string, quick: boolean): void {
  for (const dim of [128, 512]) headOf(folder, dim, quick ? 100_000 : 1_000_000);
}

function whole(folder: string, setting: Setting, quick: boolean): void {
  const turns = quick ? 3 : 7;
  const given = { ...session(folder, "step", setting, turns + 2), turns, compare: "step" };
  const { seconds, kinds, memory } = measure(folder, given);
  const floor = seconds.floor!;
  const title = `${setting.size} pixels, ${setting.slots.toLocaleString("en")} slots`;
  for (const [name, s] of Object.entries(seconds))
    row(`${title}: ${name}`, ms(s), `${(s / floor).toFixed(2)} of the floor`);
  const [[ours, best], [peer, theirs]] = [lowest(seconds, /^f2c/), lowest(seconds, /^by hand/)];
  row(`${title}: ${ours} / ${peer}`, (best / theirs).toFixed(2), "the best of each");
  const shares = Object.entries(kinds).map(([kind, share]) => `${kind} ${(100 * share).toFixed(0)} %`);
  row(`${title}: where the time goes`, "", shares.join(", "));
  row(
    `${title}: memory at most`,
    `${memory.peak!.toFixed(0)} MB`,
    `${memory.state!.toFixed(0)} MB of it state`,
  );
}

function headOf(folder: string, dim: number, slots: number): void {
  const turns = 7;
  const setting = { net: flat(dim), size: 16, slots };
  const given = { ...session(folder, "head", setting, turns + 2), turns, compare: "head", dim };
  const { seconds, memory } = measure(folder, given);
  row(
    `F2C's head, ${slots.toLocaleString("en")} slots, 96 rows, ${dim} dimensions / three products`,
    (seconds["f2c torchscript"]! / seconds.products!).toFixed(2),
    `${ms(seconds["f2c torchscript"]!)} against ${ms(seconds.products!)}; asked for: 1.25`,
  );
  row("  memory beyond the state", `${memory.beyond!.toFixed(0)} MB`, "asked for: 256 MB");
}

/** What branches are worth on the clock, which a table of processor time does not show. */
export function branches(folder: string, quick: boolean): void {
  const turns = quick ? 7 : 21;
  const setting = { net: NET, size: 56, slots: 2_000 };
  const { seconds } = measure(
    folder,
    { ...session(folder, "branches", setting, turns + 2), turns },
    "branches.py",
  );
  const [atOnce, inTurn] = [seconds["at once"]!, seconds["in turn"]!];
  row(
    "a step, branches at once / in turn",
    (atOnce / inTurn).toFixed(2),
    `${ms(atOnce)} against ${ms(inTurn)}`,
  );
}
