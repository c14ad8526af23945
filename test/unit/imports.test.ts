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
  ["@ts-morph/common", "compiler/frontend"],
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

/** What every room of the library may import: tensors, plans, and what the parts of an experiment are. */
const INTERFACES = ["dsl/core", "dsl/plan", "dsl/method"];

/** Folders and files of the DSL that each of its folders may import beside itself. Those of the library do not know each other. */
const DSL: Record<string, readonly string[]> = {
  "dsl/diagnostics": [],
  "dsl/core": ["dsl/diagnostics"],
  "dsl/plan": ["dsl/core/errors.js"],
  "dsl/method": ["dsl/core", "dsl/plan"],
  "dsl/layers": ["dsl/core"],
  "dsl/nets": [...INTERFACES, "dsl/layers"],
  "dsl/margins": INTERFACES,
  "dsl/optimizers": INTERFACES,
  "dsl/schedules": INTERFACES,
  "dsl/banks": INTERFACES,
  "dsl/data": INTERFACES,
  "dsl/samplers": INTERFACES,
  "dsl/augmentations": INTERFACES,
  "dsl/evaluate": INTERFACES,
  "dsl/observe": [],
  "dsl/stages": [...INTERFACES, "dsl/experiment.js", "dsl/evaluate/clustering.js"],
  "dsl/recipes": [
    ...INTERFACES,
    ...["banks", "margins", "methods", "nets", "optimizers", "samplers", "schedules"].map(
      (name) => `dsl/${name}`,
    ),
    "dsl/experiment.js",
  ],
  "dsl/methods": [...INTERFACES, "dsl/layers", "dsl/nets", "dsl/margins", "dsl/schedules", "dsl/banks"],
};

test("every folder of the DSL is a room whose arrows are known", () => {
  const folders = readdirSync(join(root, "dsl"), { withFileTypes: true }).filter((f) => f.isDirectory());
  expect(folders.map(({ name }) => `dsl/${name}`).sort()).toEqual(Object.keys(DSL).sort());
});

test("at the top of the DSL stands only what concerns all of it", () => {
  const top = readdirSync(join(root, "dsl"), { withFileTypes: true }).filter((f) => f.isFile());
  expect(top.map(({ name }) => name).sort()).toEqual(["entry.ts", "experiment.ts", "index.ts"]);
});

test("the indexes of the DSL's rooms are for its own index: rooms import files", () => {
  const wrong = imports.filter(
    ({ from, to }) => inside(from, "dsl") && /^dsl\/(.*\/)?index\.js$/.test(to) && from !== "dsl/index.ts",
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
  "runtime/bridge": ["dsl", "compiler"],
  "runtime/graph": ["compiler"],
  "runtime/evaluate": ["dsl", "compiler", "runtime/bridge", "runtime/run", "runtime/figure"],
  "runtime/run": ["dsl", "compiler", "runtime/bridge"],
  "runtime/figure": ["runtime/bridge"],
  "runtime/new": ["compiler"],
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

test.each(Object.entries({ ...DSL, ...COMPILER, ...RUNTIME }))(
  "%s imports of ours only itself and %j",
  (area, allowed) => {
    const wrong = imports.filter(
      ({ from, to }) =>
        inside(from, area) &&
        isOurs(to) &&
        ![area, ...allowed].some((folder) => to === folder || inside(to, folder)),
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

test("protocols read lists in one file, and know random draws, and of what an experiment is made of only what a data source is, and how often something happens", () => {
  const others = imports
    .filter(({ from, to }) => inside(from, "dsl/evaluate") && !inside(to, "dsl/evaluate"))
    .filter(({ from, to }) => !(from === "dsl/evaluate/list-lines.ts" && to.startsWith("node:")))
    .map(({ to }) => to);
  const allowed = /^dsl\/(plan\/|core\/errors\.js$|method\/(every|source)\.js$)/;
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

/** What of ours is loaded with a file: what it imports beside types, and what that imports. */
function loadedWith(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found;
  found.add(file);
  const { statements } = ts.createSourceFile(
    file,
    readFileSync(join(root, file), "utf8"),
    ts.ScriptTarget.ES2022,
  );
  for (const statement of statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const isType = ts.isImportDeclaration(statement)
      ? statement.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
      : statement.isTypeOnly;
    const from = statement.moduleSpecifier;
    if (!isType && from && ts.isStringLiteral(from) && from.text.startsWith("."))
      loadedWith(join(dirname(file), from.text).replace(/\.js$/, ".ts"), found);
  }
  return found;
}

test.each(["ir", "check"])(
  "`f2c-dsl %s` loads no rooms of runs, hosts and figures before it needs them",
  (command) => {
    const loaded = [...loadedWith(`runtime/cli/${command}.ts`)];
    expect(loaded.filter((path) => inside(path, "compiler")).length).toBeGreaterThan(100);
    const rooms = loaded.filter((path) => inside(path, "runtime") && !inside(path, "runtime/cli"));
    expect(rooms.sort()).toEqual([
      "runtime/bridge/bridge-error.ts",
      "runtime/bridge/host-scan.ts",
      "runtime/stages/facts.ts",
    ]);
  },
);

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

test("of the DSL, only tensors and their ops import each other", () => {
  expect(circlesIn(graphOf("dsl"))).toEqual([["dsl/core/ops.generated.ts", "dsl/core/tensor.ts"]]);
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

/**
 * Rooms of the Python host, from the ground up: each is a package, but for `errors`, which is one module; and which rooms it may
 * import beside itself.
 */
const HOST: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  files: ["errors"],
  wire: ["errors"],
  process: ["wire"],
  ir: ["errors"],
  torch_api: ["errors", "files"],
  kernels: [],
  lower: ["errors", "files", "ir", "torch_api", "kernels"],
  verify: ["errors", "ir", "torch_api", "lower"],
  scan: ["errors"],
  data: ["errors", "torch_api"],
  run: ["errors", "files", "wire", "process", "ir", "torch_api", "lower", "verify", "data"],
  export: ["errors", "files", "ir", "lower", "run"],
  nets: ["errors", "torch_api", "data", "run"],
  convert: ["errors", "files"],
  follow: ["errors", "files", "wire", "process"],
  serve: ["errors", "wire", "process", "ir", "data", "run", "export", "nets", "convert"],
};
const HOST_SOURCES = join(root, "python-host/src/f2c_host");
/** Above all rooms: the package's version, its command line, and a command that looks into several of them. */
const ABOVE = ["__init__", "__main__", "doctor"];

interface HostModule {
  /** From the package's folder. */
  readonly file: string;
  /** By its dotted name, that of a package for its `__init__`; so are those that it imports of ours. */
  readonly name: string;
  readonly imports: readonly string[];
}

const roomOf = (module: string): string => module.split(".")[0]!;
const hostSource = (file: string) => readFileSync(join(HOST_SOURCES, file), "utf8");

/** The modules of the host, and what they import of it. */
function hostModules(): HostModule[] {
  const files = readdirSync(HOST_SOURCES, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".py"),
  );
  const dotted = (file: string) => file.replace(/(\/__init__)?\.py$/, "").replaceAll("/", ".");
  const known = new Set(files.map(dotted));
  return files.map((file) => {
    const folders = file.split("/").slice(0, -1);
    const imports = [
      ...hostSource(file).matchAll(/^\s*from (\.+|f2c_host(?=[. ])\.?)([\w.]*) import (\([^)]*\)|[^\n]*)/gm),
    ].flatMap(([, base, module, names]) => {
      const home = base!.startsWith(".") ? folders.slice(0, folders.length - base!.length + 1) : [];
      const from = [...home, ...module!.split(".").filter(Boolean)].join(".");
      // What is imported from a package is a module of it, or a name in its `__init__`.
      return names!
        .replace(/[()]/g, "")
        .split(",")
        .map((name) => name.trim().split(" ")[0]!)
        .filter((name) => name && name !== "__version__")
        .map((name) => (from ? `${from}.${name}` : name))
        .map((name) => (known.has(name) ? name : from));
    });
    return { file, name: dotted(file), imports: [...new Set(imports)] };
  });
}

const hostFiles = hostModules();

test("every module of the host lies in a room, and every package says what room it is", () => {
  expect(hostFiles.length).toBeGreaterThan(60);
  const unknown = hostFiles.filter(({ name }) => !(roomOf(name) in HOST) && !ABOVE.includes(name));
  expect(unknown.map(({ file }) => file)).toEqual([]);
  const packages = hostFiles.filter(({ file }) => file.endsWith("/__init__.py"));
  expect(new Set(packages.map(({ name }) => name))).toEqual(
    new Set(Object.keys(HOST).filter((room) => room !== "errors")),
  );
  const silent = packages.filter(({ file }) => !/^"""\S/.test(hostSource(file)));
  expect(silent.map(({ file }) => file)).toEqual([]);
});

test("imports of the host are found, and name modules that there are", () => {
  const known = new Set(hostFiles.map(({ name }) => name));
  const found = hostFiles.flatMap(({ imports }) => imports);
  expect(found.length).toBeGreaterThan(150);
  expect(found.filter((name) => !known.has(name))).toEqual([]);
});

test.each(Object.entries(HOST))("the host's %s imports of ours only itself and %j", (room, may) => {
  const wrong = hostFiles
    .filter(({ name }) => roomOf(name) === room)
    .flatMap(({ file, imports }) =>
      imports
        .filter((name) => roomOf(name) !== room && !may.includes(roomOf(name)))
        .map((name) => `${file} imports ${name}`),
    );
  expect(wrong).toEqual([]);
});

test("arrows of the host point to the ground: a room knows only rooms that stand before it in the table", () => {
  const rooms = Object.keys(HOST);
  const wrong = Object.entries(HOST).flatMap(([room, may]) =>
    may
      .filter((other) => !rooms.slice(0, rooms.indexOf(room)).includes(other))
      .map((other) => `${room} -> ${other}`),
  );
  expect(wrong).toEqual([]);
});

test("no modules of the host import each other in a circle, types included", () => {
  const graph = new Map(hostFiles.map(({ name, imports }) => [name, imports]));
  expect(circlesIn(graph).map((circle) => circle.join(" <-> "))).toEqual([]);
});

test("who follows a run, and what travels, imports no torch", () => {
  const wrong = hostFiles.filter(
    ({ file, name }) =>
      ["errors", "wire", "process", "ir", "follow"].includes(roomOf(name)) &&
      /^\s*(import|from) torch\b/m.test(hostSource(file)),
  );
  expect(wrong.map(({ file }) => file)).toEqual([]);
});

/** The table of rooms in docs/house.md: the folders of each row, what they hold, and what they may import. */
const HOUSE = readFileSync(join(root, "docs/house.md"), "utf8")
  .split("\n## ", 1)[0]!
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, folders, holds, arrows]) => ({ folders: folders!, holds: holds!, arrows: arrows! }));
/** The row of a folder; behind another one of the same area it may stand there by its last name. */
const houseRow = (folder: string) => {
  const [area, name] = [folder.split("/")[0]!, folder.split("/").at(-1)!];
  return (
    HOUSE.find(({ folders }) => folders.includes(`\`${folder}/\``)) ??
    HOUSE.find(({ folders }) => folders.startsWith(`\`${area}/`) && folders.includes(`\`${name}/\``))
  );
};

test.each([...Object.keys({ ...DSL, ...COMPILER, ...RUNTIME }), ...Object.keys(HOST)])(
  "%s stands in the table of docs/house.md",
  (area) => {
    const inHost = HOUSE.some(({ folders }) => new RegExp(`\`(f2c_host/)?${area}/?\``).test(folders));
    expect(houseRow(area) !== undefined || inHost).toBe(true);
  },
);

test.each(
  Object.entries({ ...DSL, ...RUNTIME }).filter(([area]) => houseRow(area)?.folders === `\`${area}/\``),
)("docs/house.md says all that %s may import", (area, allowed) => {
  const { arrows } = houseRow(area)!;
  const names = allowed.map((path) =>
    path
      .replace(/^(dsl|runtime)\//, "")
      .split("/")[0]!
      .replace(/\.js$/, ""),
  );
  expect(names.filter((name) => !new RegExp(`\`(dsl/)?${name}[\`/]`).test(arrows))).toEqual([]);
});

test("docs/house.md names the files at the top of the front end, and every folder of tests", () => {
  const { holds } = houseRow("compiler/frontend")!;
  const top = readdirSync(join(root, "compiler/frontend"), { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map(({ name }) => name.replace(/\.ts$/, ""));
  expect(top.filter((name) => !holds.includes(`\`${name}\``))).toEqual([]);
  const text = readFileSync(join(root, "docs/house.md"), "utf8");
  const folders = readdirSync(join(root, "test"), { withFileTypes: true }).filter((f) => f.isDirectory());
  expect(folders.filter(({ name }) => !text.includes(`\n| \`test/${name}/\` |`))).toEqual([]);
});
