import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  compileExperiment,
  type IrFunction,
  type Location,
  loadExperiment,
  type Op,
  scalarType,
  tensorType,
  type UnverifiedModule,
  type Value,
  walkOps,
} from "#compiler/index";
import { printFunction } from "#compiler/ir/print";
import { calleeOf } from "#runtime/graph/boxes";
import { graphData } from "#runtime/graph/data";
import { excerptOf, findOps, opDetails, placesOf } from "#runtime/graph/details";
import { escapeText } from "#runtime/graph/draw";
import { graphPage, graphSvg } from "#runtime/graph/graph";
import { spread } from "#runtime/graph/layers";
import { type Box, type Layout, layoutOf } from "#runtime/graph/layout";
import { type Graph, type GraphData, type GraphNode, isContainer } from "#runtime/graph/model";
import { modelExplorerGraphs } from "#runtime/graph/model-explorer";
import { countBoxes, revealed, shownBy, toggled } from "#runtime/graph/views";

const root = new URL("../../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "f2c-graph-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dataIn = (page: string) =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)![1]) as GraphData;
const scriptIn = (page: string) => /<script>\n(.*?)<\/script>/s.exec(page)![1];
const containers = (graph: Graph) => graph.nodes.flatMap((node, i) => (isContainer(node) ? [i] : []));

function overlap(a: Box, b: Box) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
const holds = (a: Box, b: Box) =>
  a.x <= b.x && a.y <= b.y && a.x + a.width >= b.x + b.width && a.y + a.height >= b.y + b.height;

/** Boxes that overlap without one holding the other, boxes outside of their frame, edges that go up or miss an end. */
function faultsOf(graph: Graph, layout: Layout): string[] {
  const faults: string[] = [];
  const boxes = new Map(layout.boxes.map((box) => [box.node, box]));
  const title = (i: number) => `${i} ${graph.nodes[i].title}`;
  const ordered = [...layout.boxes].sort((a, b) => a.y - b.y);
  ordered.forEach((a, i) => {
    const frame = boxes.get(graph.nodes[a.node].parent);
    if (frame && !holds(frame, a)) faults.push(`${title(a.node)} sticks out of its frame`);
    for (let j = i + 1; j < ordered.length && ordered[j].y < a.y + a.height; j++) {
      const b = ordered[j];
      if (graph.nodes[a.node].parent === graph.nodes[b.node].parent && overlap(a, b))
        faults.push(`${title(a.node)} overlaps ${title(b.node)}`);
    }
  });
  for (const { from, to, points } of layout.routes) {
    const name = `${from} to ${to}`;
    if (points.some(([, y], i) => i > 0 && y < points[i - 1][1])) faults.push(`${name} goes up`);
    if (points.at(-1)![1] <= points[0][1]) faults.push(`${name} does not go down`);
    for (const [end, [x, y]] of [
      [boxes.get(from), points[0]],
      [boxes.get(to), points.at(-1)!],
    ] as const) {
      if (!end) continue;
      const edge = end === boxes.get(from) ? end.y + end.height : end.y;
      if (Math.abs(y - edge) > 0.01 || x < end.x || x > end.x + end.width)
        faults.push(`${name} misses a box`);
    }
  }
  return faults;
}

describe.each(["quickstart", "own-method"])("the page of examples/%s.ts", (example) => {
  const { module } = compileExperiment(loadExperiment(join(root, "examples", `${example}.ts`)));
  const page = graphPage(module);
  const data = dataIn(page);

  test("holds every op once, in program order, with its text", () => {
    module.functions.forEach((fn, f) => {
      const ops = [...walkOps(fn.body)];
      expect(data.functions[f].ops.map((o) => o.op)).toEqual(ops.map((o) => o.op));
      const printed = printFunction(fn)
        .split("\n")
        .map((line) => line.trim());
      for (const op of data.functions[f].ops) expect(printed).toContain(op.text.split("\n")[0]);
    });
  });

  test("gives each op a box of its own, save storage, groups and constants", () => {
    for (const { ops, nodes } of data.functions) {
      const own = ops.filter((op) => !["state", "group", "constant"].includes(op.op));
      const boxes = own.map((op) => op.node);
      expect(new Set(boxes).size).toBe(own.length);
      own.forEach((op) => {
        expect(ops[nodes[op.node].op]).toBe(op);
      });
    }
  });

  test("finds the source of every place and marks it", () => {
    const texts = new Map(module.sources.map((s) => [s.path, s.text]));
    module.functions.forEach((fn, f) => {
      [...walkOps(fn.body)].forEach((op, i) => {
        let row = data.functions[f].ops[i].location;
        for (let at: Location | undefined = op.location; at; at = at.parent) {
          const [source, start, end, parent] = data.locations[row];
          expect(data.sources[source].path).toBe(at.path);
          const text = texts.get(at.path)!;
          const excerpt = excerptOf(data.sources[source].text, start, end);
          const marked = excerpt.lines.filter((l) => l.marked !== "").map((l) => l.marked);
          expect(marked.join("\n").replaceAll(/\n+/g, "\n")).toBe(
            text.slice(at.start, at.end).replaceAll(/\n+/g, "\n"),
          );
          expect(excerpt.line).toBe(text.slice(0, at.start).split("\n").length);
          row = parent;
        }
        expect(row).toBe(-1);
      });
    });
  });

  test("shows a readable number of boxes at first", () => {
    for (const fn of data.functions) {
      const boxes = countBoxes(fn, new Set(fn.view));
      expect(boxes).toBeGreaterThanOrEqual(20);
      expect(boxes).toBeLessThanOrEqual(60);
    }
  });

  test.each(["default", "closed", "open"])(
    "draws the %s view without overlaps, all edges downwards",
    (view) => {
      for (const fn of data.functions) {
        const expanded = view === "default" ? fn.view : view === "closed" ? [] : containers(fn);
        expect(faultsOf(fn, layoutOf(fn, new Set(expanded)))).toEqual([]);
      }
    },
  );

  test("draws any view without overlaps: containers opened one after another", () => {
    const fn = data.functions[0];
    let expanded: ReadonlySet<number> = new Set();
    for (const node of containers(fn).filter((_, i) => i % 7 === 0)) {
      expanded = toggled(fn, expanded, node);
      expect(faultsOf(fn, layoutOf(fn, expanded))).toEqual([]);
    }
  });

  test("names the groups by the modules whose parameters they read", () => {
    const titles = new Set(data.functions[0].nodes.filter(isContainer).map((n) => n.title));
    const wanted =
      example === "quickstart" ? ["probe", "probe.blocks.3", "no_grad · gallery"] : ["net", "net.deep"];
    for (const title of wanted) expect(titles).toContain(title);
  });

  test("puts shapes on the edges and colours what has effects", () => {
    const fn = data.functions[0];
    const layout = layoutOf(fn, new Set(fn.view));
    expect(layout.labels.length).toBeGreaterThan(countBoxes(fn, new Set(fn.view)) / 2);
    for (const { text } of layout.labels) expect(text).toMatch(/^(\w+\[[^\]]*\]|\w+|group<.*>)( \+\d+)?$/);
    const tones = (op: string) =>
      new Set(fn.nodes.filter((n) => n.kind === "op" && n.title === op).map((n) => n.tone));
    expect(tones("foreach_add_")).toEqual(new Set(["write"]));
    expect(tones("batch_norm")).toEqual(new Set(["update"]));
    expect(tones(example === "quickstart" ? "vjp" : "gradients")).toEqual(new Set(["gradients"]));
  });

  test("parses as a script and asks nothing of the network", () => {
    const path = join(folder, `${example}.cjs`);
    writeFileSync(path, scriptIn(page));
    execFileSync(process.execPath, ["--check", path]);
    expect(page).not.toMatch(/<(link|img|iframe)|\s(src|href)="(?!#)|@import|url\((?!#)|fetch\(|import\(/);
  });

  test("finds ops by name and opens what hides them", () => {
    const fn = data.functions[0];
    const found = findOps(fn, "BATCH_norm");
    expect(found.length).toBe(fn.ops.filter((op) => op.op.startsWith("batch_norm")).length);
    const { node } = fn.ops[found[0]];
    expect(shownBy(fn, new Set())[node]).not.toBe(node);
    expect(shownBy(fn, revealed(fn, new Set(), node))[node]).toBe(node);
  });
});

const tensor = tensorType([2], "f32");
const value = (id: number, name = ""): Value => ({ id, name, type: tensor });
const place: Location = { path: "a.ts", start: 0, end: 1 };
const op = (
  name: string,
  operands: Value[],
  results: Value[],
  rest: Partial<Op<string>> = {},
): Op<string> => ({
  op: name,
  operands,
  attributes: {},
  results,
  regions: [],
  location: place,
  ...rest,
});
const functionWith = (ops: Op<string>[], inputs: Value[]): IrFunction<string> => ({
  name: "f",
  inputs: inputs.map((v) => ({ value: v, source: { kind: "argument" } })),
  results: [],
  body: { args: [], ops },
  location: place,
});
const moduleWith = (fn: IrFunction<string>, rest: Partial<UnverifiedModule> = {}): UnverifiedModule => ({
  name: "m",
  sources: [{ path: "a.ts", text: "x" }],
  storages: [],
  groups: [],
  functions: [fn],
  ...rest,
});

test("hostile names and sources stay text, in the page, its details and the picture", () => {
  const evil = `</script><script>alert(1)</script><!--<img src=x onerror='a' "b" &amp;\n} : x\u0001`;
  const at: Location = { path: evil, start: 0, end: evil.length };
  const [x, y] = [value(0, evil), value(1, evil)];
  const read = op("state", [], [y], { attributes: { name: evil }, location: at });
  const region = {
    args: [],
    ops: [op(evil, [x, y], [value(2, evil)], { attributes: { [evil]: evil } }), op("yield", [value(2)], [])],
  };
  const ops = [
    read,
    op("no_grad", [], [value(3, evil)], { regions: [region] }),
    op("return", [value(3)], []),
  ];
  const fn = { ...functionWith(ops, [x]), name: evil };
  const module = moduleWith(fn, { name: evil, sources: [{ path: evil, text: evil }] });
  const page = graphPage(module);
  expect(page.match(/<script/g)).toHaveLength(2);
  expect(page.match(/<\/script/g)).toHaveLength(2);
  expect(page.match(/<img|<!--/g)).toBeNull();
  const data = dataIn(page);
  expect(data.sources[0].text).toBe(evil);
  expect(data.functions[0].ops.map((o) => o.op)).toEqual(["state", "no_grad", evil, "yield", "return"]);
  expect(data.functions[0].ops.map((o) => o.text.split("\n").length)).toEqual([1, 4, 1, 1, 1]);
  data.functions[0].ops.forEach((_, i) => {
    expect(opDetails(data, data.functions[0], i)).not.toMatch(/<script|<img|<!--/);
  });
  expect(placesOf(data, data.functions[0].ops[0].location)).not.toMatch(/<script|<img/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML forbids it
  expect(graphSvg(module, evil)).not.toMatch(/<script|<img|<!--|\u0001/);
  expect(escapeText(`<a b="c" d='e'>&`)).toBe("&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
});

test("an op that does the work of several shows all their places", () => {
  const other: Location = { path: "b.ts", start: 2, end: 3 };
  const ops = [
    op("relu", [value(0)], [value(1)], { location: { ...place, also: [other] } }),
    op("relu", [value(1)], [value(2)]),
  ];
  const sources = [
    { path: "a.ts", text: "x" },
    { path: "b.ts", text: "\nyz" },
  ];
  const data = graphData(moduleWith(functionWith(ops, [value(0, "x")]), { sources }));
  const [fused, alone] = data.functions[0].ops.map((o) => placesOf(data, o.location));
  expect(fused.match(/[ab]\.ts:\d+/g)).toEqual(["a.ts:1", "b.ts:2"]);
  expect(alone.match(/[ab]\.ts:\d+/g)).toEqual(["a.ts:1"]);
});

test("an op whose call is interrupted by what needs it starts a second group", () => {
  const inside: Location = { ...place, parent: { path: "a.ts", start: 0, end: 1 } };
  const chain = Array.from({ length: 9 }, (_, i) =>
    op("relu", [value(i)], [value(i + 1)], i < 3 || i > 5 ? { location: inside } : {}),
  );
  const [fn] = graphData(moduleWith(functionWith(chain, [value(0, "x")]))).functions;
  expect(containers(fn)).toHaveLength(2);
  expect(faultsOf(fn, layoutOf(fn, new Set()))).toEqual([]);
});

test("what uses a storage after it was written stands below the write", () => {
  const state = op("state", [], [value(1)], { attributes: { name: "s" } });
  const write = op("copy_", [value(1), value(0)], []);
  const [fn] = graphData(
    moduleWith(functionWith([state, write, op("relu", [value(1)], [value(2)])], [value(0, "x")])),
  ).functions;
  const y = (title: string) => layoutOf(fn, new Set()).boxes.find((b) => fn.nodes[b.node].title === title)!.y;
  expect(y("relu")).toBeGreaterThan(y("copy_"));
});

test("regions are frames: an if has its branches, a loop its carried values", () => {
  const condition = { id: 0, name: "c", type: scalarType("bool") };
  const branch = (id: number) => ({
    args: [],
    ops: [op("relu", [value(1)], [value(id)]), op("yield", [value(id)], [])],
  });
  const ops = [
    op("if", [condition], [value(4)], { regions: [branch(2), branch(3)] }),
    op("return", [value(4)], []),
  ];
  const [fn] = graphData(moduleWith(functionWith(ops, [condition, value(1, "x")]))).functions;
  const frames = containers(fn).map((i) => [fn.nodes[i].title, fn.nodes[i].kind]);
  expect(frames).toEqual(["if", "then", "else"].map((title) => [title, "region"]));
  expect([...toggled(fn, new Set(), containers(fn)[0])]).toHaveLength(3);
  expect(faultsOf(fn, layoutOf(fn, new Set(containers(fn))))).toEqual([]);
});

test("2,000 ops side by side in one container are laid out without overlaps", () => {
  const node = (): GraphNode => ({
    kind: "op",
    title: "relu",
    about: "",
    tone: "elementwise",
    rows: [],
    effects: [],
    parent: -1,
    op: 0,
  });
  const nodes = Array.from({ length: 2000 }, node);
  const edges = nodes.flatMap((_, i) =>
    [1, 2 + (i % 5)].flatMap((back) =>
      i >= back ? [{ from: i - back, to: i, output: 0, type: "f32[2]" }] : [],
    ),
  );
  expect(faultsOf({ nodes, edges }, layoutOf({ nodes, edges }, new Set()))).toEqual([]);
});

test("positions are as near as may be to the wished ones", () => {
  expect(spread([0, 0], [1, 1], [10])).toEqual([-5, 5]);
  expect(spread([0, 0], [3, 1], [10])).toEqual([-2.5, 7.5]);
  expect(spread([0, 50, 40], [1, 1, 1], [10, 10])).toEqual([0, 40, 50]);
});

test("for Model Explorer, a function is the graph that its JSON adapter takes", () => {
  const inside: Location = { ...place, parent: { path: "a.ts", start: 0, end: 1 } };
  const chain = [1, 2, 3].map((i) => op("relu", [value(i - 1)], [value(i)], { location: inside }));
  const branch = (id: number) => ({ args: [], ops: [op("yield", [value(id)], [])] });
  const condition = { id: 9, name: "c", type: scalarType("bool") };
  const read = op("state", [], [value(5)], { attributes: { name: "net/w" } });
  const ops = [
    ...chain,
    op("if", [condition], [value(4)], { regions: [branch(3), branch(0)] }),
    read,
    op("add", [value(4), value(5)], [value(6)]),
    op("return", [value(6)], []),
  ];
  const fn = functionWith(ops, [value(0, "x"), condition]);
  const { label, graphs } = modelExplorerGraphs(
    moduleWith(fn, { sources: [{ path: "a.ts", text: "f(x)" }] }),
  );
  const edge = (sourceNodeId: string, targetNodeInputId = "0") => ({
    sourceNodeId,
    sourceNodeOutputId: "0",
    targetNodeInputId,
  });
  const [{ id, nodes }] = graphs;
  const idOf = (title: string, nth = 0) => nodes.filter((n) => n.label === title)[nth].id;
  expect([label, id]).toEqual(["m", "f"]);
  expect(nodes.map((n) => [n.label, n.namespace, n.incomingEdges])).toEqual([
    ["x", "", []],
    ["c", "", []],
    ["relu", "f", [edge(idOf("x"))]],
    ["relu", "f", [edge(idOf("relu"))]],
    ["relu", "f", [edge(idOf("relu", 1))]],
    ["if", "if", [edge(idOf("c"))]],
    ["yield", "if/then", [edge(idOf("relu", 2))]],
    ["yield", "if/else", [edge(idOf("x"))]],
    ["add", "", [edge(idOf("yield")), edge(idOf("yield", 1), "1")]],
    ["return", "", [edge(idOf("add"))]],
  ]);
  expect(nodes.find((n) => n.label === "add")).toMatchObject({
    attrs: [
      { key: "other", value: "@net/w : f32[2]" },
      { key: "ir", value: "%5 = add(%3, %4) : f32[2]" },
      { key: "source", value: "a.ts:1" },
    ],
    outputsMetadata: [{ id: "0", attrs: [{ key: "tensor_shape", value: "f32[2]" }] }],
  });
});

test("for Model Explorer, ids are unique, edges have both ends, and every op that has a box is a node", () => {
  const { module } = compileExperiment(loadExperiment(join(root, "examples/deep.ts")));
  for (const [f, { nodes, groupNodeAttributes }] of modelExplorerGraphs(module).graphs.entries()) {
    const ids = new Set(nodes.map((n) => n.id));
    expect(ids.size).toBe(nodes.length);
    for (const { incomingEdges } of nodes)
      for (const { sourceNodeId } of incomingEdges) expect(ids).toContain(sourceNodeId);
    const rows = ["state", "group", "constant"];
    const wanted = [...walkOps(module.functions[f].body)].map((o) => o.op).filter((o) => !rows.includes(o));
    const found = nodes.filter((n) => n.attrs.some(({ key }) => key === "ir")).map((n) => n.label);
    expect(found.map((l) => l.split(":")[0]).sort()).toEqual(wanted.sort());
    const layers = new Set(Object.keys(groupNodeAttributes));
    for (const { namespace } of nodes) if (namespace !== "") expect(layers).toContain(namespace);
  }
});

test.each([
  ["probe(x)", "probe"],
  ["this.net.stem(f(x), (y) => y)", "this.net.stem"],
  ["f(x).transpose(0, 1)", "transpose"],
  ["pick<A, B>(x)", "pick"],
  ["x * y", "x * y"],
])("a call %s is named %s", (call, name) => {
  expect(calleeOf(call)).toBe(name);
});
