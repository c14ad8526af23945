import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { long } from "../long.js";
import { root } from "./cli.js";

// One of each fault, so that each moment is there too. `npm run chaos` strikes two hundred.
const OF_EACH = [
  "sigkill-host@host.load.import:900",
  "sigkill-driver@driver.checkpoint.rename:4",
  "sigterm-driver@driver.compile.read:60",
  "sigterm-job@host.checkpoint.write:50",
  "sigterm-host@host.export.export:1",
  "sigint-twice@host.training.plan:12",
  "sighup-driver@host.evaluation.part:7",
  "sigstop-host@host.training.plan:20",
  "sigsegv-host@host.baselines.part:2",
  "reader-exception@host.training.read:30",
  "disk-full@driver.checkpoint.write:8",
  "output-closed@driver.training.write:9",
];
// Cases that once failed.
const ONCE_FAILED = [
  // An empty lock was held for two minutes, by nobody.
  "sigkill-driver@driver.compile.lock:2",
  // Where the disk was full, torch's writer aborted the host, and that of safetensors gave an error that we took for our own.
  "disk-full@host.export.export:1",
  "disk-full@host.export.fsync:1",
  // A signal after the last word of a run that is complete ended it as if it had been cut off.
  "sigint-twice@driver.export.lock:1",
];
const CASES = long ? [...OF_EACH, ...ONCE_FAILED] : OF_EACH;

test.skipIf(process.platform !== "linux")(
  "a run that is struck loses nothing, does not hang and says what happened, whichever the fault",
  () => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [join(root, "dist/test/chaos/run.js"), ...CASES],
      { encoding: "utf8" },
    );
    expect(stdout.trim().split("\n").at(-1), stdout + stderr).toBe(
      `${CASES.length} faults, 0 lost, 0 hung, 0 unexplained`,
    );
    expect(status).toBe(0);
  },
  1_800_000,
);
