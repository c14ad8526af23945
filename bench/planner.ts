/** @file What Node does for a step while the device computes: 10 M identities, 1 M slots, 1,024 images. */
import { dual } from "../dsl/index.js";
import { PoolBook } from "../dsl/plan/pool-book.js";
import { median, row } from "./table.js";

const IDENTITIES = 10_000_000;
const SLOTS = 1_000_000;

export function planner(): void {
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
