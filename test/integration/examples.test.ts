/** Every example runs: those that are studies make their stages. What others of these files run longer is left to them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { cli, metrics, root } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-examples-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** `backends.test.ts` runs these on two backends; `orl-faces` needs its photographs. */
const ELSEWHERE = ["quickstart.ts", "orl-faces.ts", "own-method.ts", "dcq.ts", "deep.ts"];
const examples = readdirSync(join(root, "examples")).filter(
  (name) => name.endsWith(".ts") && !ELSEWHERE.includes(name),
);

test.each(examples)(
  "examples/%s, two steps of each training",
  async (name) => {
    // Forty pictures to score with, and not six hundred: what they score is not looked at here.
    const text = readFileSync(join(root, "examples", name), "utf8");
    const file = join(home, name);
    writeFileSync(
      file,
      text.replaceAll("syntheticFaces({", "syntheticFaces({ heldOut: { identities: 20, images: 2 },"),
    );
    const folder = join(home, name.replace(".ts", ""));
    const done = await cli(["run", file, "--run-dir", folder, "--steps", "2"]);
    expect(done.code, done.err).toBe(0);
    if (!text.includes("export default study(")) {
      expect(metrics(folder).filter(({ loss }) => loss !== undefined)).toHaveLength(2);
      return;
    }
    const stages = readdirSync(folder).filter((stage) => existsSync(join(folder, stage, "artefact.json")));
    expect(stages.length).toBeGreaterThan(1);
  },
  400_000,
);
