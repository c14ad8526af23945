/**
 * @file `npm run bench`: each figure beside a peer or a floor of the same run, because machines differ. Prints a table.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dual } from "../dsl/index.js";
import { PoolBook } from "../dsl/plan/pool-book.js";
import { requirePython } from "../runtime/index.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const cli = join(root, "dist/runtime/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "f2c-bench-"));
const quickstart = join(root, "examples/quickstart.ts");

const median = (xs: number[]): number => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!;
const row = (what: string, figure: string, beside: string): void =>
  console.log(`${what.padEnd(44)} ${figure.padStart(14)}   ${beside}`);

/** 10 M identities, 1 M slots, 1,024 images a step: what Node does while the device computes. */
function planner(): void {
  const identities = 10_000_000;
  const offsets = Int32Array.from({ length: identities + 1 }, (_, i) => 4 * i);
  const loader = dual({ identities: 341, instances: 342 }).open(offsets, 1);
  const pool = new PoolBook(1_000_000, { rows: 2, evict: "lru" });
  for (let first = 0; first < 1_000_000; first += 1000)
    pool.commit(
      Int32Array.from({ length: 1000 }, (_, i) => (first + i) * 7),
      new Int32Array(0),
    );
  const times: number[] = [];
  for (let step = 0; step < 400; step++) {
    const start = performance.now();
    const batch = loader.batch(step);
    const [x, y] = [batch.x!, batch.y!];
    pool.peek(y.labels, x.labels);
    pool.commit(x.labels, y.labels);
    times.push(performance.now() - start);
  }
  const x = dual({ identities: 341, instances: 342 }).streams.x! * 2;
  row(
    `plan a step: 10 M identities, 1 M slots, ${x} images`,
    `${median(times).toFixed(3)} ms`,
    "floor asked for: 0.5 ms",
  );
}

function command(args: readonly string[]): { seconds: number; out: string } {
  const start = performance.now();
  const { stdout, stderr, status } = spawnSync(process.execPath, [cli, ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(stderr);
  return { seconds: (performance.now() - start) / 1000, out: stdout };
}

/** The cold process that shows a program, beside an empty Node. */
function ir(): void {
  const times = [1, 2, 3, 4, 5].map(() => command(["ir", quickstart]).seconds);
  const empty = [1, 2, 3, 4, 5].map(() => {
    const start = performance.now();
    spawnSync(process.execPath, ["-e", "0"]);
    return (performance.now() - start) / 1000;
  });
  row(
    "f2c-dsl ir examples/quickstart.ts, cold",
    `${median(times).toFixed(2)} s`,
    `floor asked for: 1.5 s; empty Node ${median(empty).toFixed(2)} s`,
  );
}

/** Steps left out of every count: kernels are chosen, and every image is drawn once and kept from then on. */
const SETTLING = 10;

/**
 * The quickstart on so few images that all are in the cache when counting begins: the peer draws none, so neither may we.
 */
function settledQuickstart(name: string): string {
  const source = join(folder, name);
  const text = readFileSync(quickstart, "utf8")
    .replace(/\n {2}evaluate:.*\n/, "\n")
    .replace("identities: 500, imagesPerIdentity: zipf(12)", "identities: 40, imagesPerIdentity: zipf(4)")
    .replace("capacity: 0.5", "capacity: 250");
  writeFileSync(source, text);
  return source;
}

const stepSeconds = (file: string): number[] => {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines
    .map((line) => JSON.parse(line))
    .filter((m) => "loss" in m)
    .slice(SETTLING)
    .map((m) => m.seconds + m.wait);
};

/** Driven by TypeScript, against the same session replayed by the host alone; wall clock over the same steps. */
function bridge(steps: number): void {
  const record = join(folder, "session.f2c");
  const source = settledQuickstart("bridge.ts");
  const ratios: number[] = [];
  for (let i = 0; i < 3; i++) {
    const run = join(folder, `driven-${i}`);
    command(["run", source, "--run-dir", run, "--steps", String(steps), "--record", record]);
    const driven = stepSeconds(join(run, "metrics.jsonl")).reduce((a, b) => a + b, 0);
    const { stdout } = spawnSync(requirePython(), ["-m", "f2c_host", "replay", record], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    const replayed = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter((m) => m.metrics)
      .slice(SETTLING)
      .reduce((sum, m) => sum + m.seconds + m.wait, 0);
    ratios.push(driven / replayed);
  }
  row(
    `driven by TypeScript / replayed by the host, ${steps} steps`,
    median(ratios).toFixed(3),
    `floor asked for: 1.02; runs ${ratios.map((r) => r.toFixed(3)).join(", ")}`,
  );
}

/** The compiled step on both backends, against a hand-written loop of the same net and method. */
function backends(steps: number): void {
  const source = settledQuickstart("backends.ts");
  const seconds: Record<string, number> = {};
  for (const backend of ["torchscript", "eager"]) {
    const run = join(folder, backend);
    command(["run", source, "--run-dir", run, "--backend", backend, "--steps", String(steps)]);
    seconds[backend] = median(stepSeconds(join(run, "metrics.jsonl")));
  }
  const peer = spawnSync(requirePython(), [join(root, "bench/plain_pytorch.py"), String(steps)], {
    encoding: "utf8",
  });
  if (peer.status !== 0) throw new Error(peer.stderr);
  const plain = Number(peer.stdout.trim());
  for (const [name, s] of Object.entries(seconds))
    row(
      `a step, ${name} / hand-written PyTorch loop`,
      (s / plain).toFixed(3),
      `${(1000 * s).toFixed(0)} ms against ${(1000 * plain).toFixed(0)} ms`,
    );
}

try {
  const quick = process.argv.includes("--quick");
  planner();
  ir();
  backends(quick ? 16 : 40);
  bridge(quick ? 16 : 40);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
