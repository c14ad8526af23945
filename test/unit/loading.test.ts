/** What an experiment's file may be made of: Node's modules and globals, files through links, `import.meta`. */
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { insteadOfLine } from "#compiler/frontend/from-pytorch";
import { loadValue } from "#compiler/frontend/load/load";
import { programOf } from "#compiler/frontend/load/projects";
import { CompileError, loadExperiment } from "#compiler/index";
import { RunFolder } from "#runtime/run/run-folder";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "f2c-loading-")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BODY = `
import { dual, experiment, f2c, fixed, cosFace, mobileFaceNet, sgd, syntheticFaces } from "f2c-dsl";
const options = {
  data: syntheticFaces({ identities: 9, imagesPerIdentity: fixed(2), size: 16 }),
  method: f2c({ net: mobileFaceNet({ embedding: 8, width: 0.25 }), pool: { capacity: 8 }, margin: cosFace() }),
  loader: dual({ identities: 2, instances: 2 }),
  optimizer: sgd({ momentum: 0 }),
  lr: 0.1,
  steps: 2,
};
`;

let count = 0;
/** Files in a folder of their own. */
function written(files: Readonly<Record<string, string>>): string {
  const home = join(folder, String(count++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
  return home;
}
/** An experiment whose name is what an expression gives. */
const named = (expression: string, head = "") =>
  `${head}${BODY}export default experiment({ ...options, name: ${expression} });\n`;
const nameOf = (file: string) => loadExperiment(file).experiment.name;

function refusalOf(file: string): CompileError {
  try {
    loadExperiment(file);
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  throw new Error("it loads");
}

describe("of several programs of one process", () => {
  const augmented = `declare module "f2c-dsl" { interface Ours { readonly ours: string } }
declare global { interface Array<T> { readonly ours: T } }
const fields = (v: Ours) => [v.ours, [v.ours].ours].length;
`;
  const alone = augmented.split("\n").at(-2)!;
  const program = (head: string) =>
    written({
      "exp.ts": named("String(fields.length)", `import type { Ours } from "f2c-dsl";\n${head}\n`),
    });

  test("none sees what another declared of the library or of JavaScript", () => {
    const refused = () => refusalOf(join(program(alone), "exp.ts")).diagnostics.map((d) => d.message);
    const before = refused();
    expect(before).toHaveLength(2);
    expect(nameOf(join(program(augmented), "exp.ts"))).toBe("1");
    expect(refused()).toEqual(before);
  });

  test("each is read anew", () => {
    const home = written({ "exp.ts": named('"first"') });
    expect(nameOf(join(home, "exp.ts"))).toBe("first");
    writeFileSync(join(home, "exp.ts"), named("firstly"));
    expect(refusalOf(join(home, "exp.ts")).message).toContain("firstly");
  });
});

describe("of two programs", () => {
  const used = 'import { a } from "./a.js";\nif (a.length !== 1) throw new Error(a);\n';
  const pairs = ["lines", "types"] as const;

  test.each(pairs)(
    "the library's declarations are the same, and files of their own are not: Node by %s",
    (by) => {
      const home = written({ "exp.ts": named('"x"', used), "a.ts": 'export const a = "a";\n' });
      const files = () =>
        new Map(
          programOf(join(home, "exp.ts"), by)
            .getSourceFiles()
            .map((f) => [f.fileName, f]),
        );
      const [first, second] = [files(), files()];
      const again = [...first].filter(([name, file]) => second.get(name) === file).map(([name]) => name);
      const anew = [...first.keys()].filter((name) => !again.includes(name) && !/undici-types/.test(name));
      expect([...second.keys()].sort()).toEqual([...first.keys()].sort());
      expect(anew.sort()).toEqual(
        [join(home, "a.ts"), join(home, "exp.ts"), ...(by === "lines" ? ["/__f2c-ambient.d.ts"] : [])].sort(),
      );
      expect(again.filter((name) => /\/lib\.[^/]*\.d\.ts$/.test(name)).length).toBeGreaterThan(50);
    },
  );

  test.each(pairs)("none has the files of the one before it: Node by %s", (by) => {
    const home = written({ "exp.ts": named('"x"', used), "a.ts": 'export const a = "a";\n' });
    const other = written({ "exp.ts": named('"y"') });
    programOf(join(home, "exp.ts"), by);
    const { length } = programOf(join(other, "exp.ts"), by)
      .getSourceFiles()
      .filter((f) => f.fileName.startsWith(home));
    expect(length).toBe(0);
  });

  test("after one whose file is gone, the next has nothing of it", () => {
    const gone = join(folder, "gone.ts");
    expect(() => programOf(gone, "lines")).toThrow(/gone\.ts/);
    expect(nameOf(join(written({ "exp.ts": named('"next"') }), "exp.ts"))).toBe("next");
  });
});

describe("an experiment that uses Node", () => {
  test("has its modules, with and without `node:`, whatever a tsconfig beside it says", () => {
    const imports = [
      'import { readFileSync } from "node:fs";',
      'import * as path from "path";',
      'import os from "node:os";',
      'import { createHash } from "node:crypto";',
      'import { fileURLToPath } from "node:url";',
      "",
    ].join("\n");
    const home = written({
      "tsconfig.json": '{ "compilerOptions": { "types": [], "lib": ["es5"], "strict": false } }',
      "name.txt": "from-a-file",
      "exp.ts": named(
        'readFileSync(path.join(import.meta.dirname, "name.txt"), "utf8") + [typeof os.cpus, typeof createHash, fileURLToPath(import.meta.url) === __filename].join("-")',
        imports,
      ),
    });
    expect(nameOf(join(home, "exp.ts"))).toBe("from-a-filefunction-function-true");
  });

  test("has its globals without an import", () => {
    const home = written({
      "exp.ts": named('Buffer.from("bm9kZQ==", "base64").toString() + (process.uptime() > 0)'),
    });
    expect(nameOf(join(home, "exp.ts"))).toBe("nodetrue");
  });

  test("in a file that only its types refer to", () => {
    const home = written({
      "exp.ts": named('"referred"', '/// <reference path="./other.ts" />\n'),
      "other.ts":
        'import { readFileSync } from "node:fs";\nexport const read: string = readFileSync("x", "utf8");\n',
    });
    expect(nameOf(join(home, "exp.ts"))).toBe("referred");
  });

  test("as a package of its own declares it", () => {
    const types = "node_modules/@types/node/index.d.ts";
    const home = written({
      "exp.ts": named("theirs + named", 'import { named } from "theirs";\n'),
      "node_modules/theirs/package.json": '{ "name": "theirs", "main": "index.js", "types": "index.d.ts" }',
      "node_modules/theirs/index.js": 'globalThis.theirs = "their-"; exports.named = "Node";\n',
      "node_modules/theirs/index.d.ts":
        '/// <reference path="../@types/node/index.d.ts" />\nexport declare const named: string;\n',
      "node_modules/@types/node/package.json": '{ "name": "@types/node", "types": "index.d.ts" }',
      [types]: "declare const theirs: string;\n",
    });
    expect(nameOf(join(home, "exp.ts"))).toBe("their-Node");
    expect(refusalOf(join(written({ "exp.ts": named("theirs") }), "exp.ts")).message).toContain("theirs");
  });

  test("is type-checked against it", () => {
    const home = written({
      "exp.ts": named("readFileSync(5, 6)", 'import { readFileSync } from "node:fs";\n'),
    });
    expect(refusalOf(join(home, "exp.ts")).diagnostics.map((d) => d.code)).toEqual(["F2C1001"]);
  });
});

describe("files through links", () => {
  const home = written({
    "real/exp.ts": named(
      "a + b + c",
      'import { a } from "./a.js";\nimport { b } from "../one/util.js";\nimport { c } from "../two/util.js";\n',
    ),
    "shared/a.ts": 'export { inner as a } from "./inner.js";\n',
    "shared/inner.ts": 'export const inner = "a";\n',
    "one/util.ts": 'export const b = "b";\n',
    "two/util.ts": 'export const c = "c";\n',
  });
  symlinkSync(join(home, "shared", "a.ts"), join(home, "real", "a.ts"));
  symlinkSync(join(home, "real", "exp.ts"), join(home, "link.ts"));

  test("a linked experiment finds what lies beside the file itself, and so does a linked helper", () => {
    expect(nameOf(join(home, "link.ts"))).toBe("abc");
  });

  test("copied into a run folder, every file keeps a place of its own and the copy runs", () => {
    const run = RunFolder.create(join(home, "run"), "x");
    const entry = run.copySources(loadExperiment(join(home, "link.ts")));
    expect(entry).toBe(join("source", "real", "exp.ts"));
    const text = (...place: string[]) => readFileSync(run.file("source", ...place), "utf8");
    expect([text("one", "util.ts"), text("two", "util.ts")]).toEqual([
      'export const b = "b";\n',
      'export const c = "c";\n',
    ]);
    // From the copy alone.
    for (const name of ["real", "shared", "one", "two"]) rmSync(join(home, name), { recursive: true });
    expect(nameOf(run.file(entry))).toBe("abc");
  });
});

test("an experiment alone lies in source/ under its name", () => {
  const home = written({ "exp.ts": named('"alone"') });
  const run = RunFolder.create(join(home, "run"), "x");
  expect(run.copySources(loadExperiment(join(home, "exp.ts")))).toBe(join("source", "exp.ts"));
});

test.each([
  ["with torch.no_grad():", "noGrad(() => …)"],
  ["for p in net.parameters():", "for (const item of list)"],
  ["if loss > 3:", "braces"],
  ["def forward(self, x):", "(x: Features) => x.relu()"],
  ["const f = lambda x: x", "(x: Features) => x.relu()"],
  ["y = a @ b", "a.matmul(b)"],
  ["const y = x[:, 0];", "x.select(1, i)"],
  ["const y = x[1:3];", "x.slice(0, a, b)"],
  ['const s = f"loss {loss}"', "backticks"],
  ["# a comment", "//"],
  ["const c = a and b", "&&"],
  ["const c = a if b else c", "condition ? a : b"],
  ["import torch", 'import { ops } from "f2c-dsl"'],
  ["from torch import nn", 'import { ops } from "f2c-dsl"'],
])("a line of Python is answered with TypeScript: %s", (line, hint) => {
  expect(insteadOfLine(line)).toContain(hint);
});

test.each(["foo(a, // this and that", 'const text = "not this or that" +', "const x = {"])(
  "a line that is none of Python's is not: %s",
  (line) => expect(insteadOfLine(line)).toBeUndefined(),
);

test("Python's blocks are one error a line", () => {
  const home = written({ "exp.ts": named('"x"', "with torch.no_grad():\n") });
  const { diagnostics } = refusalOf(join(home, "exp.ts"));
  expect(diagnostics).toMatchObject([{ code: "F2C1102", hint: expect.stringContaining("noGrad") }]);
});

test("a file that exports nothing is told what it is to export, which need not be an experiment", () => {
  const file = join(written({ "lfw.ts": "export const x = 1;\n" }), "lfw.ts");
  const hintFor = (wanted: "protocols" | "data" | "net") => {
    try {
      loadValue(file, (value): value is never => false, `default-export-of-another-kind.${wanted}`);
    } catch (error) {
      return (error as CompileError).diagnostics[0];
    }
    throw new Error("it is refused");
  };
  expect(hintFor("protocols")).toMatchObject({
    code: "F2C1105",
    hint: expect.stringContaining("verification("),
  });
  expect(hintFor("data")).toMatchObject({ code: "F2C1105", hint: expect.stringContaining("imageFolder(") });
  expect(hintFor("net")).toMatchObject({ code: "F2C1105", hint: expect.stringContaining("iresnet(50)") });
  expect(refusalOf(file).diagnostics).toMatchObject([
    { code: "F2C1105", hint: expect.stringContaining("experiment({") },
  ]);
});
