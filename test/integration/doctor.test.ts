import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cli } from "./cli.js";

const folder = mkdtempSync(join(tmpdir(), "f2c-doctor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What doctor finds in a Python whose torch says that it is this one. */
async function findings(torch: string): Promise<{ name: string; ok: boolean; found: string }[]> {
  writeFileSync(join(folder, "sitecustomize.py"), `import torch\ntorch.__version__ = "${torch}"\n`);
  const paths = [folder, process.env.PYTHONPATH ?? ""].filter((path) => path !== "");
  const { out } = await cli(["doctor", "--json"], { PYTHONPATH: paths.join(delimiter) });
  return JSON.parse(out);
}

test("doctor says of a torch that nobody has tried that it is allowed, and of one that was tried nothing", async () => {
  const untried = await findings("2.15.0");
  expect(untried).toContainEqual({
    name: "torch",
    ok: true,
    found: expect.stringMatching(/^torch 2\.15\.0 is allowed, not tried yet; the tests ran with 2\.11\.0, /),
  });
  const tried = await findings("2.14.1");
  expect(tried.map((finding) => finding.name)).not.toContain("torch");
  for (const list of [untried, tried]) expect(list.filter((f) => f.name === "host" && f.ok)).toHaveLength(1);
});

test("doctor says of a torch that the host has no adapter for which ones it has", async () => {
  expect(await findings("2.10.0")).toContainEqual(
    expect.objectContaining({
      name: "host",
      ok: false,
      found: expect.stringMatching(/torch 2\.10\.0 is installed; this host works with 2\.11, .*2\.15/),
    }),
  );
});
