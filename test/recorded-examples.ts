/** @file Examples as recorded sessions, whose trainings the host's `compare_recordings.py` runs on several backends. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { requirePython } from "#runtime/index";

/** By kind: of the loss, of the optimizer's tensors, of all else that is stored. */
interface Distances {
  readonly loss: number;
  readonly gradients: number;
  readonly states: number;
}

/** How far a training on a backend is from eager: the median of its steps, each from eager's state, and at most in a run of its own. */
export interface Compared {
  readonly example: string;
  readonly torch: string;
  readonly training: string;
  readonly backend: string;
  readonly precision: string;
  readonly steps: number;
  readonly step: Distances;
  readonly run: Distances;
  readonly rounding: { readonly step: Distances; readonly run: Distances };
  /** What is further than `TOLERANCE` of the precision, and than ten times what rounding alone makes of it. */
  readonly beyond: readonly string[];
  readonly seconds: number;
}

/**
 * The file of an example's recorded run in `folder`, made if it is not there: that many steps of each training. Few pictures are scored, which is not
 * what is compared. Another backend of the run says nothing: what is recorded is what the host was sent. `changed`: the example's text, made smaller.
 */
export function recorded(
  root: string,
  example: string,
  folder: string,
  steps: number,
  changed: (text: string) => string = (text) => text,
): string {
  const name = basename(example, ".ts");
  const recording = join(folder, `${name}-${steps}.f2c`);
  if (existsSync(recording)) return recording;
  const file = join(folder, `${name}.ts`);
  const text = changed(readFileSync(join(root, example), "utf8"))
    .replaceAll("syntheticFaces({", "syntheticFaces({ heldOut: { identities: 20, images: 2 },")
    .replace("../../shared/data/orl-faces", join(root, "../shared/data/orl-faces"));
  writeFileSync(file, text);
  const begun = `${recording}.part`;
  const run = ["run", file, "--run-dir", join(folder, `${name}-${steps}`), "--steps", `${steps}`];
  const cli = join(root, "dist/runtime/cli/main.js");
  const done = spawnSync(process.execPath, [cli, ...run, "--record", begun], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${example}: ${done.stderr}`);
  renameSync(begun, recording);
  return recording;
}

/** Each training of the recordings on each backend; with `double` numbers of f32 are of f64. */
export function compared(
  root: string,
  recordings: readonly string[],
  backends: readonly string[],
  { double = false, steps }: { readonly double?: boolean; readonly steps?: number } = {},
): readonly Compared[] {
  const script = join(root, "python-host/tests/compare_recordings.py");
  const options = [...(double ? ["--double"] : []), ...(steps ? ["--steps", `${steps}`] : [])];
  const { stdout, status, stderr } = spawnSync(
    requirePython(),
    [script, ...recordings, "--backends", ...backends, ...options],
    { encoding: "utf8", maxBuffer: 1 << 26 },
  );
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Compared);
}
