import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkedEntry } from "#compiler/frontend/checked-cache";
import { CompileError, loadExperiment } from "#compiler/index";

const environment = { ...process.env };
let folder: string;
let entry: string;
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
const clean = (options = "strict") => checkedEntry(entry, options).clean !== undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "f2c-cache-"));
  entry = join(folder, "exp.ts");
  process.env.XDG_CACHE_HOME = join(folder, "cache");
  delete process.env.F2C_NO_CACHE;
  write("exp.ts", 'import { size } from "./size.js";\nexport const twice = 2 * size;\n');
  write("size.ts", "export const size = 4;\n");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  process.env = { ...environment };
});

describe("what was found to type-check", () => {
  test("is known as long as nothing of it changes", () => {
    expect(clean()).toBe(false);
    checkedEntry(entry, "strict").remember();
    expect(clean()).toBe(true);
    expect([...checkedEntry(entry, "strict").clean!.keys()].sort()).toEqual([entry, join(folder, "size.ts")]);
  });

  test.each([
    ["the file", () => write("exp.ts", "export const one = 1;\n")],
    ["a file that it imports", () => write("size.ts", 'export const size = "4";\n')],
  ])("is asked for again after a change of %s", (_, change) => {
    checkedEntry(entry, "strict").remember();
    change();
    expect(clean()).toBe(false);
  });

  test("is asked for again with other options, and where the environment says so", () => {
    checkedEntry(entry, "strict").remember();
    expect(clean("loose")).toBe(false);
    process.env.F2C_NO_CACHE = "1";
    expect(clean()).toBe(false);
  });

  test("is never remembered of a program that takes types from a package", () => {
    write("size.ts", 'import { readFileSync } from "node:fs";\nexport const size = readFileSync.length;\n');
    checkedEntry(entry, "strict").remember();
    expect(clean()).toBe(false);
  });

  test("a folder that cannot be written is no cache and no error", () => {
    process.env.XDG_CACHE_HOME = entry;
    checkedEntry(entry, "strict").remember();
    expect(clean()).toBe(false);
  });
});

test("a program with a type error is refused every time", () => {
  write("size.ts", 'export const size: number = "4";\n');
  for (let i = 0; i < 2; i++) expect(() => loadExperiment(entry)).toThrow(CompileError);
});
