/** @file The faults: what is done to a run, when it can be done, and how the run may end after it. */
import type { Disk } from "./disk.js";
import type { Job } from "./job.js";
import { pause, send } from "./processes.js";

/** `any time` is a share of the uninterrupted run's duration, whatever happens then; the others are places in the code. */
export const MOMENTS = [
  "load",
  "compile",
  "baselines",
  "training",
  "checkpoint",
  "evaluation",
  "export",
  "any time",
] as const;
export type Moment = (typeof MOMENTS)[number];

/** Two presses of Ctrl-C, that are not one passed on twice. */
const BETWEEN_SIGNALS_MS = 600;
const GONE_MS = 5000;

export interface Strike {
  readonly job: Job;
  readonly disk: Disk;
  /** How many KiB a full disk has left. */
  readonly left: number;
}

export interface Fault {
  /** Done while the run waits at its place. Returns whether there was something to do it to. */
  strike(strike: Strike): Promise<boolean> | boolean;
  /** Done once the run goes on. */
  after?(strike: Strike): Promise<void>;
  /** What the hook that waited does. */
  readonly go?: "raise";
  /** Exit codes that may follow; docs/diagnostics.md lists them. `killed`: the fault ends the driver itself. */
  readonly exits: readonly number[] | "killed";
  /** A run that is asked to stop, or fails with its state whole, saves every step that it has reported. */
  readonly saves?: true;
  readonly arguments?: readonly string[];
  /** Needs a place, and one of these. */
  readonly places?: RegExp;
  readonly moments?: readonly Moment[];
}

const DONE = 0;
const RESOURCE = 4;
const INTERRUPTED = 130;

const toHost = (signal: NodeJS.Signals): Pick<Fault, "strike"> => ({
  async strike({ job }) {
    const host = await job.host();
    if (host === undefined) return false;
    send(host, signal);
    // What ends a host has ended it before the run goes on: so a driver that waits at a place finds it gone.
    if (signal === "SIGKILL" || signal === "SIGSEGV")
      for (let i = 0; i < GONE_MS && job.all().includes(host); i += 10) await pause(10);
    return true;
  },
});
const toDriver = (signal: NodeJS.Signals): Pick<Fault, "strike"> => ({
  strike: ({ job }) => job.driver.kill(signal),
});

export const FAULTS: Readonly<Record<string, Fault>> = {
  "sigkill-host": { ...toHost("SIGKILL"), exits: [DONE] },
  "sigkill-driver": { ...toDriver("SIGKILL"), exits: "killed" },
  "sigterm-driver": { ...toDriver("SIGTERM"), exits: [DONE, INTERRUPTED], saves: true },
  "sigterm-job": {
    // As a scheduler does that preempts: every process gets one, the host before the driver could tell it anything.
    strike({ job }) {
      const all = job.all().sort((a, b) => b - a);
      for (const pid of all) send(pid, "SIGTERM");
      return all.length > 0;
    },
    exits: [DONE, INTERRUPTED],
    saves: true,
  },
  "sigterm-host": { ...toHost("SIGTERM"), exits: [DONE] },
  "sigint-twice": {
    ...toDriver("SIGINT"),
    async after({ job }) {
      await pause(BETWEEN_SIGNALS_MS);
      job.driver.kill("SIGINT");
    },
    exits: [DONE, INTERRUPTED],
  },
  "sighup-driver": { ...toDriver("SIGHUP"), exits: [DONE, INTERRUPTED], saves: true },
  "sigstop-host": {
    ...toHost("SIGSTOP"),
    exits: [DONE],
    // On a slow machine a host may be silent for so long without any fault, and be started again for that, too.
    arguments: ["--patience", "3", "--restarts", "50"],
    // Before its hello a host is waited for five minutes: longer than a test wants to.
    places: /^(?!.*\.import$)/,
    moments: ["load", "baselines", "training", "checkpoint", "evaluation", "export"],
  },
  "sigsegv-host": { ...toHost("SIGSEGV"), exits: [DONE] },
  "reader-exception": {
    strike: () => true,
    go: "raise",
    exits: [DONE, RESOURCE],
    saves: true,
    places: /^host\..*\.read$/,
    moments: ["baselines", "training", "evaluation"],
  },
  "disk-full": {
    strike({ disk, left }) {
      disk.fill(left);
      return true;
    },
    exits: [DONE, RESOURCE],
    places: /\.(write|open|mkdir|rename|fsync|replace|save|export|plan)$/,
    moments: ["compile", "baselines", "training", "checkpoint", "evaluation", "export"],
  },
  "output-closed": {
    strike({ job }) {
      job.driver.stdout!.destroy();
      job.driver.stderr!.destroy();
      return true;
    },
    exits: [DONE],
  },
};
