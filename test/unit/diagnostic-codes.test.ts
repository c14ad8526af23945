import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url).pathname;

function* sources(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* sources(path);
    else if (/\.(ts|py)$/.test(name)) yield path;
  }
}

const codesIn = (text: string) => text.match(/F2C[1-9]\d{3}/g) ?? [];

/** `F2C1004 – F2C1010` stands for all between. */
function documented(): Set<string> {
  const text = readFileSync(join(root, "docs/diagnostics.md"), "utf8");
  const codes = new Set(codesIn(text));
  for (const [, from, to] of text.matchAll(/F2C(\d{4}) – F2C(\d{4})/g))
    for (let n = Number(from); n <= Number(to); n++) codes.add(`F2C${n}`);
  return codes;
}

test("every code that the sources raise is documented", () => {
  const raised = ["dsl", "compiler", "runtime", "python-host/src"].flatMap((folder) =>
    [...sources(join(root, folder))].flatMap((path) => codesIn(readFileSync(path, "utf8"))),
  );
  const known = documented();
  expect([...new Set(raised)].filter((code) => !known.has(code))).toEqual([]);
});
