/** @file What Node does for a step while the device computes: F2C's pool at 10 M identities, Partial FC's sample of 2 M. */
import { dual } from "../dsl/index.js";
import { PoolBook } from "../dsl/plan/pool-book.js";
import { sampledClasses } from "../dsl/plan/sampled-classes.js";
import { median, row } from "./table.js";

const IDENTITIES = 10_000_000;
const SLOTS = 1_000_000;
const SAMPLED_OF = 2_000_000;

export function planner(): void {
  pool();
  sample(0.01);
  sample(0.1);
}

/** Partial FC's sample for 512 images. */
function sample(share: number): void {
  const labels = Int32Array.from({ length: 512 }, (_, i) => i * 3001);
  const wanted = share * SAMPLED_OF;
  const times: number[] = [];
  for (let step = 0; step < 200; step++) {
    const start = performance.now();
    sampledClasses(SAMPLED_OF, labels, { wanted, room: wanted, seed: 1, step });
    times.push(performance.now() - start);
  }
  row(
    `draw ${wanted.toLocaleString("en")} of 2 M classes`,
    `${median(times).toFixed(2)} ms`,
    "asked for, of 200,000: under 5 ms",
  );
}

function pool(): void {
  const offsets = Int32Array.from({ length: IDENTITIES + 1 }, (_, i) => 4 * i);
  const streams = dual({ identities: 341, instances: 342 });
  const loader = streams.sampler(offsets, 1);
  const pool = new PoolBook(SLOTS, { rows: 2, evict: "lru" });
  for (let first = 0; first < SLOTS; first += 1000)
    pool.commit(
      Int32Array.from({ length: 1000 }, (_, i) => (first + i) * 7),
      new Int32Array(0),
    );
  const times: number[] = [];
  for (let step = 0; step < 400; step++) {
    const start = performance.now();
    const batch = loader.sample(step);
    const [x, y] = [batch.x!, batch.y!];
    pool.peek(y.labels, x.labels);
    pool.commit(x.labels, y.labels);
    times.push(performance.now() - start);
  }
  row(
    `plan a step: 10 M identities, 1 M slots, ${streams.streams.x! * 2} images`,
    `${median(times).toFixed(3)} ms`,
    "asked for: under 0.5 ms",
  );
}
