/** `ir --stage torch` up to the host, which prints it: what it prints is asked of the host, python-host/tests/test_torch_text.py. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseModule, verified } from "#compiler/index";
import { torchText } from "#runtime/bridge/torch-text";

const root = new URL("../../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "f2c-torch-text-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A Python that prints what it is asked and how many bytes it is given, and ends as told. */
function fakePython(code: number, said = ""): string {
  const path = join(folder, `python-${code}`);
  const script = `#!/bin/sh\necho "$@"; /usr/bin/wc -c; echo "${said}" >&2; exit ${code}\n`;
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}

const ir = (python: string, ...args: string[]) => {
  const file = `${root}test/fixtures/experiments/tiny.ts`;
  const run = spawnSync(process.execPath, [`${root}dist/runtime/cli/main.js`, "ir", file, ...args], {
    encoding: "utf8",
    env: {
      ...process.env,
      PATH: "",
      F2C_PYTHON: python,
      F2C_NO_CACHE: "",
      XDG_CACHE_HOME: process.env.F2C_TESTS_CACHE,
    },
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
};

describe("`ir --stage torch`", () => {
  test("asks the host's Python for one function, with its places, for the experiment's backend or the one asked for", () => {
    const asked = (...args: string[]) => ir(fakePython(0), "--stage", "torch", ...args).out.split("\n")[0];
    expect(asked()).toBe("-m f2c_host text --backend torchscript");
    expect(asked("--backend", "inductor", "--function", "infer", "--locations")).toBe(
      "-m f2c_host text --backend inductor --function infer --locations",
    );
  });

  test("shows the difference to another experiment's, and nothing where there is none", () => {
    const other = `${root}test/fixtures/experiments/tiny.ts`;
    expect(ir(fakePython(0), "--stage", "torch", "--diff", other)).toMatchObject({ code: 0, out: "" });
  });

  test.each([
    [["--stage", "torch", "--json"], "does not go together with --json"],
    [["--stage", "torch", "--graph", "page.html"], "does not go together with --graph"],
    [["--stage", "torch", "--statistics"], "does not go together with --statistics"],
    [["--stage", "torch", "--print-after", "all"], "does not go together with --print-after"],
    [["--backend", "eager"], "--backend is of --stage torch"],
    [["--stage", "torch", "--function", "stride"], "choose one of step, embed, infer"],
    [["--stage", "torch", "--backend", "onnx"], "torchscript, eager, inductor"],
    [["--stage", "machine-code"], "optimised, torch"],
  ])("refuses what it cannot show: %j", (args, says) => {
    const { code, out, err } = ir(fakePython(0), ...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(says);
  });

  test("is the only one that needs Python", () => {
    expect(ir("/nowhere/python").out).toContain("func @step(");
    const { code, err } = ir("/nowhere/python", "--stage", "torch");
    expect(code).not.toBe(0);
    expect(err).toContain("F2C6001");
    expect(err).toMatch(/cannot print what torch gets: .*ENOENT/);
  });
});

describe("the host's text", () => {
  const module = verified(parseModule("module @m version 1.2 { func @f() -> () { return() } }"));

  test("is refused with what the host said last where it fails", () => {
    const python = fakePython(1, "Traceback\nHostError: no such thing");
    expect(() => torchText(module, python, { backend: "eager" })).toThrow(
      /cannot print what torch gets: HostError: no such thing$/,
    );
  });

  test("is refused with what to do where no host is set up", () => {
    expect(() => torchText(module, undefined, { backend: "eager" })).toThrow(
      expect.objectContaining({
        code: "F2C6001",
        message: "--stage torch is printed by the PyTorch host, which is not set up",
        hint: expect.stringMatching(/^f2c-dsl setup .* the other stages need no Python$/),
      }),
    );
  });
});
