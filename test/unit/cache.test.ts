import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkedEntry, emitted } from "#compiler/frontend/load/cache";
import { CompileError, loadExperiment } from "#compiler/index";
import { restoreEnvironment } from "../environment.js";

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
  restoreEnvironment(environment);
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
    write("size.ts", 'import { readFile } from "some-package";\nexport const size = readFile.length;\n');
    checkedEntry(entry, "strict").remember();
    expect(clean()).toBe(false);
  });

  test("is remembered of one that imports Node's modules, whose types are this package's", () => {
    write("size.ts", 'import { readFileSync } from "node:fs";\nexport const size = readFileSync.length;\n');
    expect(clean()).toBe(false);
    checkedEntry(entry, "strict").remember();
    expect(clean()).toBe(true);
  });

  test("a folder that cannot be written is no cache and no error", () => {
    process.env.XDG_CACHE_HOME = entry;
    checkedEntry(entry, "strict").remember();
    expect(clean()).toBe(false);
  });
});

describe("what a source became", () => {
  /** What is said of a source, and whether it was made for it. */
  const ask = (path: string, text: string) => {
    let made = false;
    const answer = emitted(path, text, () => {
      made = true;
      return `of ${path}: ${text}`;
    });
    return { answer, made };
  };

  test("is made once, for its path and its text", () => {
    expect(ask(entry, "1")).toEqual({ answer: `of ${entry}: 1`, made: true });
    expect(ask(entry, "1")).toEqual({ answer: `of ${entry}: 1`, made: false });
    expect(ask(entry, "2").made).toBe(true);
    expect(ask(join(folder, "size.ts"), "1").made).toBe(true);
  });

  test("is made every time without a cache", () => {
    process.env.F2C_NO_CACHE = "1";
    ask(entry, "1");
    expect(ask(entry, "1").made).toBe(true);
    delete process.env.F2C_NO_CACHE;
    process.env.XDG_CACHE_HOME = entry;
    ask(entry, "1");
    expect(ask(entry, "1").made).toBe(true);
  });

  test("an experiment that throws does so at its line, made anew or not", () => {
    // Vitest prepares stacks by itself; without, Node maps them to the TypeScript that ran, as it does for users.
    (Error as { prepareStackTrace?: unknown }).prepareStackTrace = undefined;
    write("exp.ts", '\n\nthrow new Error("no");\n');
    for (let i = 0; i < 2; i++) {
      try {
        loadExperiment(entry);
        expect.unreachable();
      } catch (error) {
        expect((error as CompileError).diagnostics[0]!.span!.start).toBe(8);
      }
    }
  });
});

test("a program with a type error is refused every time", () => {
  write("size.ts", 'export const size: number = "4";\n');
  for (let i = 0; i < 2; i++) expect(() => loadExperiment(entry)).toThrow(CompileError);
});
