/**
 * @file What a large folder costs at the start: a folder of many files, made here and empty of pixels, is scanned, opened again, and
 * its paths are found by the host.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { imageFolder } from "../dsl/index.js";
import { python } from "./command.js";
import { row } from "./table.js";

const [PEOPLE, IMAGES] = [10_000, 100];
const OWN = `
import resource, sys, time
import numpy as np
from f2c_host.data.index_file import IndexFile
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
index = IndexFile(sys.argv[1], sys.argv[2], [(0, int(sys.argv[3]))])
opened = time.perf_counter() - start
images = np.random.default_rng(0).integers(0, len(index), 10_000).tolist()
start = time.perf_counter()
for image in images:
    index.path(image)
each = (time.perf_counter() - start) / len(images)
print(opened * 1e3, each * 1e6, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
`;

export function catalogue(folder: string): void {
  const root = join(folder, "faces");
  const cache = join(folder, "indexes");
  mkdirSync(cache);
  for (let person = 0; person < PEOPLE; person++) {
    const own = join(root, `id${person}`);
    mkdirSync(own, { recursive: true });
    for (let image = 0; image < IMAGES; image++) writeFileSync(join(own, `${image}.jpg`), "");
  }
  // What changed within two seconds of a scan is scanned again.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
  const source = imageFolder({ root, size: 112 });
  const open = () => {
    const [start, rss] = [performance.now(), process.memoryUsage().rss];
    const { train } = source.open({ directory: folder, cache });
    return {
      ms: performance.now() - start,
      megabytes: (process.memoryUsage().rss - rss) / 2 ** 20,
      spec: train.spec as { index: string; indexId: string },
    };
  };
  const first = open();
  const again = open();
  const what = `${(PEOPLE * IMAGES).toLocaleString("en-US")} files in ${PEOPLE.toLocaleString("en-US")} folders`;
  row(`${what}: scanned`, `${(first.ms / 1000).toFixed(2)} s`, "once, by a thread of its own");
  row(
    "opened again",
    `${again.ms.toFixed(0)} ms`,
    `asked for: 1000 ms; ${again.megabytes.toFixed(0)} MB more in this process`,
  );
  const { index, indexId } = again.spec;
  const [opened, each, more] = python(["-c", OWN, index, indexId, String(PEOPLE)])
    .out.split(" ")
    .map(Number);
  row(
    "mapped by the host",
    `${opened!.toFixed(1)} ms`,
    `${more!.toFixed(0)} MB more; a path takes ${each!.toFixed(0)} us`,
  );
}
