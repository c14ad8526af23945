/**
 * @file What a CUDA device gives: whether it computes what the CPU computes, and how fast. Sessions are planned here; `device.py` runs them, also on a machine
 * without Node: `--write FOLDER` only plans, and there `python bench/device.py FOLDER` does the rest, in eight minutes at most.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { requirePython, trainingEnv } from "../runtime/index.js";
import { BANKS, headSession, MARGINS } from "../test/oracle/head-sessions.js";
import { root } from "./command.js";
import { NET, type Setting, session } from "./step.js";

/** Their negatives jump where a cosine is rounded over a bound, so that a step in bf16 may be another one. */
const JUMPING = ["svSoftmax", "curricularFace", "withoutConflicts"];

/** Every margin with the full bank, and every bank with CosFace; in f32 and in bf16. */
function heads(folder: string) {
  const pairs = [
    ...Object.keys(MARGINS).map((margin) => ["full", margin] as const),
    ...Object.keys(BANKS)
      .filter((bank) => bank !== "full" && bank !== "sampled whole")
      .map((bank) => [bank, "cosFace"] as const),
  ];
  return (["f32", "bf16"] as const).flatMap((precision) =>
    pairs
      .filter(([, margin]) => precision === "f32" || !JUMPING.includes(margin))
      .map(([bank, margin]) => ({
        ...headSession(folder, bank, margin, { steps: 4, precision }),
        name: `${bank}, ${margin}, ${precision}`,
      })),
  );
}

interface Step extends Setting {
  /** Compared with the CPU. */
  readonly checked?: boolean;
  readonly measured?: boolean;
}

const STEPS: readonly Omit<Step, "net">[] = [
  { size: 56, slots: 2_000, checked: true },
  { size: 56, slots: 2_000, checked: true, precision: "bf16" },
  { size: 56, slots: 2_000, checked: true, dtype: "bf16" },
  { size: 112, slots: 2_000, measured: true, precision: "bf16" },
  { size: 112, slots: 2_000, measured: true },
  { size: 112, slots: 1_000_000, measured: true },
  { size: 112, slots: 1_000_000, measured: true, images: 512, precision: "bf16", dtype: "bf16" },
  { size: 112, slots: 10_000_000, measured: true, precision: "bf16", dtype: "bf16" },
  { size: 112, slots: 2_000, measured: true, images: 512, precision: "bf16" },
  { size: 112, slots: 50_000, measured: true, precision: "bf16" },
  { size: 112, slots: 50_000, measured: true, images: 512, precision: "bf16" },
  { size: 112, slots: 10_000_000, measured: true, images: 512, precision: "bf16", dtype: "bf16" },
];
/** For a CPU, to see that all of it runs. */
const QUICK: readonly Omit<Step, "net">[] = [
  { size: 32, slots: 500, checked: true, images: 24 },
  { size: 32, slots: 500, checked: true, images: 24, precision: "bf16", dtype: "bf16" },
  { size: 32, slots: 500, measured: true, images: 24 },
];

function steps(folder: string, quick: boolean) {
  return (quick ? QUICK : STEPS).map((of) => {
    const { size, slots, images = 96, precision = "f32", dtype = "f32" } = of;
    const setting = { ...of, net: NET, images, precision, dtype };
    const name = `${size} px, ${slots.toLocaleString("en")} slots in ${dtype}, ${images} images, ${precision}`;
    return { name, ...session(folder, "step", setting, of.checked ? 2 : 4) };
  });
}

/** Plans the sessions into a folder. */
export function writeSessions(folder: string, to: string, quick: boolean): void {
  mkdirSync(to, { recursive: true });
  const sessions = { quick, heads: heads(folder), steps: steps(folder, quick) };
  writeFileSync(join(to, "sessions.json"), JSON.stringify(sessions));
}

/** Plans and runs them, or only plans them into the folder `write`. The device is CUDA where there is one, unless said otherwise. */
export function device(
  folder: string,
  quick: boolean,
  write: string | undefined,
  on: string | undefined,
): void {
  const to = write ? resolve(write) : folder;
  writeSessions(folder, to, quick);
  if (write) {
    console.log(`${to}: now, where the device is, python bench/device.py ${write}`);
    return;
  }
  const args = [join(root, "bench/device.py"), to, ...(on ? ["--device", on] : [])];
  const { status } = spawnSync(requirePython(), args, { stdio: "inherit", env: trainingEnv() });
  process.exitCode = status ?? 1;
}
