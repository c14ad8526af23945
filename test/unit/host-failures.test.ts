import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { BridgeError } from "#runtime/bridge/bridge-error";
import { HostClient } from "#runtime/bridge/host-client";
import { EXIT, reportOf } from "#runtime/cli/report";
import { requirePython } from "#runtime/index";
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

test("a folder for temporary files whose name is too long for a socket is not used for one", async () => {
  const python = pretender("telling", `echo "$F2C_SESSION" >&2; exit 1`);
  const before = process.env.TMPDIR;
  const ofJob = join(folder, "job".repeat(30));
  mkdirSync(ofJob);
  try {
    process.env.TMPDIR = folder;
    expect(await notStarted(python)).toMatchObject({
      message: expect.stringContaining(`ipc://${folder}/f2c-`),
    });
    process.env.TMPDIR = ofJob;
    expect(await notStarted(python)).toMatchObject({ message: expect.stringContaining("ipc:///tmp/f2c-") });
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
});

/** A host in the place of ours: it says hello, is welcomed, and then does this with its sockets `control`, `work`, `events`. */
function impostor(name: string, then: string): string {
  const script = join(folder, `${name}.py`);
  writeFileSync(
    script,
    `import json, os, time, zmq
from f2c_host.wire.frames import Message, pack
session = json.loads(os.environ["F2C_SESSION"])
context = zmq.Context()
def connected(kind, name):
    socket = context.socket(kind)
    socket.connect(session["endpoints"][name])
    return socket
control, work, events = connected(zmq.DEALER, "control"), connected(zmq.DEALER, "work"), connected(zmq.PUSH, "events")
control.send_multipart(pack(Message("hello", {"protocol": [2, 0], "ir": [1, 0], "registry": "any", "token": session["token"]}, id=1)))
control.recv_multipart()
${then}
time.sleep(60)
`,
  );
  return pretender(name, `exec "${requirePython()}" "${script}"`);
}

describe("a host that cannot be worked with any more is ended, and every call says why", () => {
  const started = (python: string, patience?: number) =>
    HostClient.start({ python, patience, registryHash: "any", irVersion: [1, 0] });
  const outcome = (call: Promise<unknown>) =>
    call.then(
      () => "no error",
      (error: unknown) => error,
    );

  test.each(["work", "events", "control"])("garbage on `%s`", async (socket) => {
    const client = await started(
      impostor(`garbage-${socket}`, `${socket}.send_multipart([b"\\xc1", b"junk"])`),
    );
    const error = { code: "F2C6005", message: expect.stringContaining("not of protocol f2c/2") };
    expect(await outcome(client.request("sync"))).toMatchObject(error);
    expect(await client.died).toMatchObject(error);
  });

  test("no sign of life", async () => {
    const client = await started(impostor("mute", ""), 1);
    const error = { code: "F2C6006", message: "the host gave no sign of life for 1 s and was killed" };
    expect(await outcome(client.request("sync"))).toMatchObject(error);
    expect(await client.died).toMatchObject(error);
  });

  test("it was killed while it started", async () => {
    expect(await notStarted(pretender("killed", "echo so far so good >&2; kill -9 $$"))).toMatchObject({
      code: "F2C6006",
      message: "the host was killed by SIGKILL while it started; it last wrote:\nso far so good",
    });
  });

  test("it was killed while a plan was sent to it: the socket's own complaint is not the reason", async () => {
    const client = await started(impostor("dying", "os.kill(os.getpid(), 9)"));
    for (let step = 0; ; step++) {
      const error = await outcome(client.plan({ program: "train", number: step }, {}));
      if (error === "no error") continue;
      expect(error).toMatchObject({ code: "F2C6006", message: expect.stringContaining("SIGKILL") });
      break;
    }
  });

  test("nor where the socket knows first that nobody is there", async () => {
    const client = await started(impostor("dying-later", "time.sleep(0.3); os.kill(os.getpid(), 9)"));
    const gone = Object.assign(new Error("Operation was not possible or timed out"), { code: "EAGAIN" });
    Object.assign(client, { work: { send: () => Promise.reject(gone), close: () => {} } });
    const error = await outcome(client.plan({ program: "train", number: 0 }, {}));
    expect(error).toMatchObject({ code: "F2C6006", message: expect.stringContaining("SIGKILL") });
  });
});

test("a host takes no modules from the current folder, and what the user has set goes before our defaults", async () => {
  const heard: string[] = [];
  process.env.F2C_TEST_SET = "the user's";
  const python = pretender("telling", 'echo "$PYTHONSAFEPATH, $F2C_TEST_SET, $F2C_TEST_UNSET"; exit 1');
  const env = { F2C_TEST_SET: "ours", F2C_TEST_UNSET: "ours", PYTHONSAFEPATH: "" };
  await HostClient.start({
    python,
    env,
    registryHash: "any",
    irVersion: [1, 0],
    onLine: (line) => heard.push(line),
  }).catch(() => {});
  delete process.env.F2C_TEST_SET;
  expect(heard).toEqual(["1, the user's, ours"]);
});

test.each([
  [undefined, "glibc.malloc.hugetlb=1"],
  ["", "glibc.malloc.hugetlb=1"],
  ["glibc.malloc.arena_max=2", "glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1"],
  ["glibc.malloc.hugetlb=0:glibc.malloc.arena_max=2", "glibc.malloc.hugetlb=0:glibc.malloc.arena_max=2"],
])("memory comes in huge pages unless the user says otherwise: %s", async (said, given) => {
  const before = process.env.GLIBC_TUNABLES;
  const heard: string[] = [];
  const set = (value?: string) => {
    if (value === undefined) delete process.env.GLIBC_TUNABLES;
    else process.env.GLIBC_TUNABLES = value;
  };
  set(said);
  try {
    await HostClient.start({
      python: pretender("remembering", 'echo "$GLIBC_TUNABLES"; exit 1'),
      registryHash: "any",
      irVersion: [1, 0],
      onLine: (line) => heard.push(line),
    }).catch(() => {});
  } finally {
    set(before);
  }
  expect(heard).toEqual([given]);
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
