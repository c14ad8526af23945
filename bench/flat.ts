/** @file What the number of people costs where the pool stays as it is: the first step, a step, memory; and what a checkpoint of a gigabyte holds up. */
import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { f2cProcess } from "./command.js";
import { childrenOf, peakMegabytes, userSeconds } from "./processes.js";
import { median, row } from "./table.js";

/** Steps left out: kernels are chosen, and the memory that a step takes is found. */
const WARM_UP = 3;
const LOOK_MS = 20;
/** A host takes more. */
const SMALL_MB = 100;

interface Setting {
  readonly identities: number;
  readonly slots: number;
  readonly steps: number;
  /** Steps from checkpoint to checkpoint. */
  readonly checkpoint: number;
}

/** F2C with a narrow net on 96 small faces a step: what the pool costs shows. */
const experiment = ({ identities, slots, steps, checkpoint }: Setting) => `
import { cosFace, dual, experiment, f2c, mobileFaceNet, sgd, steps, syntheticFaces, zipf } from "f2c-dsl";
export default experiment({
  name: "flat",
  data: syntheticFaces({ identities: ${identities}, imagesPerIdentity: zipf(4), size: 56, seed: 7 }),
  method: f2c({
    net: mobileFaceNet({ embedding: 128, width: 0.25 }),
    pool: { capacity: ${slots}, rows: 2, evict: "lru" },
    margin: cosFace({ scale: 32, margin: 0.2 }),
  }),
  loader: dual({ identities: 32, instances: 32 }),
  optimizer: sgd({ momentum: 0.9 }),
  lr: 0.05,
  layout: "channels_last",
  steps: ${steps},
  checkpoint: steps(${checkpoint}),
});
`;

/** What is seen of a run when a step is there. */
interface Seen {
  /** From the command on. */
  readonly seconds: number;
  /** User processor time of both processes. */
  readonly node: number;
  readonly host: number;
  /** The most resident memory so far, in MB. */
  readonly nodePeak: number;
  readonly hostPeak: number;
}

interface Run {
  /** By step. */
  readonly seen: readonly Seen[];
  /** By the clock of the run itself, when each step was done. */
  readonly elapsed: readonly number[];
  /** The most resident memory of the host until the end. */
  readonly hostPeak: number;
}

const linesOf = (path: string): readonly { readonly loss?: number; readonly elapsed: number }[] => {
  try {
    const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line)).filter((line) => "loss" in line);
  } catch {
    return [];
  }
};

/** Runs the command, and looks at its processes whenever another step is there. */
function watched(folder: string, setting: Setting): Promise<Run> {
  const source = join(folder, "flat.ts");
  const run = join(folder, "flat-run");
  rmSync(run, { recursive: true, force: true });
  writeFileSync(source, experiment(setting));
  const begun = performance.now();
  const child = spawn(process.execPath, [f2cProcess, "run", source, "--run-dir", run], { stdio: "ignore" });
  const seen: Seen[] = [];
  let host: number | undefined;
  let hostPeak = 0;
  const look = () => {
    // Short commands are children too.
    host ??= childrenOf(child.pid!).find((pid) => peakMegabytes(pid) > SMALL_MB);
    if (host === undefined) return;
    hostPeak = Math.max(hostPeak, peakMegabytes(host));
    const now = {
      seconds: (performance.now() - begun) / 1000,
      node: userSeconds(child.pid!),
      host: userSeconds(host),
      nodePeak: peakMegabytes(child.pid!),
      hostPeak,
    };
    for (const there = linesOf(join(run, "metrics.jsonl")).length; seen.length < there; ) seen.push(now);
  };
  const looking = setInterval(look, LOOK_MS);
  return new Promise((resolve, reject) => {
    child.on("exit", (code) => {
      clearInterval(looking);
      if (code !== 0) return reject(new Error(`the run ended with ${code}`));
      const elapsed = linesOf(join(run, "metrics.jsonl")).map((line) => line.elapsed);
      rmSync(run, { recursive: true, force: true });
      resolve({ seen, elapsed, hostPeak });
    });
  });
}

const counted = (n: number) => n.toLocaleString("en-US");
const ms = (seconds: number) => `${(1000 * seconds).toFixed(1)} ms`;

/** User processor time a step, of what `of` says. */
const aStep = ({ seen }: Run, of: (seen: Seen) => number): number =>
  (of(seen.at(-1)!) - of(seen[WARM_UP]!)) / (seen.length - 1 - WARM_UP);

/** The same pool for more and more people: the runs are interleaved, since what else the machine does changes. */
async function people(folder: string, rounds: number, steps: number): Promise<void> {
  const SLOTS = 100_000;
  const runs = new Map<number, Run[]>([10_000, 1_000_000, 10_000_000].map((n) => [n, []]));
  for (let round = 0; round < rounds; round++)
    for (const [identities, made] of runs)
      made.push(await watched(folder, { identities, slots: SLOTS, steps, checkpoint: 1000 }));
  const of = (identities: number, figure: (run: Run) => number) => median(runs.get(identities)!.map(figure));
  for (const n of runs.keys()) {
    const figure = (what: (run: Run) => number) => ({ is: of(n, what), beside: of(10_000, what) });
    const first = figure(({ seen }) => seen[0]!.seconds);
    const cpu = figure(({ seen }) => seen[0]!.node + seen[0]!.host);
    row(
      `${counted(n)} people, ${counted(SLOTS)} slots: first step`,
      `${first.is.toFixed(1)} s`,
      `processor time until then ${cpu.is.toFixed(1)} s; of 10,000 people ${first.beside.toFixed(1)} and ${cpu.beside.toFixed(1)} s`,
    );
    const node = figure((run) => aStep(run, (seen) => seen.node));
    const host = figure((run) => aStep(run, (seen) => seen.host));
    row(
      "  a step, user processor time / that of 10,000 people",
      ((node.is + host.is) / (node.beside + host.beside)).toFixed(3),
      `Node ${ms(node.is)}, host ${ms(host.is)}; asked for: under 1.05`,
    );
    row(
      "  most memory, Node and host",
      `${of(n, ({ seen }) => seen.at(-1)!.nodePeak).toFixed(0)} MB`,
      `host ${of(n, ({ hostPeak }) => hostPeak).toFixed(0)} MB`,
    );
  }
}

/** Ten million people and a pool of a gigabyte, saved now and then. */
async function gigabyte(folder: string, saves: number): Promise<void> {
  // So long that a checkpoint has been written when the next one is due, which would wait for it.
  const PERIOD = 24;
  const steps = PERIOD * (saves + 1);
  const { seen, elapsed, hostPeak } = await watched(folder, {
    identities: 10_000_000,
    slots: 1_000_000,
    steps,
    checkpoint: PERIOD,
  });
  const took = elapsed.map((now, i) => now - (elapsed[i - 1] ?? 0));
  // The first half of a period is that in which a checkpoint may be in the making.
  const usual = median(took.filter((_, step) => step >= WARM_UP && step % PERIOD >= PERIOD / 2));
  const due = Array.from({ length: saves }, (_, i) => PERIOD * (i + 1));
  const next = median(due.map((step) => took[step]!)) / usual - 1;
  const more = median(
    due.map((step) => took.slice(step, step + PERIOD / 2).reduce((sum, s) => sum + s / usual - 1, 0)),
  );
  const first = seen[0]!;
  row(
    "10 M people, 1,000,000 slots: first step",
    `${first.seconds.toFixed(1)} s`,
    `asked for: 8 s; processor time until then: Node ${first.node.toFixed(1)}, host ${first.host.toFixed(1)} s`,
  );
  row(
    "  a checkpoint of 1 GB: the next step takes more",
    `${next.toFixed(2)} steps`,
    `asked for: under 1; a step takes ${ms(usual)}`,
  );
  row(
    "  all steps while it may be in the making",
    `${more.toFixed(2)} steps`,
    `the first ${PERIOD / 2} after it`,
  );
  row(
    "  most memory of the host before the first is saved",
    `${seen[PERIOD - 1]!.hostPeak.toFixed(0)} MB`,
    `asked for: 2,500 MB; until the end ${hostPeak.toFixed(0)} MB; Node ${seen.at(-1)!.nodePeak.toFixed(0)} MB`,
  );
}

export async function flat(folder: string, quick: boolean): Promise<void> {
  await people(folder, quick ? 1 : 3, quick ? 12 : 24);
  await gigabyte(folder, quick ? 2 : 4);
}
