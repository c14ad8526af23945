import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = new URL("../../", import.meta.url).pathname;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "f2c-code-cache-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a script with this code before it; what it wrote to stderr. */
function run(before: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { stderr, status } = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(before)}`, ...args],
    {
      encoding: "utf8",
      env: { ...process.env, XDG_CACHE_HOME: folder, F2C_NO_CACHE: "", NODE_COMPILE_CACHE: "", ...env },
    },
  );
  expect(status, stderr).toBe(0);
  return stderr;
}

describe("Node's cache of compiled code", () => {
  /** The folders that a command asks Node to use, whatever version this Node is. */
  const asked = (env: NodeJS.ProcessEnv = {}) =>
    run(
      `import module from "node:module";
       module.enableCompileCache = (...args) => console.error(JSON.stringify(args));`,
      [join(root, "dist/runtime/cli/main.js"), "--version"],
      env,
    );

  test("is given a folder of the user's own", () => {
    expect(asked()).toBe(`${JSON.stringify([join(folder, "f2c-dsl", "code")])}\n`);
  });

  test("is not used where that folder is somebody else's: without one Node would take one in /tmp", () => {
    mkdirSync(join(folder, "f2c-dsl"));
    symlinkSync(tmpdir(), join(folder, "f2c-dsl", "code"));
    expect(asked()).toBe("");
  });

  test("is not used where no cache is wanted", () => {
    expect(asked({ F2C_NO_CACHE: "1" })).toBe("");
  });

  test("is on before anything large is loaded", () => {
    const loaded = run(
      `import module from "node:module";
       module.enableCompileCache = () => console.error(Object.keys(module._cache).join("\\n"));`,
      [join(root, "dist/runtime/cli/main.js"), "--version"],
    );
    expect(loaded).not.toMatch(/typescript|zeromq/);
  });

  test("no package has a cache of its own", () => {
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    expect(Object.keys(lock.packages).filter((name) => /compile-cache/.test(name))).toEqual([]);
  });
});

test("to show a program that is known to type-check, neither ts-morph, TypeScript's libraries nor sockets are loaded", () => {
  const showing = [
    join(root, "dist/runtime/cli/main.js"),
    "ir",
    join(root, "test/fixtures/experiments/tiny.ts"),
  ];
  const packages = () =>
    run(
      `import module from "node:module";
       process.on("exit", () => console.error(Object.keys(module._cache).join("\\n")));`,
      showing,
    );
  expect(packages()).toMatch(/ts-morph-common\.js/);
  const again = packages();
  expect(again).toMatch(/typescript\.js/);
  expect(again).not.toMatch(/ts-morph-common\.js|ts-morph\.js|zeromq/);
});
