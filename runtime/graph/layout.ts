/**
 * @file Where the boxes and edges of a function's graph stand. Every open container is laid out by itself and is then one
 * box of the container around it; an edge that crosses a frame does so at a port. Its text runs in the page too.
 *
 * By hand, since nested frames look better than with ELK's layered layout, in either of its ways through a hierarchy: there frames that
 * could stand beside each other stand one below the other, a picture of the quickstart's step is 1.7 times as high and as wide, and
 * takes 1.5 s at every click instead of 0.1.
 */
import { assignLayers, type Hop, orderLayers, positionLayers, type Vertex } from "./layers.js";
import { type Graph, type GraphNode, isContainer } from "./model.js";
import { shownBy } from "./views.js";

export interface Box {
  readonly node: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** An expanded container: drawn around its contents. */
  readonly frame: boolean;
}

/** One stretch of an edge inside one container. Points go downwards; equal x in a row is a straight line. */
export interface Route {
  /** The visible box that the value comes from, wherever it stands. */
  readonly source: number;
  /** The boxes at the ends, -1 where the stretch ends at the container's own border. */
  readonly from: number;
  readonly to: number;
  /** None: an order, not a value. */
  readonly types: readonly string[];
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Label {
  readonly text: string;
  readonly source: number;
  /** The middle. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly routes: readonly Route[];
  readonly labels: readonly Label[];
}

export const TITLE_HEIGHT = 26;
export const ROW_HEIGHT = 17;
export const FRAME_HEAD = 30;
const PADDING = 18;
const LABEL_HEIGHT = 15;
const labelWidth = (text: string) => text.length * 6.1 + 10;

function sizeOf(node: GraphNode): { width: number; height: number } {
  const title = node.title.length * 7.8 + (isContainer(node) ? 48 + 13 * node.effects.length : 28);
  const rows = node.rows.map((row) => row.text.length * 6.25 + 22);
  return {
    width: Math.ceil(Math.max(64, title, ...rows)),
    height: TITLE_HEIGHT + (node.rows.length ? node.rows.length * ROW_HEIGHT + 6 : 0),
  };
}

/** A stretch of edges inside a container, from or to -1 at its border. */
interface Wire {
  readonly from: number;
  readonly to: number;
  readonly source: number;
  readonly types: Set<string>;
}

/** Cuts every visible edge at the frames that it crosses. */
function wiresOf(graph: Graph, shown: readonly number[]): ReadonlyMap<number, readonly Wire[]> {
  const { nodes } = graph;
  const depth: number[] = [];
  for (const { parent } of nodes) depth.push(parent < 0 ? 0 : depth[parent]! + 1);
  const known = new Map<number, Map<string, Wire>>();
  const add = (container: number, from: number, to: number, source: number, type: string) => {
    const wires = known.get(container) ?? new Map<string, Wire>();
    known.set(container, wires);
    const key = `${from}>${to}:${source}`;
    const wire = wires.get(key) ?? { from, to, source, types: new Set<string>() };
    wires.set(key, wire);
    if (type !== "") wire.types.add(type);
  };
  for (const edge of graph.edges) {
    const source = shown[edge.from]!;
    let from = source;
    let to = shown[edge.to]!;
    if (from === to) continue;
    while (nodes[from]!.parent !== nodes[to]!.parent) {
      if (depth[from]! >= depth[to]!) {
        add(nodes[from]!.parent, from, -1, source, edge.type);
        from = nodes[from]!.parent;
      } else {
        add(nodes[to]!.parent, -1, to, source, edge.type);
        to = nodes[to]!.parent;
      }
    }
    if (from !== to) add(nodes[from]!.parent, from, to, source, edge.type);
  }
  return new Map([...known].map(([container, wires]) => [container, [...wires.values()]]));
}

/** A container's drawing: the origin is the frame's corner; ports by the box that the value comes from. */
interface Panel extends Layout {
  readonly entries: ReadonlyMap<number, number>;
  readonly exits: ReadonlyMap<number, number>;
}

/** Puts labels beside each other in the space under a layer; one that finds no room stays a tooltip. */
class LabelBoard {
  readonly labels: Label[] = [];
  private readonly said = new Set<string>();
  private readonly taken: { x: number; y: number; half: number }[] = [];

  put(
    text: string,
    source: number,
    gap: number,
    from: readonly [number, number],
    to: readonly [number, number],
  ) {
    const key = `${gap}:${source}:${text}`;
    if (this.said.has(key)) return;
    const half = labelWidth(text) / 2;
    const height = to[1] - from[1];
    const rows = Math.max(1, Math.floor(height / LABEL_HEIGHT));
    const places = Array.from({ length: rows }, (_, r) => (r + 0.5) / rows).sort(
      (a, b) => Math.abs(a - 0.5) - Math.abs(b - 0.5),
    );
    for (const t of places) {
      const ease = t * t * (3 - 2 * t);
      const [x, y] = [from[0] + (to[0] - from[0]) * ease, from[1] + height * t];
      const free = this.taken.every(
        (o) => Math.abs(o.y - y) >= LABEL_HEIGHT - 1 || Math.abs(o.x - x) >= o.half + half,
      );
      if (!free) continue;
      this.said.add(key);
      this.taken.push({ x, y, half });
      this.labels.push({ text, source, x, y, width: 2 * half });
      return;
    }
  }
}

export const labelText = (types: readonly string[]): string =>
  types.length > 1 ? `${types[0]} +${types.length - 1}` : types[0]!;

/** The drawing of a function with these containers open. */
export function layoutOf(graph: Graph, expanded: ReadonlySet<number>): Layout {
  const shown = shownBy(graph, expanded);
  const wires = wiresOf(graph, shown);
  const children = new Map<number, number[]>();
  shown.forEach((s, i) => {
    if (s !== i) return;
    const { parent } = graph.nodes[i]!;
    const list = children.get(parent);
    if (list) list.push(i);
    else children.set(parent, [i]);
  });

  const arrange = (container: number): Panel => {
    const inner = children.get(container) ?? [];
    const here = wires.get(container) ?? [];
    const panels = new Map(inner.filter((i) => expanded.has(i)).map((i) => [i, arrange(i)]));
    const vertices: Vertex[] = inner.map((node) => {
      const { width, height } = panels.get(node) ?? sizeOf(graph.nodes[node]!);
      return { node, width, height, layer: 0, x: 0 };
    });
    const vertexOf = new Map(inner.map((node, v) => [node, v]));
    const ports = (end: "from" | "to") => {
      const found = new Map<number, number>();
      for (const wire of here) {
        if (wire[end] >= 0 || found.has(wire.source)) continue;
        found.set(wire.source, vertices.push({ node: -1, width: 2, height: 0, layer: 0, x: 0 }) - 1);
      }
      return found;
    };
    const [entries, exits] = [ports("from"), ports("to")];
    const ends = here.map((wire) => ({
      wire,
      from: wire.from < 0 ? entries.get(wire.source)! : vertexOf.get(wire.from)!,
      to: wire.to < 0 ? exits.get(wire.source)! : vertexOf.get(wire.to)!,
    }));
    if (entries.size) for (const v of vertices.slice(0, inner.length)) v.layer = 1;
    assignLayers(
      vertices,
      ends.map(({ from, to }) => [from, to] as const),
      new Set(exits.values()),
    );

    // Long edges bend at a vertex in every layer between; those of one value share the bends.
    const offset = (node: number, port: number | undefined, width: number) =>
      node >= 0 && port !== undefined ? port - width / 2 : 0;
    const hops: Hop[] = [];
    const known = new Map<string, Hop>();
    const bends = new Map<string, number>();
    const paths = ends.map(({ wire, from, to }) => {
      const [first, last] = [vertices[from]!, vertices[to]!];
      const path: Hop[] = [];
      let at = from;
      for (let layer = first.layer + 1; layer <= last.layer; layer++) {
        const key = `${from}:${wire.source}:${layer}`;
        let next = to;
        if (layer < last.layer) {
          next = bends.get(key) ?? vertices.push({ node: -1, width: 2, height: 0, layer, x: 0 }) - 1;
          bends.set(key, next);
        }
        const name = `${at}>${next}:${wire.source}`;
        let hop = known.get(name);
        if (!hop) {
          hop = {
            from: at,
            to: next,
            fromOffset:
              at === from ? offset(wire.from, panels.get(wire.from)?.exits.get(wire.source), first.width) : 0,
            toOffset:
              next === to ? offset(wire.to, panels.get(wire.to)?.entries.get(wire.source), last.width) : 0,
          };
          known.set(name, hop);
          hops.push(hop);
        }
        path.push(hop);
        at = next;
      }
      return path;
    });

    const above: Hop[][] = vertices.map(() => []);
    const below: Hop[][] = vertices.map(() => []);
    for (const hop of hops) {
      above[hop.to]!.push(hop);
      below[hop.from]!.push(hop);
    }
    const bottom = Math.max(0, ...vertices.map((v) => v.layer));
    const layers: number[][] = Array.from({ length: bottom + 1 }, () => []);
    vertices.forEach((v, i) => {
      layers[v.layer]!.push(i);
    });
    const ordered = orderLayers(layers, above, below);
    positionLayers(vertices, ordered, above, below);

    // A plain box takes its edges in side by side, in the order in which they arrive.
    vertices.forEach((v, i) => {
      const into = above[i]!;
      if (v.node < 0 || panels.has(v.node) || into.length < 2) return;
      const step = Math.min(16, (v.width - 20) / into.length);
      into.sort((a, b) => vertices[a.from]!.x + a.fromOffset - vertices[b.from]!.x - b.fromOffset);
      into.forEach((hop, k) => {
        hop.toOffset = (k - (into.length - 1) / 2) * step;
      });
    });

    const left = vertices.reduce((least, v) => Math.min(least, v.x - v.width / 2), Number.POSITIVE_INFINITY);
    const head = container < 0 ? PADDING : FRAME_HEAD;
    for (const v of vertices) v.x += PADDING - left;
    const right = Math.max(...vertices.map((v) => v.x + v.width / 2), 0);
    const tall = ordered.map((layer) => Math.max(0, ...layer.map((v) => vertices[v]!.height)));
    const starting = new Map<number, Map<string, number>>();
    for (const { wire, from } of ends) {
      if (wire.from !== wire.source || wire.types.size === 0) continue;
      const { layer } = vertices[from]!;
      const text = labelText([...wire.types]);
      const texts = starting.get(layer) ?? new Map<string, number>();
      starting.set(layer, texts.set(`${wire.source}:${text}`, labelWidth(text)));
    }
    const tops: number[] = [];
    let y = head;
    tall.forEach((height, l) => {
      tops.push(y);
      const texts = starting.get(l);
      const wide = [...(texts?.values() ?? [])].reduce((a, b) => a + b, 0);
      const rows = texts ? Math.min(5, Math.ceil((1.6 * wide) / Math.max(right, 1))) : 0;
      const fan = Math.min(24, (ordered[l]!.reduce((n, v) => n + below[v]!.length, 0) / 3) | 0);
      const port = height === 0 && ordered[l]!.every((v) => vertices[v]!.node < 0);
      y += height + (l === bottom ? 0 : (port && !rows ? 16 : 26) + rows * LABEL_HEIGHT + fan);
    });

    const whole = y + PADDING;
    const topOf = (v: Vertex) =>
      v.node < 0 ? tops[v.layer]! : tops[v.layer]! + Math.min((tall[v.layer]! - v.height) / 2, 24);
    const boxes = vertices.flatMap((v) => {
      if (v.node < 0) return [];
      const [x, top] = [v.x - v.width / 2, topOf(v)];
      const panel = panels.get(v.node);
      const box = { node: v.node, x, y: top, width: v.width, height: v.height, frame: panel !== undefined };
      return panel ? [box, ...panel.boxes.map((b) => ({ ...b, x: b.x + x, y: b.y + top }))] : [box];
    });
    const board = new LabelBoard();
    const routes: Route[] = ends.map(({ wire, from, to }, w) => {
      const points: [number, number][] = [];
      const types = [...wire.types];
      const start = vertices[from]!;
      const firstX = start.x + (paths[w]![0]?.fromOffset ?? 0);
      points.push([firstX, entries.get(wire.source) === from ? 0 : topOf(start) + start.height]);
      paths[w]!.forEach((hop, i) => {
        const [a, b] = [vertices[hop.from]!, vertices[hop.to]!];
        const leave = [a.x + hop.fromOffset, tops[a.layer]! + tall[a.layer]!] as [number, number];
        const arrive = [b.x + hop.toOffset, tops[b.layer]!] as [number, number];
        points.push(leave, arrive);
        if (i === 0 && types.length && wire.from === wire.source)
          board.put(labelText(types), wire.source, a.layer, leave, arrive);
      });
      const end = vertices[to]!;
      const lastX = end.x + (paths[w]!.at(-1)?.toOffset ?? 0);
      points.push([lastX, exits.get(wire.source) === to ? whole : topOf(end)]);
      return { source: wire.source, from: wire.from, to: wire.to, types, points };
    });
    const labels = [...board.labels];
    for (const v of vertices) {
      const panel = panels.get(v.node);
      if (!panel) continue;
      const [x, top] = [v.x - v.width / 2, topOf(v)];
      labels.push(...panel.labels.map((l) => ({ ...l, x: l.x + x, y: l.y + top })));
      for (const route of panel.routes)
        routes.push({
          ...route,
          points: route.points.map(([px, py]) => [px + x, py + top] as [number, number]),
        });
    }
    const title = container < 0 ? 0 : graph.nodes[container]!.title.length * 7.8 + 70;
    const width = Math.max(right + PADDING, title);
    const at = (found: ReadonlyMap<number, number>) =>
      new Map([...found].map(([source, v]) => [source, vertices[v]!.x]));
    return { width, height: whole, boxes, routes, labels, entries: at(entries), exits: at(exits) };
  };
  const { entries: _entries, exits: _exits, ...layout } = arrange(-1);
  return layout;
}
