/**
 * @file A module in the JSON that Google's Model Explorer opens (`pip install ai-edge-model-explorer`, then
 * `model-explorer FILE.json`): a graph a function, a layer for each call and region. It compares graphs side by side and lays
 * data of one's own over nodes, such as times. The fields are those of its `graph_builder.py`; all values are strings.
 */
import type { UnverifiedModule } from "../../compiler/ir/module.js";
import { graphData } from "./data.js";
import type { GraphData, GraphFunction, GraphNode } from "./model.js";

interface KeyValue {
  readonly key: string;
  readonly value: string;
}
interface MetadataItem {
  readonly id: string;
  readonly attrs: readonly KeyValue[];
}
interface ExplorerNode {
  readonly id: string;
  readonly label: string;
  /** The layers around it, as a path. */
  readonly namespace: string;
  readonly attrs: readonly KeyValue[];
  readonly incomingEdges: readonly {
    readonly sourceNodeId: string;
    readonly sourceNodeOutputId: string;
    readonly targetNodeInputId: string;
  }[];
  readonly outputsMetadata: readonly MetadataItem[];
}
export interface ExplorerCollection {
  readonly label: string;
  readonly graphs: readonly {
    readonly id: string;
    readonly nodes: readonly ExplorerNode[];
    /** By namespace: what a layer stands for. */
    readonly groupNodeAttributes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  }[];
}

export function modelExplorerGraphs(module: UnverifiedModule): ExplorerCollection {
  const data = graphData(module);
  return { label: data.name, graphs: data.functions.map((fn) => explorerGraph(data, fn)) };
}

function explorerGraph(data: GraphData, fn: GraphFunction): ExplorerCollection["graphs"][number] {
  const namespaces = namespacesOf(fn);
  const around = (i: number) => namespaces.get(fn.nodes[i]!.parent) ?? "";
  const incoming = new Map<number, ExplorerNode["incomingEdges"][number][]>();
  for (const { from, to, output } of fn.edges) {
    const edges = incoming.get(to) ?? [];
    incoming.set(to, edges);
    edges.push({
      sourceNodeId: String(from),
      sourceNodeOutputId: String(output),
      targetNodeInputId: String(edges.length),
    });
  }
  const nodes = fn.nodes.flatMap((node, i): ExplorerNode[] => {
    if (node.kind === "group" || isBranch(fn, node)) return [];
    return [
      {
        id: String(i),
        label: node.title.replaceAll(" · ", ": "),
        namespace: namespaces.get(i) ?? around(i),
        attrs: attributesOf(data, fn, node),
        incomingEdges: incoming.get(i) ?? [],
        outputsMetadata: outputsOf(fn, node),
      },
    ];
  });
  const layers = [...namespaces].map(([i, name]) => [name, { stands_for: fn.nodes[i]!.about }]);
  return { id: fn.name, nodes, groupNodeAttributes: Object.fromEntries(layers) };
}

/** A region of an op that has several: a layer, and no node, which its op is already. */
const isBranch = (fn: GraphFunction, { kind, parent, op }: GraphNode) =>
  kind === "region" && fn.nodes[parent]?.kind === "region" && fn.nodes[parent]!.op === op;

/** The path of each container. Those of one name beside each other are numbered, since a path is one layer. */
function namespacesOf(fn: GraphFunction): ReadonlyMap<number, string> {
  const namespaces = new Map<number, string>();
  const taken = new Map<string, number>();
  fn.nodes.forEach(({ kind, title, parent }, i) => {
    if (kind !== "group" && kind !== "region") return;
    const outer = namespaces.get(parent);
    // A slash parts layers, and its font has no middle dot.
    const name = title.replaceAll(" · ", ": ").replaceAll("/", "|");
    const path = outer === undefined ? name : `${outer}/${name}`;
    const count = (taken.get(path) ?? 0) + 1;
    taken.set(path, count);
    namespaces.set(i, count === 1 ? path : `${path} (${count})`);
  });
  return namespaces;
}

/** What has no node of its own: what uses it says so. */
const READ: ReadonlySet<string> = new Set(["state", "group", "constant"]);

function attributesOf(data: GraphData, fn: GraphFunction, node: GraphNode): readonly KeyValue[] {
  const op = node.kind === "op" || node.kind === "region" ? fn.ops[node.op] : undefined;
  if (!op) return [{ key: "type", value: node.about }];
  const reads = op.operands.flatMap(({ role, op: maker, type }) => {
    const [read] = READ.has(fn.ops[maker]?.op ?? "") ? fn.ops[maker]!.attributes : [];
    return read ? [{ key: role, value: `${read[1].replace(/^"(.*)"$/, "@$1")} : ${type}` }] : [];
  });
  return [
    ...op.attributes.map(([key, value]) => ({ key, value })),
    ...reads,
    { key: "ir", value: op.text.split("\n")[0]! },
    { key: "source", value: placeOf(data, op.location) },
  ];
}

/** `net.ts:12, called from exp.ts:40`. */
function placeOf({ locations, sources }: GraphData, location: number): string {
  const places: string[] = [];
  for (let at = locations[location]; at; at = locations[at[3]]) {
    const source = sources[at[0]];
    places.push(source ? `${source.path}:${source.text.slice(0, at[1]).split("\n").length}` : "?");
  }
  return places.join(", called from ");
}

function outputsOf(fn: GraphFunction, { kind, about, op }: GraphNode): readonly MetadataItem[] {
  const types =
    kind === "input" || kind === "argument" ? [about] : (fn.ops[op]?.results ?? []).map((v) => v.type);
  return types.map((type, i) => ({ id: String(i), attrs: [{ key: "tensor_shape", value: type }] }));
}
