/**
 * @file Where the boxes and edges of a function's graph stand. Pure, and without imports that remain after the build:
 * it runs in Node, and its text runs in the page that `graph.ts` writes.
 *
 * Layered drawing after Sugiyama: longest-path layers, order by barycentres, positions by isotonic regression. Every
 * expanded container is laid out by itself and is then one vertex of the container around it; an edge that crosses a
 * frame does so at a port.
 */

export interface GraphRow {
  readonly text: string;
  /** The op behind the row: a storage that is read, a constant. */
  readonly op: number;
  readonly title: string;
}

export interface GraphNode {
  readonly kind: "op" | "input" | "argument" | "group" | "region";
  readonly title: string;
  /** The path or the call that a container stands for, in full. */
  readonly about: string;
  /** The colour: an effect, or a family of ops. */
  readonly tone: string;
  readonly rows: readonly GraphRow[];
  /** Of a container: the effects inside, as tones. */
  readonly effects: readonly string[];
  /** The container, -1 for the function itself. Containers come before what they hold. */
  readonly parent: number;
  /** The op, -1 where there is none. */
  readonly op: number;
}

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  /** Empty where no value flows: what is below sees a write that is above. */
  readonly type: string;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

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
const BOX_GAP = 26;
const LINE_GAP = 14;
const LABEL_HEIGHT = 15;
const labelWidth = (text: string) => text.length * 6.1 + 10;

export const isContainer = (node: GraphNode) => node.kind === "group" || node.kind === "region";

/** For each node the box that shows it: itself, or the outermost closed container around it. */
export function shownBy(graph: Graph, expanded: ReadonlySet<number>): readonly number[] {
  const shown: number[] = [];
  graph.nodes.forEach(({ parent }, i) => {
    const open = parent < 0 || (shown[parent] === parent && expanded.has(parent));
    shown.push(open ? i : shown[parent]!);
  });
  return shown;
}

/** How many boxes a view shows, frames not counted. */
export const countBoxes = (graph: Graph, expanded: ReadonlySet<number>): number =>
  shownBy(graph, expanded).filter((s, i) => s === i && !expanded.has(i)).length;

/** Opens containers level by level, those of one parent together, as long as at most `limit` boxes are visible. */
export function defaultView(graph: Graph, limit = 60): ReadonlySet<number> {
  const children = new Map<number, number[]>();
  graph.nodes.forEach((node, i) => {
    if (isContainer(node)) children.set(node.parent, [...(children.get(node.parent) ?? []), i]);
  });
  const expanded = new Set<number>();
  let level = [-1];
  while (level.length) {
    const opened: number[] = [];
    for (const parent of level) {
      const siblings = children.get(parent) ?? [];
      const regions = siblings.filter((i) => graph.nodes[i]!.kind === "region");
      for (const candidates of [siblings, regions]) {
        if (countBoxes(graph, new Set([...expanded, ...candidates])) > limit) continue;
        for (const i of candidates) expanded.add(i);
        opened.push(...candidates);
        break;
      }
    }
    level = opened;
  }
  return expanded;
}

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

/** A box, a port of the container, or a bend of a long edge. */
interface Vertex {
  readonly width: number;
  readonly height: number;
  readonly node: number;
  layer: number;
  x: number;
}

/** Between neighbouring layers; offsets say where on its ends it touches, from their middles. */
interface Hop {
  readonly from: number;
  readonly to: number;
  readonly fromOffset: number;
  toOffset: number;
}

/** A container's drawing: the origin is the frame's corner; ports by the box that the value comes from. */
interface Panel extends Layout {
  readonly entries: ReadonlyMap<number, number>;
  readonly exits: ReadonlyMap<number, number>;
}

/** Longest path from the top; what hangs on inputs alone sinks towards its use; exits are last. */
function assignLayers(vertices: Vertex[], wires: readonly (readonly [number, number])[], exits: Set<number>) {
  const after: number[][] = vertices.map(() => []);
  const before: number[][] = vertices.map(() => []);
  for (const [from, to] of wires) {
    after[from]!.push(to);
    before[to]!.push(from);
  }
  const waiting = before.map((list) => list.length);
  const order = [...vertices.keys()].filter((v) => waiting[v] === 0);
  for (let i = 0; i < order.length; i++) {
    const v = order[i]!;
    for (const next of after[v]!) {
      vertices[next]!.layer = Math.max(vertices[next]!.layer, vertices[v]!.layer + 1);
      if (--waiting[next]! === 0) order.push(next);
    }
  }
  const bottom = Math.max(0, ...vertices.map((v) => v.layer));
  const last = vertices.some((v, i) => !exits.has(i) && v.layer === bottom) ? bottom + 1 : bottom;
  for (const v of exits) vertices[v]!.layer = last;
  const loose: boolean[] = [];
  for (const v of order)
    loose[v] = vertices[v]!.node >= 0 && before[v]!.every((p) => loose[p] && after[p]!.length === 1);
  for (const v of order.reverse()) {
    if (vertices[v]!.node < 0 || after[v]!.length === 0) continue;
    const held = before[v]!.filter((p) => !loose[p]).length;
    if (after[v]!.length <= held) continue;
    vertices[v]!.layer = Math.min(...after[v]!.map((next) => vertices[next]!.layer)) - 1;
  }
}

/** Crossings between two layers whose hops are given as pairs of positions. */
function crossings(pairs: (readonly [number, number])[], size: number): number {
  pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const tree = new Int32Array(size + 1);
  let total = 0;
  pairs.forEach(([, to], seen) => {
    let left = 0;
    for (let i = to + 1; i > 0; i -= i & -i) left += tree[i]!;
    total += seen - left;
    for (let i = to + 1; i <= size; i += i & -i) tree[i]!++;
  });
  return total;
}

/** Sorts each layer by the mean place of its neighbours, up and down, and keeps the order with the fewest crossings. */
function orderLayers(layers: number[][], above: readonly Hop[][], below: readonly Hop[][]): number[][] {
  const place: number[] = [];
  const number = (layer: readonly number[]) => {
    for (let i = 0; i < layer.length; i++) place[layer[i]!] = i;
  };
  const count = () =>
    layers.reduce((total, layer, l) => {
      const pairs = layer.flatMap((v) => below[v]!.map((h) => [place[v]!, place[h.to]!] as const));
      return total + crossings(pairs, layers[l + 1]?.length ?? 0);
    }, 0);
  layers.forEach(number);
  let best = layers.map((layer) => [...layer]);
  let fewest = count();
  for (let sweep = 0; sweep < 12 && fewest > 0; sweep++) {
    const down = sweep % 2 === 0;
    const hops = down ? above : below;
    for (const layer of down ? layers : [...layers].reverse()) {
      const mean = new Map<number, number>();
      for (const v of layer) {
        const near = hops[v]!;
        const sum = near.reduce((s, h) => s + place[down ? h.from : h.to]!, 0);
        mean.set(v, near.length ? sum / near.length : place[v]!);
      }
      layer.sort((a, b) => mean.get(a)! - mean.get(b)! || place[a]! - place[b]!);
      number(layer);
    }
    const crossed = count();
    if (crossed < fewest) {
      fewest = crossed;
      best = layers.map((layer) => [...layer]);
    }
  }
  return best;
}

/** The positions nearest to the wished ones, by weighted least squares, that keep order and distances. */
export function spread(
  wished: readonly number[],
  weights: readonly number[],
  distances: readonly number[],
): number[] {
  const blocks: { sum: number; weight: number; size: number }[] = [];
  let shift = 0;
  wished.forEach((wish, i) => {
    if (i > 0) shift += distances[i - 1]!;
    const weight = weights[i]!;
    let block = { sum: (wish - shift) * weight, weight, size: 1 };
    for (let last = blocks.at(-1); last && last.sum / last.weight >= block.sum / block.weight; ) {
      block = {
        sum: last.sum + block.sum,
        weight: last.weight + block.weight,
        size: last.size + block.size,
      };
      blocks.pop();
      last = blocks.at(-1);
    }
    blocks.push(block);
  });
  const flat = blocks.flatMap(({ sum, weight, size }) => Array<number>(size).fill(sum / weight));
  let offset = 0;
  return flat.map((x, i) => {
    if (i > 0) offset += distances[i - 1]!;
    return x + offset;
  });
}

function positionLayers(
  vertices: Vertex[],
  layers: readonly number[][],
  above: readonly Hop[][],
  below: readonly Hop[][],
) {
  const distances = layers.map((layer) =>
    layer.slice(1).map((v, i) => {
      const [a, b] = [vertices[layer[i]!]!, vertices[v]!];
      return (a.width + b.width) / 2 + (a.node < 0 && b.node < 0 ? LINE_GAP : BOX_GAP);
    }),
  );
  layers.forEach((layer, l) => {
    let x = 0;
    layer.forEach((v, i) => {
      vertices[v]!.x = i === 0 ? 0 : x + distances[l]![i - 1]!;
      x = vertices[v]!.x;
    });
  });
  const bend = (v: number) => vertices[v]!.node < 0;
  const settle = (l: number, up: boolean, down: boolean) => {
    const layer = layers[l]!;
    const weights: number[] = [];
    const wished = layer.map((v) => {
      let [sum, weight] = [0, 0];
      const pull = (other: number, x: number) => {
        const strength = bend(v) && bend(other) ? 8 : bend(v) || bend(other) ? 2 : 1;
        sum += strength * x;
        weight += strength;
      };
      if (up) for (const h of above[v]!) pull(h.from, vertices[h.from]!.x + h.fromOffset - h.toOffset);
      if (down) for (const h of below[v]!) pull(h.to, vertices[h.to]!.x + h.toOffset - h.fromOffset);
      weights.push(weight || 0.1);
      return weight ? sum / weight : vertices[v]!.x;
    });
    spread(wished, weights, distances[l]!).forEach((x, i) => {
      vertices[layer[i]!]!.x = x;
    });
  };
  for (let sweep = 0; sweep < 6; sweep++) {
    for (let l = 0; l < layers.length; l++) settle(l, true, sweep > 3);
    for (let l = layers.length - 1; l >= 0; l--) settle(l, sweep > 3, true);
  }
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
