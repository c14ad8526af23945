import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-current-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a module of Python beside the experiment is not executed by the host", () => {
  // queue is one of many that torch imports; Python looked in the current folder first.
  writeFileSync(join(folder, "queue.py"), 'open("executed", "w").close()\n');
  const { status, stdout } = spawnSync(process.execPath, [join(root, "dist/runtime/cli/main.js"), "doctor"], {
    cwd: folder,
    encoding: "utf8",
  });
  expect(stdout).toContain("torch");
  expect(status).toBe(0);
  expect(existsSync(join(folder, "executed"))).toBe(false);
});
