/** @file `f2c-dsl doctor`: what this machine has, what is missing, the command that mends it. */
import { spawnSync } from "node:child_process";
import { BridgeError } from "../bridge/bridge-error.js";
import { findPython, isCurrent, pythonEnv } from "../bridge/python-environment.js";
import { EXIT } from "./report.js";
import { startHost } from "./start-host.js";

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly remedy?: string | undefined;
}

async function findings(): Promise<Finding[]> {
  const major = Number(process.versions.node.split(".")[0]);
  const list: Finding[] = [
    { name: "Node", ok: major >= 20, found: process.version, remedy: "install Node 20 or later" },
  ];
  const python = findPython();
  if (python === undefined) {
    return [...list, { name: "host", ok: false, found: "no virtual environment", remedy: "f2c-dsl setup" }];
  }
  const { status, stdout, stderr } = spawnSync(python, ["--version"], {
    encoding: "utf8",
    env: pythonEnv(),
  });
  list.push({
    name: "Python",
    ok: status === 0,
    found: status === 0 ? `${(stdout || stderr).trim()}, ${python}` : `${python} does not run`,
    remedy: "f2c-dsl setup, or correct F2C_PYTHON",
  });
  if (status !== 0) return list;
  list.push({
    name: "environment",
    ok: isCurrent(),
    found: isCurrent() ? "up to date" : "made for another version",
    remedy: "f2c-dsl setup",
  });
  try {
    const { client } = await startHost(python);
    const { torch, untried, kernels, host, devices } = client.hello;
    list.push(
      { name: "host", ok: true, found: `f2c-dsl-host ${host}, torch ${torch}` },
      ...(untried ? [{ name: "torch", ok: true, found: untried }] : []),
      ...(kernels ? [{ name: "kernels", ok: true, found: kernels }] : []),
      { name: "devices", ok: true, found: devices.join(", ") },
    );
    await client.shutdown();
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    list.push({ name: "host", ok: false, found: error.message, remedy: error.hint ?? "f2c-dsl setup" });
  }
  return list;
}

export async function doctor(options: { json?: boolean }): Promise<void> {
  const list = await findings();
  if (list.some((f) => !f.ok)) process.exitCode = EXIT.host;
  if (options.json) {
    process.stdout.write(`${JSON.stringify(list, undefined, 2)}\n`);
    return;
  }
  for (const { name, ok, found, remedy } of list) {
    process.stdout.write(
      `${ok ? "ok     " : "missing"}  ${name.padEnd(12)} ${found}\n${ok || remedy === undefined ? "" : `         mend it with: ${remedy}\n`}`,
    );
  }
}
