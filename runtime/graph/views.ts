/** @file Views of a graph: which containers are open, and which boxes are then seen. Its text runs in the page too. */
import { type Graph, isContainer } from "./model.js";

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

/** A view in which a box is visible: the containers around it are open. */
export function revealed(graph: Graph, expanded: ReadonlySet<number>, node: number): ReadonlySet<number> {
  const open = new Set(expanded);
  for (let at = graph.nodes[node]?.parent ?? -1; at >= 0; at = graph.nodes[at]!.parent) open.add(at);
  return open;
}

/** A view in which a container is the other way: opening an `if` opens its branches, closing closes all inside. */
export function toggled(graph: Graph, expanded: ReadonlySet<number>, node: number): ReadonlySet<number> {
  if (!expanded.has(node)) {
    const branches = graph.nodes.flatMap((n, i) =>
      n.kind === "region" && n.parent === node && n.op === graph.nodes[node]!.op ? [i] : [],
    );
    return revealed(graph, new Set([...expanded, node, ...branches]), node);
  }
  const shut = new Set([node]);
  graph.nodes.forEach(({ parent }, i) => {
    if (shut.has(parent)) shut.add(i);
  });
  return new Set([...expanded].filter((i) => !shut.has(i)));
}
