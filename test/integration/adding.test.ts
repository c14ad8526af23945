/**
 * What adding one of each kind touches, by doing it: `test/fixtures/adding/<kind>` holds the files of its own, in the folders where they
 * belong, and the lines elsewhere stand here. Both go into a copy of the sources, which is built as a contributor builds it; a study
 * then uses all that was added, in the built command and the real host. What the copy differs in is what docs/house.md says.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { diffLines } from "diff";
import { afterAll, beforeAll, expect, test } from "vitest";
import { IR_VERSION } from "#compiler/ir/module";
import { generatedFiles } from "#compiler/registry/generate";
import { requirePython } from "#runtime/bridge/python-environment";
import { metrics, root, stageFolder } from "./cli.js";

const FIXTURES = join(root, "test/fixtures/adding");

/** A line elsewhere: the file, the line before which it stands, and the line. */
type Line = readonly [file: string, before: string, line: string];

/** By the names that docs/house.md gives them. */
const ADDED: Readonly<Record<string, readonly Line[]>> = {
  sampler: [["dsl/samplers/index.ts", 'export * from "./instances.js";', 'export * from "./one-by-one.js";']],
  augmentation: [
    [
      "dsl/augmentations/index.ts",
      'export * from "./low-resolution.js";',
      'export * from "./upside-down.js";',
    ],
  ],
  protocol: [
    ["dsl/evaluate/index.ts", 'export * from "./identification.js";', 'export * from "./cohesion.js";'],
  ],
  exporter: [
    [
      "python-host/src/f2c_host/export/__init__.py",
      "from . import insightface, onnx, safetensors, torchscript",
      "from . import names",
    ],
    [
      "python-host/src/f2c_host/export/__init__.py",
      '    "torchscript": Exporter(".pt", torchscript.write),',
      '    "names": Exporter(".txt", names.write),',
    ],
  ],
  observer: [
    [
      "runtime/observe/every-run.ts",
      'import { JsonLines } from "./json-lines.js";',
      'import { Endings } from "./endings.js";',
    ],
    [
      "runtime/observe/every-run.ts",
      "  new JsonLines(folder.history),",
      '  new Endings(folder.file("endings.txt")),',
    ],
  ],
  "tool that follows a run": [
    [
      "dsl/observe/index.ts",
      'import { tensorboard } from "./tensorboard.js";',
      'import { sheet } from "./sheet.js";',
    ],
    [
      "dsl/observe/index.ts",
      'export { tensorboard } from "./tensorboard.js";',
      'export { sheet } from "./sheet.js";',
    ],
    ["dsl/observe/index.ts", "  tensorboard,", "  sheet,"],
    [
      "python-host/src/f2c_host/follow/__init__.py",
      '    "tensorboard": Tool("tensorboard", "tensorboard"),',
      '    "sheet": Tool("csv", "csv"),',
    ],
  ],
  pass: [
    [
      "compiler/passes/pipeline.ts",
      'import { remat } from "./remat.js";',
      'import { quotients } from "./quotients.js";',
    ],
    ["compiler/passes/pipeline.ts", "  fold,", "  quotients,"],
  ],
  "image source": [
    ["dsl/data/index.ts", 'export * from "./synthetic-faces.js";', 'export * from "./record-faces.js";'],
    [
      "python-host/src/f2c_host/data/__init__.py",
      "from f2c_host.data.synthetic_faces import SyntheticFaces",
      "from f2c_host.data.record_faces import RecordFaces",
    ],
    [
      "python-host/src/f2c_host/data/__init__.py",
      '    "synthetic_faces": SyntheticFaces,',
      '    "record_faces": RecordFaces,',
    ],
  ],
  op: [
    [
      "compiler/registry/ops/elementwise.ts",
      '  log: unary("log", "The natural logarithm.", "full"),',
      '  expm1: unary("expm1", "e to the power of each element, minus 1.", "full"),',
    ],
  ],
  stage: [
    ["dsl/stages/index.ts", 'export { netAlone } from "./net-alone.js";', 'export * from "./lookalikes.js";'],
    [
      "runtime/stages/kinds/index.ts",
      'export { training } from "./training.js";',
      'export { lookalikes } from "./lookalikes.js";',
    ],
  ],
};

/** What `npm run generate` writes anew: for an op the tables of both languages, and what is frozen of the IR's newest version. */
const TABLES = Object.keys(generatedFiles()).sort();
const FROZEN = `test/fixtures/ir/${IR_VERSION.join(".")}/`;

/** All that is built, or written by a build. */
const PARTS = [
  ...["dsl", "compiler", "runtime", "bench", "dist", "docs", "examples", "python-host/src", "test"],
  ...["package.json", "tsconfig.json"],
];

const copy = mkdtempSync(join(tmpdir(), "f2c-adding-"));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

const filesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !/(^|\/)(dist|node_modules|__pycache__)\//.test(path))
    .sort();

const folderOf = (kind: string) => join(FIXTURES, kind.replaceAll(" ", "-"));
/** The files that a kind has of its own: an op has none. */
const ownFiles = (kind: string) => (existsSync(folderOf(kind)) ? filesIn(folderOf(kind)) : []);

function insert([file, before, line]: Line): void {
  const path = join(copy, file);
  const lines = readFileSync(path, "utf8").split("\n");
  expect(
    lines.filter((other) => other === before),
    `${file} has it once`,
  ).toEqual([before]);
  lines.splice(lines.indexOf(before), 0, line);
  writeFileSync(path, lines.join("\n"));
}

const run = (command: string, ...args: readonly string[]): SpawnSyncReturns<string> =>
  spawnSync(command, args, {
    cwd: copy,
    encoding: "utf8",
    env: {
      ...process.env,
      NO_COLOR: "1",
      F2C_PYTHON: requirePython(),
      PYTHONPATH: join(copy, "python-host/src"),
    },
  });
const f2c = (line: string) => run(process.execPath, "dist/runtime/cli/main.js", ...line.split(" "));

/** Photographs of three people to train on, which lie apart in the file, and of two who are kept back. */
const [PEOPLE, EACH, KEPT] = [3, 4, 2];
const PIXELS = 3 * 8 * 8;
const records = Array.from({ length: PEOPLE * EACH + 2 * KEPT }, (_, record) => ({
  person: record < PEOPLE * EACH ? record % PEOPLE : PEOPLE + (record % KEPT),
  pixels: Uint8Array.from({ length: PIXELS }, (_, i) => (37 * record + 11 * i + record * record * i) % 256),
}));
// Record 5, the second of the third person, is also the first of the first one.
records[5]!.pixels.set(records[0]!.pixels);
// Those who are kept back have one photograph each, twice.
for (const record of [12, 13]) records[record + 2]!.pixels.set(records[record]!.pixels);

beforeAll(() => {
  for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const [kind, lines] of Object.entries(ADDED)) {
    for (const file of ownFiles(kind)) cpSync(join(folderOf(kind), file), join(copy, file));
    for (const line of lines) insert(line);
  }
  const built = run("npm", "run", "-s", "generate");
  expect(built.status, built.stdout + built.stderr).toBe(0);
  for (const file of ["proxy.ts", "study.ts"]) cpSync(join(FIXTURES, file), join(copy, file));
  const bytes = records.flatMap(({ person, pixels }) => [person, ...pixels]);
  writeFileSync(join(copy, "faces.bin"), Uint8Array.from(bytes));
}, 300_000);

test("a pass is in the pipeline, under its name", () => {
  const { stdout } = f2c("ir study.ts --of proxy --print-after quotients --function step");
  // One where pixels become images: in the step, and in the two functions that embed.
  expect(stdout).toContain("// after quotients: 3 products\n");
  expect(stdout).toMatch(/ = constant\(0\.0078125\) : f64\n.* = mul\(/);
  expect(stdout).not.toMatch(/ = div\(/);
});

const folder = (stage: string) => stageFolder(join(copy, "made"), stage)!;
const read = (stage: string, file: string) => readFileSync(join(folder(stage), file), "utf8");

test("all are used, in the host too", () => {
  const first = f2c("run study.ts --run-dir made");
  expect(first.status, first.stderr).toBe(0);
  // Source, sampler, augmentation, op: the mean of e^x - 1 of all pixels, normalised as every loader does, however they stand.
  const trained = records.slice(0, PEOPLE * EACH).flatMap(({ pixels }) => [...pixels]);
  const level = trained.reduce((sum, pixel) => sum + Math.expm1((pixel - 127.5) / 128), 0) / trained.length;
  const levels = metrics(folder("proxy")).map((step) => step.level);
  expect(levels).toEqual([expect.closeTo(level, 5), expect.closeTo(level, 5)]);
  // Protocol, exporter, observer.
  const { results } = JSON.parse(read("proxy", "summary.json"));
  expect(results.cohesion.trained.numbers.mean.value).toBeCloseTo(1, 5);
  expect(read("proxy", "net.txt")).toBe("fc.bias\nfc.weight\n");
  expect(read("proxy", "endings.txt")).toBe("complete\n");
  const left = Object.keys(JSON.parse(read("proxy", "artefact.json")).files);
  expect(left).toEqual(["ir.json", "net.safetensors", "net.txt", "summary.json"]);
  // Stage: images are numbered by person, and record 0 is the first person's first, 5 the third person's second.
  const found: number[] = JSON.parse(read("alike", "lookalikes.json"));
  expect(found).toHaveLength(PEOPLE * EACH);
  expect([found[0], found[2 * EACH + 1]]).toEqual([2 * EACH + 1, 0]);
  const artefact = JSON.parse(read("alike", "artefact.json"));
  expect(artefact).toMatchObject({
    kind: "lookalikes",
    files: { "lookalikes.json": { bytes: expect.any(Number) } },
  });
  const again = f2c("run study.ts --run-dir made");
  expect(again.stderr).toMatch(/^alike +lookalikes +made, is not made again +from proxy$/m);
}, 300_000);

test("a tool follows a run", () => {
  const { status, stderr } = f2c("run proxy.ts --run-dir watched --observe sheet");
  expect(status, stderr).toBe(0);
  const lines = readFileSync(join(copy, "watched/sheet.csv"), "utf8").trim().split(/\r?\n/);
  const [{ level }] = metrics(join(copy, "watched")) as [{ level: number }];
  expect(lines).toContain(`0,train/level,${level}`);
  expect(lines.at(-1)).toBe(",outcome,complete");
}, 300_000);

/** `2 in `a/`, 1 in `b/``, in the order in which they stand. */
const counted = (places: readonly string[]) =>
  [...new Set(places)]
    .map((place) => `${places.filter((other) => other === place).length} in \`${place}\``)
    .join(", ") || "none";

/** The rows of the table in docs/house.md by their first cells. */
const table = new Map(
  readFileSync(join(root, "docs/house.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, kind, ...cells]) => [kind!, cells] as const),
);

test.each(Object.entries(ADDED))("docs/house.md says what a new %s touches", (kind, lines) => {
  expect(table.get(kind)?.slice(0, 2)).toEqual([
    counted(ownFiles(kind).map((path) => `${dirname(path)}/`)),
    counted(lines.map(([file]) => file)),
  ]);
});

test("nothing else was touched, and an op has no more than is generated", () => {
  const sources = filesIn(copy).filter(
    (path) => !/^(made|watched)\/|^(study|proxy)\.ts$|^faces\.bin$/.test(path),
  );
  const isNew = (path: string) => !existsSync(join(root, path));
  expect(sources.filter(isNew)).toEqual(Object.keys(ADDED).flatMap(ownFiles).sort());
  const changed = sources.filter((path) => !isNew(path) && !path.startsWith(FROZEN) && differs(path));
  const lines = Object.values(ADDED).flat();
  expect(changed).toEqual([...new Set([...lines.map(([file]) => file), ...TABLES])].sort());
  for (const path of changed.filter((path) => !TABLES.includes(path))) {
    const wanted = lines.filter(([file]) => file === path).map(([, , line]) => line);
    expect(changesOf(path), path).toEqual(wanted.sort());
  }
});

const versionsOf = (path: string) => [root, copy].map((folder) => readFileSync(join(folder, path), "utf8"));
const differs = (path: string) => {
  const [was, is] = versionsOf(path);
  return was !== is;
};

/** The lines by which a file differs in the copy. */
function changesOf(path: string): readonly string[] {
  const [was, is] = versionsOf(path);
  const parts = diffLines(was!, is!).filter((part) => part.added || part.removed);
  return parts.flatMap(({ value }) => value.trimEnd().split("\n")).sort();
}
