/**
 * @file The layers of a container: which layer each box is in (longest path), in which order (barycentres), and where from left
 * to right (isotonic regression). After Sugiyama, Tagawa and Toda, 1981. Its text runs in the page too.
 */

/** A box, a port of the container, or a bend of a long edge. */
export interface Vertex {
  readonly width: number;
  readonly height: number;
  readonly node: number;
  layer: number;
  x: number;
}

/** Between neighbouring layers; offsets say where on its ends it touches, from their middles. */
export interface Hop {
  readonly from: number;
  readonly to: number;
  readonly fromOffset: number;
  toOffset: number;
}

const BOX_GAP = 26;
const LINE_GAP = 14;

/** Longest path from the top; what hangs on inputs alone sinks towards its use; exits are last. */
export function assignLayers(
  vertices: Vertex[],
  wires: readonly (readonly [number, number])[],
  exits: Set<number>,
) {
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
export function orderLayers(
  layers: number[][],
  above: readonly Hop[][],
  below: readonly Hop[][],
): number[][] {
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

export function positionLayers(
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
  const alignLayer = (l: number, up: boolean, down: boolean) => {
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
    for (let l = 0; l < layers.length; l++) alignLayer(l, true, sweep > 3);
    for (let l = layers.length - 1; l >= 0; l--) alignLayer(l, sweep > 3, true);
  }
}
