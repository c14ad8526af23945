import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url).pathname;
const AREAS = ["dsl", "compiler", "runtime", "bench"];

interface Import {
  /** Path of the importing file from the repository's root. */
  readonly from: string;
  /** What it imports: a path from the root for our own files, otherwise the name of a package. */
  readonly to: string;
}

/** Every static, dynamic and re-exporting import of a file. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8");
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => ({
    from: file,
    to: fileName.startsWith(".") ? relative(root, join(root, dirname(file), fileName)) : fileName,
  }));
}

const files = AREAS.flatMap((area) =>
  readdirSync(join(root, area), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${area}/${name}`),
);
const imports = files.flatMap(importsOf);

const inside = (path: string, area: string) => path.startsWith(`${area}/`);
const isOurs = (path: string) => AREAS.some((area) => inside(path, area)) || /^#|^f2c-dsl/.test(path);
const shown = (found: readonly Import[]) => found.map(({ from, to }) => `${from} imports ${to}`);

test("there are imports to look at", () => {
  expect(files.length).toBeGreaterThan(80);
  expect(imports.some(({ from, to }) => inside(from, "compiler") && inside(to, "dsl"))).toBe(true);
});

test("the DSL imports nothing of ours from outside, and no package", () => {
  const wrong = imports.filter(
    ({ from, to }) => inside(from, "dsl") && !inside(to, "dsl") && !to.startsWith("node:"),
  );
  expect(shown(wrong)).toEqual([]);
});

test("the compiler imports of ours only itself and the DSL", () => {
  const wrong = imports.filter(
    ({ from, to }) => inside(from, "compiler") && isOurs(to) && !inside(to, "compiler") && !inside(to, "dsl"),
  );
  expect(shown(wrong)).toEqual([]);
});

test("the runtime imports of ours only itself, the compiler and the DSL", () => {
  const wrong = imports.filter(
    ({ from, to }) => inside(from, "runtime") && isOurs(to) && !/^(runtime|compiler|dsl)\//.test(to),
  );
  expect(shown(wrong)).toEqual([]);
});

test.each([
  ["ts-morph", "compiler/frontend"],
  ["typescript", "compiler/frontend"],
  ["zeromq", "runtime/bridge"],
  ["msgpackr", "runtime/bridge"],
  ["commander", "runtime/cli"],
  ["vega", "runtime/figure"],
  ["vega-lite", "runtime/figure"],
  ["@resvg/resvg-js", "runtime/figure"],
])("%s is imported only in %s", (name, area) => {
  const wrong = imports.filter(
    ({ from, to }) => (to === name || to.startsWith(`${name}/`)) && !inside(from, area),
  );
  expect(shown(wrong)).toEqual([]);
});

/** Folders of the compiler, and what each of them may import beside itself. */
const COMPILER: Record<string, readonly string[]> = {
  "compiler/ir": ["compiler/registry"],
  "compiler/registry": ["compiler/ir"],
  "compiler/build": ["compiler/ir", "compiler/registry", "compiler/diagnostics", "dsl"],
  "compiler/passes": ["compiler/ir", "compiler/registry", "compiler/build"],
  "compiler/verify": ["compiler/ir", "compiler/registry"],
  "compiler/diagnostics": ["dsl"],
};

/** Folders of the runtime, likewise. */
const RUNTIME: Record<string, readonly string[]> = {
  "runtime/bridge": ["compiler"],
  "runtime/graph": ["compiler"],
  "runtime/evaluate": ["dsl", "compiler", "runtime/bridge", "runtime/run", "runtime/figure"],
  "runtime/run": ["dsl", "compiler", "runtime/bridge"],
  "runtime/figure": ["runtime/bridge"],
  "runtime/compare": ["dsl", "runtime/bridge", "runtime/run", "runtime/figure"],
  "runtime/observe": ["dsl", "runtime/bridge", "runtime/run", "runtime/figure"],
  "runtime/stages": [
    "dsl",
    "compiler",
    "runtime/bridge",
    "runtime/run",
    "runtime/evaluate",
    "runtime/observe",
  ],
};

test.each(Object.entries({ ...COMPILER, ...RUNTIME }))(
  "%s imports of ours only itself and %j",
  (area, allowed) => {
    const wrong = imports.filter(
      ({ from, to }) =>
        inside(from, area) && isOurs(to) && ![area, ...allowed].some((folder) => inside(to, folder)),
    );
    expect(shown(wrong)).toEqual([]);
  },
);

test("of the front end's rooms, only `build` knows what comes after loading and lowering", () => {
  const later = /^compiler\/(frontend\/(build|compile)\b|passes\/|verify\/)/;
  const wrong = imports.filter(
    ({ from, to }) =>
      ["load", "lower"].some((room) => inside(from, `compiler/frontend/${room}`)) && later.test(to),
  );
  expect(shown(wrong)).toEqual([]);
});

test("of the bridge, a run's folder knows only errors and locks", () => {
  const files = imports.filter(({ from, to }) => inside(from, "runtime/run") && inside(to, "runtime/bridge"));
  expect([...new Set(files.map(({ to }) => to))].sort()).toEqual([
    "runtime/bridge/bridge-error.js",
    "runtime/bridge/process-lock.js",
  ]);
});

test("stages hold no socket: of the bridge they know errors and events, and only the session behind it knows more", () => {
  const files = imports.filter(
    ({ from, to }) =>
      inside(from, "runtime/stages") && inside(to, "runtime/bridge") && !from.endsWith("host-session.ts"),
  );
  expect([...new Set(files.map(({ to }) => to))].sort()).toEqual([
    "runtime/bridge/bridge-error.js",
    "runtime/bridge/host-events.js",
  ]);
});

test("protocols know random draws, and of the other rooms of the DSL only what a data source is", () => {
  const others = imports
    .filter(({ from, to }) => inside(from, "dsl/evaluate") && !inside(to, "dsl/evaluate"))
    .map(({ to }) => to);
  const allowed = /^dsl\/(plan\/|errors\.js$|every\.js$|data\/source\.js$)/;
  expect(others.filter((to) => !allowed.test(to))).toEqual([]);
});

test("of the IR, only the schema knows the registry", () => {
  const files = imports.filter(
    ({ from, to }) => inside(from, "compiler/ir") && inside(to, "compiler/registry"),
  );
  expect([...new Set(files.map(({ from }) => from))]).toEqual(["compiler/ir/schema.ts"]);
});

test("nobody imports the command line but itself", () => {
  const wrong = imports.filter(({ from, to }) => inside(to, "runtime/cli") && !inside(from, "runtime/cli"));
  expect(shown(wrong)).toEqual([]);
});

test("only the command line imports the drawing of graphs", () => {
  const wrong = imports.filter(
    ({ from, to }) =>
      inside(to, "runtime/graph") && !inside(from, "runtime/graph") && !inside(from, "runtime/cli"),
  );
  expect(shown(wrong)).toEqual([]);
});

test("nobody imports the benchmarks", () => {
  const wrong = imports.filter(({ from, to }) => inside(to, "bench") && !inside(from, "bench"));
  expect(shown(wrong)).toEqual([]);
});

/** Circles of files that import each other: strongly connected components of more than one (Tarjan 1972). */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) visit(next);
      if (path.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = path.splice(path.indexOf(file));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}

const graphOf = (area: string): ReadonlyMap<string, readonly string[]> =>
  new Map(
    files
      .filter((file) => inside(file, area))
      .map((file) => [
        file,
        imports.filter(({ from }) => from === file).map(({ to }) => to.replace(/\.js$/, ".ts")),
      ]),
  );

test("circles of imports are found and named", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["c", "d"]],
    ["c", ["a"]],
    ["d", ["e"]],
    ["e", ["d", "f"]],
    ["f", []],
  ]);
  expect(circlesIn(graph)).toEqual([
    ["d", "e"],
    ["a", "b", "c"],
  ]);
});

test("no files of the compiler import each other in a circle, types included", () => {
  expect(circlesIn(graphOf("compiler")).map((circle) => circle.join(" <-> "))).toEqual([]);
});

test("of the lowering, one file knows all visitors, and they do not know each other", () => {
  const syntax = "compiler/frontend/lower/syntax";
  const table = `${syntax}/visitors.ts`;
  const helpers = ["patterns"].map((name) => `${syntax}/${name}.js`);
  const visitors = imports
    .filter(({ from, to }) => from === table && inside(to, syntax) && !helpers.includes(to))
    .map(({ to }) => to);
  expect(visitors.length).toBeGreaterThan(6);
  const among = imports.filter(
    ({ from, to }) => visitors.includes(from.replace(/\.ts$/, ".js")) && visitors.includes(to),
  );
  expect(shown(among)).toEqual([]);
  expect(imports.filter(({ to }) => to === table.replace(/\.ts$/, ".js")).map(({ from }) => from)).toEqual([
    "compiler/frontend/lower/lowerer.ts",
  ]);
});

test("relative imports name files that exist, by the name that they have after the build", () => {
  const known = new Set(files.map((file) => file.replace(/\.ts$/, ".js")));
  const wrong = imports.filter(({ to }) => isOurs(to) && !known.has(to));
  expect(shown(wrong)).toEqual([]);
});
