import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirePython } from "#runtime/bridge/python-environment";
import { root, tiny } from "./cli.js";

interface Packed {
  readonly path: string;
  readonly mode: number;
}

const folder = mkdtempSync(join(tmpdir(), "f2c-packages-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
let packed: readonly Packed[] = [];
beforeAll(() => {
  const answer = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts", "--offline"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  packed = JSON.parse(answer)[0].files;
});
const paths = () => packed.map(({ path }) => path);
const tracked = (under: string) =>
  execFileSync("git", ["ls-files", under], { cwd: root, encoding: "utf8" }).trim().split("\n");

describe("the package for npm", () => {
  test("holds no tests, no maps, no benchmarks and nothing that a tool left behind", () => {
    const idle = /(^|\/)(tests?|__pycache__|bench)\/|\.(map|pyc|tsbuildinfo|test\.\w+)$|egg-info|(^|\/)test_/;
    expect(paths().filter((path) => idle.test(path))).toEqual([]);
  });

  test("holds the licenses, the changelog, the examples, and every source of the DSL and of the host", () => {
    const wanted = [
      ...["LICENSE", "README.md", "docs/CHANGELOG.md"],
      ...[
        "python-host/LICENSE",
        "python-host/README.md",
        "python-host/constraints.txt",
        "python-host/pyproject.toml",
      ],
      "python-host/src/f2c_host/py.typed",
      ...["dsl", "examples", "docs", "python-host/src"].flatMap(tracked),
    ];
    const there = new Set(paths());
    expect(wanted.filter((path) => !there.has(path))).toEqual([]);
  });

  test("holds what it points at: its command, its entries, and what its files import", () => {
    const there = new Set(paths());
    const entries = Object.values<string | Record<string, string>>(manifest.exports).flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry),
    );
    const pointed = [...Object.values<string>(manifest.bin), ...entries].map((path) => posix.normalize(path));
    const imported = paths()
      .filter((path) => /^dist\/.*\.(js|d\.ts)$/.test(path))
      .flatMap((path) =>
        ts
          .preProcessFile(readFileSync(join(root, path), "utf8"), true, true)
          .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
          .map(({ fileName }) => posix.join(posix.dirname(path), fileName)),
      );
    expect(imported.length).toBeGreaterThan(300);
    expect([...new Set([...pointed, ...imported])].filter((path) => !there.has(path))).toEqual([]);
  });

  test("has files of one mode, and of one more its command", () => {
    const commands = new Set(Object.values<string>(manifest.bin).map((path) => posix.normalize(path)));
    const modes = (command: boolean) =>
      new Set(
        packed.filter(({ path }) => commands.has(path) === command).map(({ mode }) => mode.toString(8)),
      );
    expect(modes(false).size).toBe(1);
    const [other] = modes(false);
    expect([...modes(true)]).toEqual([(Number.parseInt(other!, 8) | 0o111).toString(8)]);
  });

  test("works where it is installed: shows an experiment's program with nothing but what is packed", () => {
    const modules = join(folder, "node_modules");
    for (const path of paths()) {
      mkdirSync(dirname(join(modules, "f2c-dsl", path)), { recursive: true });
      copyFileSync(join(root, path), join(modules, "f2c-dsl", path));
    }
    for (const name of readdirSync(join(root, "node_modules")).filter((name) => !name.startsWith(".")))
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    copyFileSync(tiny, join(folder, "tiny.ts"));
    const command = join(modules, "f2c-dsl", "dist/runtime/cli/main.js");
    const { stdout, stderr, status } = spawnSync(process.execPath, [command, "ir", "tiny.ts"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toContain("func @step(");
  });
});

describe("the package for Python", () => {
  test("has its license, its readme and its types in the wheel, and no tests", () => {
    const source = join(folder, "python-host");
    for (const path of paths().filter((path) => path.startsWith("python-host/"))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      copyFileSync(join(root, path), join(folder, path));
    }
    const wheels = join(folder, "wheels");
    const script = `
import pathlib, sys, zipfile
from setuptools import build_meta
folder = sys.argv[1]  # building changes the arguments
wheel = zipfile.ZipFile(pathlib.Path(folder, build_meta.build_wheel(folder)))
metadata = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
print("FILES", *wheel.namelist())
print("MODES", *{oct(i.external_attr >> 16) for i in wheel.infolist() if i.filename.startswith("f2c_host/") and not i.filename.endswith(".so")})
print(wheel.read(metadata).decode())
`;
    mkdirSync(wheels);
    const built = spawnSync(requirePython(), ["-W", "ignore", "-c", script, wheels], {
      cwd: source,
      encoding: "utf8",
    });
    expect(built.status, built.stderr).toBe(0);
    const out = built.stdout;
    const line = (name: string) => new RegExp(`^${name} (.*)$`, "m").exec(out)?.[1]?.split(" ") ?? [];
    expect(line("FILES")).toContain("f2c_host/py.typed");
    expect(line("FILES")).toContain("f2c_host/lower/visitor.py");
    expect(line("FILES").some((path) => path.endsWith(".dist-info/licenses/LICENSE"))).toBe(true);
    expect(line("FILES").filter((path) => /test/.test(path))).toEqual([]);
    expect(line("FILES").filter((path) => /kernels\/_native.*\.so$/.test(path))).toHaveLength(1);
    expect(line("MODES")).toHaveLength(1);
    expect(out).toContain(`Version: ${manifest.version}\n`);
    expect(out).toContain(`License-Expression: ${manifest.license}\n`);
    expect(out).toMatch(/^Author: /m);
    expect(out).toMatch(/^Classifier: Typing :: Typed$/m);
    expect(out).toContain("# f2c-dsl-host\n");
  });
});

test("both packages, and what they say of themselves, have one version and one license", () => {
  const text = (path: string) => readFileSync(join(root, path), "utf8");
  expect(text("python-host/pyproject.toml")).toContain(`version = "${manifest.version}"\n`);
  expect(text("python-host/src/f2c_host/__init__.py")).toContain(`__version__ = "${manifest.version}"`);
  expect(text("docs/CHANGELOG.md")).toContain(`\n## ${manifest.version}`);
  const { stdout } = spawnSync(process.execPath, [join(root, manifest.bin["f2c-dsl"]), "--version"]);
  expect(String(stdout)).toBe(`${manifest.version}\n`);
  expect(text("python-host/LICENSE")).toBe(text("LICENSE"));
  expect(text("LICENSE")).toMatch(/Apache License\s+Version 2\.0, January 2004/);
  expect(existsSync(join(root, "python-host", "LICENSE"))).toBe(true);
});
