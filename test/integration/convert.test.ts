/** `f2c-dsl convert` in the built command and the real host. What it makes of which file shows `python-host/tests/test_convert.py`. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
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
for rank in range(2): torch.save({"weight": torch.full((2, 3), float(rank))}, sys.argv[2] % rank)
torch.save({"w": torch.ones(1), "o": torch.nn.Identity()}, sys.argv[3])
`;
  const files = [at("net.pth"), at("softmax_fc_gpu_%d.pt"), at("object.pt")];
  execFileSync(findPython()!, ["-c", write, ...files]);
});

test("a table says what was done, and the file lies beside the one that it was made of", async () => {
  const { code, out } = await cli(["convert", at("net.pth")]);
  expect(code).toBe(0);
  expect(out.split("\n").slice(0, 5)).toEqual([
    "left     1  epoch",
    "opened      state_dict",
    "cut off  1  module. before every name",
    "taken    1  under their names",
    "",
  ]);
  expect(out).toMatch(/net\.safetensors: 1 tensors, \d+ bytes\n$/);
  expect(readFileSync(at("net.safetensors")).includes('"fc.weight":{"dtype":"F32","shape":[2,3]')).toBe(true);
});

test("a file that is there stays, unless it may be written over", async () => {
  const before = statSync(at("net.safetensors")).mtimeMs;
  const refused = await cli(["convert", at("net.pth")]);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("F2C6217")]);
  expect(statSync(at("net.safetensors")).mtimeMs).toBe(before);
  expect((await cli(["convert", at("net.pth"), "--overwrite"])).code).toBe(0);
  expect(statSync(at("net.safetensors")).mtimeMs).toBeGreaterThan(before);
});

test("several files make one that must be named", async () => {
  const shards = [0, 1].map((rank) => at(`softmax_fc_gpu_${rank}.pt`));
  const refused = await cli(["convert", ...shards]);
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("F2C1108")]);
  const { out } = await cli(["convert", ...shards, "--to", at("centres.safetensors")]);
  expect(out).toContain("merged  2  into centres [4, 3], in the order of ranks");
});

test("what the host refuses is an error like any other, and makes no file", async () => {
  const { code, err } = await cli(["convert", at("object.pt")]);
  expect(code).toBe(1);
  expect(err).toMatch(
    /error F2C6213: .*object\.pt` holds more than tensors: torch\.nn\.modules\.linear\.Identity/,
  );
  expect(err).toContain("help: if you trust it, save its tensors alone");
  expect(existsSync(at("object.safetensors"))).toBe(false);
});
