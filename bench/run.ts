/** @file `npm run bench`: each figure beside a peer or a floor of the same run, because machines differ. Prints a table. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { banks } from "./banks.js";
import { catalogue } from "./catalogue.js";
import { ir, layers } from "./compile.js";
import { data } from "./data.js";
import { device } from "./device.js";
import { distil } from "./distil.js";
import { faceNms } from "./face-nms.js";
import { flat } from "./flat.js";
import { methods } from "./methods.js";
import { narrowPool } from "./narrow-pool.js";
import { ogmc } from "./ogmc.js";
import { photographs } from "./photographs.js";
import { planner } from "./planner.js";
import { branches, head, step } from "./step.js";
import { backends, bridge, passes } from "./steps.js";
import { threads } from "./threads.js";

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean" }, write: { type: "string" }, device: { type: "string" } },
});
const quick = options.quick ?? false;
const folder = mkdtempSync(join(tmpdir(), "f2c-bench-"));
const steps = quick ? 20 : 50;

const BENCHMARKS: Readonly<Record<string, () => void | Promise<void>>> = {
  planner,
  ir: () => ir(folder),
  layers: () => layers(folder),
  backends: () => backends(folder, steps),
  passes: () => passes(folder, steps),
  step: () => step(folder, quick),
  head: () => head(folder, quick),
  branches: () => branches(folder, quick),
  bridge: () => bridge(folder, steps),
  banks: () => banks(folder, quick ? 6 : 12, 1_000_000),
  methods: () => methods(folder, quick),
  "narrow-pool": () => narrowPool(folder, quick ? 2 : 5),
  distil: () => distil(folder, quick),
  threads: () => threads(folder, quick ? 8 : 16),
  catalogue: () => catalogue(folder),
  data: () => data(folder, quick),
  flat: () => flat(folder, quick),
  "face-nms": () => faceNms(folder, quick ? 2 : 10),
  ogmc: () =>
    ogmc(
      folder,
      quick ? { people: 400, tunedOn: 150, orders: 3 } : { people: 5000, tunedOn: 1000, orders: 3 },
    ),
  photographs: () => photographs(folder, quick ? 2 : 6),
  device: () => device(folder, quick, options.write, options.device),
};
/** Only where they are named. */
const APART = ["device"];

try {
  for (const [name, run] of Object.entries(BENCHMARKS))
    if (wanted.length ? wanted.includes(name) : !APART.includes(name)) await run();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
