/**
 * The way of the field's files: trained from a RecordIO file, verified in the run from a `.bin` of unseen people, exported, and scored
 * from the ONNX file alone; on drawn faces in colour and, where they lie on this machine, on photographs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirePython } from "#runtime/index";
import { cli, root } from "./cli.js";

const home = mkdtempSync(join(tmpdir(), "f2c-real-data-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const PHOTOGRAPHS = process.env.F2C_ORL_FACES ?? join(root, "../shared/data/orl-faces");

const images = (channels: number, more = "") =>
  `{ path: "unseen.bin", size: [56, 48], channels: ${channels}${more} }`;
const experiment = (channels: number) => `
import { binSet, cosFace, dual, experiment, f2c, listedPairs, mobileFaceNet, multistep, recordIO, sgd } from "f2c-dsl";
export default experiment({
  name: "field",
  data: recordIO({ path: "train.rec", size: [56, 48], channels: ${channels} }),
  method: f2c({
    net: mobileFaceNet({ embedding: 64, width: 0.25 }),
    pool: { capacity: 28, rows: 2 },
    margin: cosFace({ scale: 16, margin: 0.2 }),
    ema: 0.9,
  }),
  loader: dual({ identities: 10, instances: 10 }),
  optimizer: sgd({ momentum: 0.9 }),
  lr: multistep({ base: 0.05, epochs: [5, 8], factor: 0.2 }),
  steps: 100,
  export: ["onnx"],
  evaluate: { unseen: listedPairs({ data: binSet(${images(channels)}) }) },
});
`;
const protocol = (channels: number, more = "") => `
import { binSet, listedPairs } from "f2c-dsl";
export default listedPairs({ data: binSet(${images(channels, more)}) });
`;

type Numbers = Readonly<Record<string, { readonly value: number | null }>>;

const KINDS: readonly (readonly [kind: string, of: string, channels: number])[] = [
  ["drawn faces in colour", "drawn", 3],
  ...(existsSync(PHOTOGRAPHS) ? [["photographs", PHOTOGRAPHS, 1] as const] : []),
];

describe.each(KINDS)("%s", (kind, of, channels) => {
  const folder = join(home, kind.replaceAll(" ", "-"));
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    mkdirSync(folder);
    const made = spawnSync(requirePython(), [join(root, "test/fixtures/field-files.py"), folder, of], {
      encoding: "utf8",
    });
    expect(made.stderr).toBe("");
    writeFileSync(at("exp.ts"), experiment(channels));
    const trained = await cli(["run", at("exp.ts"), "--run-dir", at("run"), "--threads", "1"]);
    expect(trained.code, trained.err).toBe(0);
  }, 300_000);

  const inTheRun = (subject: string): Numbers =>
    JSON.parse(readFileSync(at("run/summary.json"), "utf8")).results.unseen[subject].numbers;

  async function scored(eval_: string): Promise<Numbers> {
    writeFileSync(at("eval.ts"), eval_);
    const given = [
      "eval",
      at("run/net.onnx"),
      "--protocol",
      at("eval.ts"),
      "--threads",
      "1",
      "--json",
      at("found.json"),
    ];
    const { code, err } = await cli(given);
    expect(code, err).toBe(0);
    const { evaluations } = JSON.parse(readFileSync(at("found.json"), "utf8"));
    return (Object.values(evaluations) as { numbers: Numbers }[])[0]!.numbers;
  }

  test("unseen people are told apart better than by an untrained net", () => {
    expect(inTheRun("trained").accuracy!.value).toBeGreaterThan(
      inTheRun("untrained").accuracy!.value! + 0.05,
    );
  });

  test("the ONNX file scores as the run did", async () => {
    const found = await scored(protocol(channels));
    expect(Object.keys(found)).toEqual(Object.keys(inTheRun("trained")));
    for (const [name, { value }] of Object.entries(found)) {
      // The cosine of one pair, of embeddings in f32 that each runtime sums in its own order.
      const digits = name.includes("threshold at") ? 7 : 9;
      expect(value, name).toBeCloseTo(inTheRun("trained")[name]!.value!, digits);
    }
  }, 120_000);

  test.runIf(channels === 3)(
    "and otherwise, worse, with red and blue swapped",
    async () => {
      const swapped = await scored(protocol(channels, ', channelOrder: "bgr"'));
      expect(swapped).not.toEqual(inTheRun("trained"));
      expect(swapped.accuracy!.value).toBeLessThan(inTheRun("trained").accuracy!.value!);
    },
    120_000,
  );
});
