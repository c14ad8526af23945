import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { checkedEntry, emitted } from "#compiler/frontend/load/cache";
import { cachePath, ownFolder, ownFolderIfAny } from "#compiler/frontend/user-cache";
import { restoreEnvironment } from "../environment.js";

const environment = { ...process.env };
let folder: string;
const ours = (...names: string[]) => join(folder, "f2c-dsl", ...names);
const modeOf = (path: string) => lstatSync(path).mode & 0o777;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "f2c-user-cache-"));
  process.env.XDG_CACHE_HOME = folder;
  delete process.env.F2C_NO_CACHE;
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
  restoreEnvironment(environment);
});

describe("a folder of the cache", () => {
  test("is made for this user alone, whatever the umask", () => {
    const before = process.umask(0);
    try {
      expect(ownFolder("kind")).toBe(ours("kind"));
    } finally {
      process.umask(before);
    }
    expect([modeOf(ours()), modeOf(ours("kind"))]).toEqual([0o700, 0o700]);
  });

  test("that others could read is closed, and keeps what it holds", () => {
    mkdirSync(ours("kind"), { recursive: true });
    chmodSync(ours(), 0o755);
    chmodSync(ours("kind"), 0o755);
    writeFileSync(ours("kind", "entry"), "");
    ownFolder("kind");
    expect([modeOf(ours()), modeOf(ours("kind"))]).toEqual([0o700, 0o700]);
    expect(existsSync(ours("kind", "entry"))).toBe(true);
  });

  test.each([0o777, 0o720, 0o702])("that others could write to (%o) is emptied", (mode) => {
    mkdirSync(ours("kind"), { recursive: true });
    writeFileSync(ours("kind", "planted"), "");
    chmodSync(ours("kind"), mode);
    ownFolder("kind");
    expect(existsSync(ours("kind", "planted"))).toBe(false);
    expect(modeOf(ours("kind"))).toBe(0o700);
  });

  test.each([[], ["kind"]])("that is a link is not used: f2c-dsl/%s", (...names) => {
    const target = join(folder, "elsewhere");
    mkdirSync(target);
    mkdirSync(join(ours(...names), ".."), { recursive: true });
    symlinkSync(target, ours(...names));
    expect(() => ownFolder("kind")).toThrow("is not a folder");
    expect(ownFolderIfAny("kind")).toBeUndefined();
  });

  test("that belongs to somebody else is not used", () => {
    ownFolder("kind");
    const user = process.getuid!();
    vi.spyOn(process, "getuid").mockReturnValue(user + 1);
    expect(() => ownFolder("kind")).toThrow(`belongs to user ${user}, not to you (${user + 1})`);
  });

  test.each(["", "here", "./here"])("does not lie where one happens to be: XDG_CACHE_HOME=%j", (value) => {
    process.env.XDG_CACHE_HOME = value;
    expect(cachePath("kind")).toBe(join(homedir(), ".cache", "f2c-dsl", "kind"));
  });
});

test("JavaScript that somebody else could have planted is not executed", () => {
  expect(emitted("exp.ts", "1", () => "ours")).toBe("ours");
  expect(emitted("exp.ts", "1", () => "made again")).toBe("ours");
  const user = process.getuid!();
  vi.spyOn(process, "getuid").mockReturnValue(user + 1);
  expect(emitted("exp.ts", "1", () => "made again")).toBe("made again");
});

test("nor is a program believed to type-check because somebody else says so", () => {
  const entry = join(folder, "exp.ts");
  writeFileSync(entry, "export const one = 1;\n");
  checkedEntry(entry, "").remember();
  expect(checkedEntry(entry, "").clean).toBeDefined();
  const user = process.getuid!();
  vi.spyOn(process, "getuid").mockReturnValue(user + 1);
  expect(checkedEntry(entry, "").clean).toBeUndefined();
});
