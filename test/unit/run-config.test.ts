import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readConfig, recordChanges, writeConfig } from "#runtime/run/config";
import type { RunIdentity } from "#runtime/run/identity";

const root = mkdtempSync(join(tmpdir(), "f2c-config-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const identity = (name: string): RunIdentity => ({ version: 1, options: { name }, versions: {} });
const difference = { option: "lr", was: "0.1", is: "0.2" };

test("what a resume changes is added to the history, and the identity is the one from then on", () => {
  writeConfig(root, { name: "a", identity: identity("a") });
  for (const [step, name] of [
    [40, "b"],
    [80, "c"],
  ] as const) {
    const now = new Date(Date.UTC(2024, 0, 2, 3, 4, step / 40));
    writeConfig(root, recordChanges(readConfig(root)!, step, [difference], identity(name), now));
  }
  expect(readConfig(root)).toEqual({
    name: "a",
    identity: identity("c"),
    changes: [
      { step: 40, at: "2024-01-02T03:04:01.000Z", differences: [difference] },
      { step: 80, at: "2024-01-02T03:04:02.000Z", differences: [difference] },
    ],
  });
});

test("a resume that changes nothing adds nothing", () => {
  expect(recordChanges({ name: "a" }, 5, [], identity("a"))).toEqual({ name: "a", identity: identity("a") });
});

test("a configuration that is missing is none; one that is damaged is said to be", () => {
  expect(readConfig(join(root, "nowhere"))).toBeUndefined();
  for (const text of ['{"name": "a', "[]", "null", ""]) {
    writeFileSync(join(root, "config.json"), text);
    expect(() => readConfig(root)).toThrow(expect.objectContaining({ code: "F2C6430", kind: "user" }));
  }
  rmSync(join(root, "config.json"));
  mkdirSync(join(root, "config.json"));
  expect(() => readConfig(root)).toThrow(expect.objectContaining({ code: "F2C6430", kind: "user" }));
});
