import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { BridgeError } from "#runtime/bridge/bridge-error";
import { HostClient } from "#runtime/bridge/host-client";
import { EXIT, reportOf } from "#runtime/cli/report";
import { RunFolder } from "#runtime/run/run-folder";

const folder = mkdtempSync(join(tmpdir(), "f2c-failures-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program in the place of Python: it does this and nothing else. */
function pretender(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Why a host did not start. */
const notStarted = (python: string, startTimeoutMs = 20_000) =>
  HostClient.start({ python, startTimeoutMs, registryHash: "any", irVersion: [1, 0] }).then(
    () => undefined,
    (error: unknown) => error,
  );

describe("a host that does not start says why", () => {
  test("torch is missing", async () => {
    const python = pretender("no-torch", `echo "ModuleNotFoundError: No module named 'torch'" >&2; exit 1`);
    expect(await notStarted(python)).toMatchObject({
      code: "F2C6002",
      message: expect.stringContaining("No module named 'torch'"),
      hint: expect.stringContaining("f2c-dsl setup"),
    });
  });

  test("it is silent for too long", async () => {
    const python = pretender("silent", "echo loading >&2; exec sleep 20");
    expect(await notStarted(python, 300)).toMatchObject({
      code: "F2C6004",
      message: expect.stringMatching(/^the host said nothing for 0\.3 s/),
      hint: expect.stringContaining("f2c-dsl doctor"),
    });
  });
});

test("an error of the host without a code is a fault", () => {
  expect(BridgeError.from({})).toMatchObject({
    code: "F2C6000",
    kind: "fault",
    message: "the host failed without a message",
  });
});

test("a run to resume that is not there is named", () => {
  expect(() => RunFolder.reopen(join(folder, "none"), "quickstart")).toThrow(
    /^there is no run to resume in .*none$/,
  );
  try {
    RunFolder.reopen(join(folder, "none"), "quickstart");
  } catch (error) {
    expect(error).toMatchObject({ code: "F2C6402", kind: "user" });
  }
});

describe("what a command reports", () => {
  test("of a disk that is full or read-only: the machine's, not ours", () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    expect(reportOf(full)).toMatchObject({
      exit: EXIT.resource,
      diagnostics: [{ code: "F2C6404", message: expect.stringContaining("no space left") }],
    });
  });

  test("of what nobody foresaw: a fault of ours, with its stack", () => {
    const report = reportOf(new TypeError("x is undefined"));
    expect(report).toMatchObject({
      exit: EXIT.fault,
      details: expect.stringContaining("TypeError"),
      diagnostics: [{ code: "F2C9000", message: "internal: x is undefined" }],
    });
  });
});
