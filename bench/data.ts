/**
 * @file Images in files of many: what decoding them takes beside the bare decoder, and what 42 million of them cost, as many as
 * WebFace42M has, in one RecordIO file: the scan, the next start, and the memory of both processes after ten thousand shuffled batches.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recordIO } from "../dsl/index.js";
import { f2cProcess, python, root } from "./command.js";
import { childrenOf, privateMegabytes } from "./processes.js";
import { row } from "./table.js";

const WEBFACE = { identities: 2_059_906, images: 42_474_557, steps: 10_000 };
const FOR_A_LOOK = { identities: 205_990, images: 4_247_455, steps: 1_000 };
const IMAGES_A_STEP = 64;
const counted = (n: number) => n.toLocaleString("en-US");

export async function data(folder: string, quick: boolean): Promise<void> {
  decoding(quick ? 3 : 9);
  await large(folder, quick ? FOR_A_LOOK : WEBFACE);
}

function decoding(turns: number): void {
  const { out } = python([join(root, "bench/decoding.py"), String(turns)]);
  for (const line of out.trim().split("\n")) {
    const [kind, images, share] = line.split(" ") as [string, string, string];
    const isPeer = kind === "simplejpeg" || kind === "Pillow";
    const beside = `${Number(share).toFixed(2)} of simplejpeg${isPeer ? "" : "; asked for: 0.80"}`;
    row(`JPEGs of 112 pixels a CPU second: ${kind}`, Number(images).toFixed(0), beside);
  }
}

/** An experiment whose step costs next to nothing beside its images. */
const experiment = (rec: string, steps: number) => `
import { cosFace, dual, experiment, f2c, flatten, linear, net, recordIO, sequential, sgd } from "f2c-dsl";
export default experiment({
  name: "large",
  data: recordIO({ path: ${JSON.stringify(rec)}, size: 8, channels: 1 }),
  method: f2c({
    net: net(16, ([c, h, w]) => sequential(flatten(), linear(c * h * w, 16))),
    pool: { capacity: 1000, rows: 2 },
    margin: cosFace({ scale: 16, margin: 0.2 }),
  }),
  loader: dual({ identities: ${IMAGES_A_STEP / 2}, instances: ${IMAGES_A_STEP / 2} }),
  optimizer: sgd({ momentum: 0.9 }),
  lr: 0.01,
  steps: ${steps},
  evaluate: {},
});
`;

async function large(folder: string, { identities, images, steps }: typeof WEBFACE): Promise<void> {
  const rec = join(folder, "large.rec");
  python([join(root, "bench/large_record_io.py"), rec, String(identities), String(images)]);
  // What changed within two seconds of a scan is scanned again.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const source = join(folder, "large.ts");
  writeFileSync(source, experiment(rec, steps));
  const cache = { XDG_CACHE_HOME: join(folder, "cache") };
  const what = `${counted(images)} images of ${counted(identities)} identities`;
  const scanned = await watched(["check", source], cache);
  row(
    `${what}: scanned and checked`,
    `${scanned.seconds.toFixed(1)} s`,
    `once; at most ${scanned.peak.toFixed(0)} MB private`,
  );
  const again = await watched(["check", source], cache);
  const indexes = join(folder, "cache/f2c-dsl/indexes");
  const opening = performance.now();
  recordIO({ path: rec, size: 8, channels: 1 }).open({ directory: folder, cache: indexes });
  row("its index opened", `${(performance.now() - opening).toFixed(0)} ms`, "asked for: 1,000 ms");
  row("checked again", `${again.seconds.toFixed(2)} s`, "all of the command: the compiler too");
  const run = join(folder, "large-run");
  const begun = performance.now();
  let first = Number.NaN;
  const trained = await watched(["run", source, "--run-dir", run], cache, () => {
    if (Number.isNaN(first) && isBegun(join(run, "metrics.jsonl")))
      first = (performance.now() - begun) / 1000;
  });
  row(
    "the first step of a run is done",
    `${first.toFixed(1)} s`,
    "all of the command: host and compiler too",
  );
  row(
    `private memory after ${counted(steps)} shuffled batches of ${IMAGES_A_STEP}`,
    `${(trained.last.node + trained.last.python).toFixed(0)} MB`,
    `Node ${trained.last.node.toFixed(0)}, host ${trained.last.python.toFixed(0)}; asked for: under 1,000`,
  );
}

function isBegun(metrics: string): boolean {
  try {
    return readFileSync(metrics, "utf8").includes("loss");
  } catch {
    return false;
  }
}

interface Watched {
  readonly seconds: number;
  /** The most private memory of all its processes together, in MB. */
  readonly peak: number;
  /** Of its processes, when it was last looked at while both were there. */
  readonly last: { readonly node: number; readonly python: number };
}

/** Runs the command and watches its processes' private memory. `look` is called now and then. */
function watched(args: readonly string[], env: NodeJS.ProcessEnv, look = () => {}): Promise<Watched> {
  const start = performance.now();
  const child = spawn(process.execPath, [f2cProcess, ...args], {
    env: { ...process.env, ...env },
    stdio: "ignore",
  });
  let [peak, last] = [0, { node: 0, python: 0 }];
  const watching = setInterval(() => {
    look();
    const [node, python] = [
      privateMegabytes(child.pid!),
      childrenOf(child.pid!).reduce((sum, pid) => sum + privateMegabytes(pid), 0),
    ];
    peak = Math.max(peak, node + python);
    if (node > 0 && python > 0) last = { node, python };
  }, 200);
  return new Promise((resolve, reject) => {
    child.on("exit", (code) => {
      clearInterval(watching);
      if (code === 0) resolve({ seconds: (performance.now() - start) / 1000, peak, last });
      else reject(new Error(`f2c-dsl ${args.join(" ")} ended with ${code}`));
    });
  });
}
