/** @file What torch gets of a program, as the host prints it: a Python process that lives for one answer, and needs no torch. */
import { spawnSync } from "node:child_process";
import { encodeModule, type IrModule } from "../../compiler/index.js";
import { bridgeError } from "./bridge-error.js";
import { pythonEnv } from "./python-environment.js";

export const BACKENDS = ["torchscript", "eager", "inductor"] as const;
export type Backend = (typeof BACKENDS)[number];

export interface TorchTextOptions {
  readonly backend: Backend;
  /** Only this function. */
  readonly function?: string | undefined;
  /** Above each statement whose place is another than that before, a comment `# exp.ts:12:5`. */
  readonly locations?: boolean | undefined;
}

const MOST_BYTES = 2 ** 30;

/** The functions as the host in `python` compiles them for a backend. Throws F2C6001 where there is none to ask, or it cannot say. */
export function torchText(module: IrModule, python: string | undefined, options: TorchTextOptions): string {
  if (python === undefined) throw bridgeError("host-cannot-start.stage-torch", "host", {});
  const asked = [
    "--backend",
    options.backend,
    ...(options.function === undefined ? [] : ["--function", options.function]),
    ...(options.locations ? ["--locations"] : []),
  ];
  const { status, stdout, stderr, error } = spawnSync(python, ["-m", "f2c_host", "text", ...asked], {
    input: JSON.stringify(encodeModule(module)),
    env: pythonEnv(),
    encoding: "utf8",
    maxBuffer: MOST_BYTES,
  });
  if (status === 0) return stdout;
  const words = error?.message ?? stderr.trim().split("\n").at(-1) ?? "";
  throw bridgeError("host-cannot-start.torch-text", "host", { words });
}
