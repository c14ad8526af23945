/** `f2c-dsl convert` in the built command and the real host. What it makes of which file shows `python-host/tests/test_convert.py`. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findPython } from "#runtime/bridge/python-environment";
import { cli } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-convert-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const at = (name: string) => join(home, name);

beforeAll(() => {
  const write = `
import sys, torch
torch.save({"epoch": 3, "state_dict": {"module.fc.weight": torch.ones(2, 3)}}, sys.argv[1])
torch.save({"w": torch.ones(1), "o": torch.nn.Identity()}, sys.argv[2])
`;
  execFileSync(findPython()!, ["-c", write, at("net.pth"), at("object.pt")]);
});

test("a table says what was done, and the file lies beside the one that it was made of", async () => {
  const to = at("net.safetensors");
  writeFileSync(to, "there before");
  const refused = await cli(["convert", at("net.pth")]);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("F2C6217")]);
  expect(readFileSync(to, "utf8")).toBe("there before");

  const { code, out } = await cli(["convert", at("net.pth"), "--overwrite"]);
  expect(code).toBe(0);
  expect(out.split("\n").slice(0, 5)).toEqual([
    "left     1  epoch",
    "opened      state_dict",
    "cut off  1  module. before every name",
    "taken    1  under their names",
    "",
  ]);
  expect(out).toMatch(/net\.safetensors: 1 tensors, \d+ bytes\n$/);
  expect(readFileSync(to).includes('"fc.weight":{"dtype":"F32","shape":[2,3]')).toBe(true);
});

test("several files make one that must be named", async () => {
  const { code, err } = await cli(["convert", at("net.pth"), at("object.pt")]);
  expect([code, err]).toEqual([2, expect.stringContaining("F2C1108")]);
});

test("what the host refuses is an error like any other, and makes no file", async () => {
  const { code, err } = await cli([
    "convert",
    at("net.pth"),
    at("object.pt"),
    "--to",
    at("both.safetensors"),
  ]);
  expect(code).toBe(1);
  expect(err).toMatch(
    /error F2C6213: .*object\.pt` holds more than tensors: torch\.nn\.modules\.linear\.Identity/,
  );
  expect(err).toContain("help: if you trust it, save its tensors alone");
  expect(existsSync(at("both.safetensors"))).toBe(false);
});
