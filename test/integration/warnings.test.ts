import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cli, tiny } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-warnings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("`check` of a program that compiles and is probably not meant", () => {
  // 40 identities; 24 steps end in the second epoch.
  const path = join(folder, "experiment.ts");
  const text = readFileSync(tiny, "utf8").replace("capacity: 24", "capacity: 45").replace("[1]", "[3]");
  writeFileSync(path, text);

  test("prints the warnings with their lines, and is content", async () => {
    const { code, out, err } = await cli(["check", path]);
    expect(code).toBe(0);
    expect(out).toContain("24 steps; no errors");
    expect(err).toMatch(/warning F2C2111: `lr` has milestones/);
    expect(err).toMatch(/lr: multistep.*\n.*\^{3}/);
    expect(err).toMatch(/warning F2C2305:/);
    expect(err).toMatch(/2 warnings\n$/);
  });

  test("gives them to programs, with lines and columns", async () => {
    const { code, out } = await cli(["check", path, "--json"]);
    expect(code).toBe(0);
    const told = JSON.parse(out);
    expect(told).toMatchObject({ errors: 0, warnings: 2 });
    expect(told.diagnostics.map((d: { code: string }) => d.code)).toEqual(["F2C2111", "F2C2305"]);
    const line = text.split("\n").findIndex((written) => written.includes("capacity: 45")) + 1;
    expect(told.diagnostics[1]).toMatchObject({ severity: "warning", span: { from: { line } } });
  });
});
