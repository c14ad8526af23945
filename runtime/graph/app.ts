/** @file Ties the page to its data: what is open, selected and searched, and what mouse and keys do. Runs in the browser only. */
import { findOps, functionDetails, nodeDetails, opDetails } from "./details.js";
import { draw } from "./draw.js";
import { type Layout, layoutOf } from "./layout.js";
import { type GraphData, isContainer } from "./model.js";
import { countBoxes, revealed, shownBy, toggled } from "./views.js";

/** As much of a browser's elements as the page uses. */
interface PageElement {
  innerHTML: string;
  textContent: string;
  value: string;
  scrollTop: number;
  readonly dataset: Record<string, string | undefined>;
  readonly classList: { toggle(name: string, on: boolean): void };
  addEventListener(name: string, handler: (event: PageEvent) => void, options?: { passive: boolean }): void;
  closest(selector: string): PageElement | null;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  setAttribute(name: string, value: string): void;
  setPointerCapture(id: number): void;
  getBoundingClientRect(): { left: number; top: number; width: number; height: number };
  focus(): void;
  blur(): void;
}
interface PageEvent {
  readonly target: PageElement;
  readonly key: string;
  readonly clientX: number;
  readonly clientY: number;
  readonly deltaX: number;
  readonly deltaY: number;
  readonly button: number;
  readonly pointerId: number;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  preventDefault(): void;
}

/** Ties the page to its data. Runs in the browser only. */
export function openPage(document: PageElement): void {
  const element = (selector: string) => document.querySelector(selector)!;
  const data = JSON.parse(element("#data").textContent) as GraphData;
  const [canvas, world, side] = [element("#canvas"), element("#world"), element("#side")];
  const [search, found, status] = [element("#search"), element("#found"), element("#status")];
  const views = data.functions.map((fn) => ({
    expanded: new Set(fn.view) as ReadonlySet<number>,
    at: undefined as { x: number; y: number; zoom: number } | undefined,
  }));
  let current = 0;
  let layout: Layout = { width: 0, height: 0, boxes: [], routes: [], labels: [] };
  let selected = { node: -1, op: -1 };
  let hit = -1;

  const fn = () => data.functions[current]!;
  const view = () => views[current]!;
  const boxOf = (node: number) => {
    const shown = shownBy(fn(), view().expanded)[node];
    return layout.boxes.find((box) => box.node === shown);
  };
  const move = (x: number, y: number, zoom: number) => {
    view().at = { x, y, zoom };
    world.setAttribute("transform", `translate(${x} ${y}) scale(${zoom})`);
  };
  const fitIn = () => {
    const { width, height } = canvas.getBoundingClientRect();
    const whole = Math.min((width - 32) / layout.width, (height - 32) / layout.height);
    const zoom = Math.min(1, Math.max(whole, Math.min(0.6, (width - 32) / layout.width)));
    move((width - layout.width * zoom) / 2, Math.max(16, (height - layout.height * zoom) / 2), zoom);
  };
  const zoomBy = (factor: number, x?: number, y?: number) => {
    const frame = canvas.getBoundingClientRect();
    const at = view().at!;
    const zoom = Math.min(4, Math.max(0.03, at.zoom * factor));
    const [cx, cy] = [
      (x ?? frame.left + frame.width / 2) - frame.left,
      (y ?? frame.top + frame.height / 2) - frame.top,
    ];
    move(cx - ((cx - at.x) * zoom) / at.zoom, cy - ((cy - at.y) * zoom) / at.zoom, zoom);
  };
  const centre = (node: number) => {
    const box = boxOf(node);
    if (!box) return;
    const { width, height } = canvas.getBoundingClientRect();
    const zoom = Math.max(view().at!.zoom, 0.7);
    move(
      width / 2 - (box.x + box.width / 2) * zoom,
      height / 2 - (box.y + Math.min(box.height, 200) / 2) * zoom,
      zoom,
    );
  };

  const mark = () => {
    const shown = shownBy(fn(), view().expanded);
    const matches = findOps(fn(), search.value);
    const boxes = new Set(matches.map((op) => shown[fn().ops[op]!.node]));
    canvas.classList.toggle("searching", search.value.trim() !== "");
    found.textContent = search.value.trim() === "" ? "" : `${matches.length} ops`;
    const at = selected.node < 0 ? -1 : shown[selected.node]!;
    for (const e of world.querySelectorAll("[data-node]")) {
      e.classList.toggle("match", boxes.has(Number(e.dataset.node)));
      e.classList.toggle("selected", Number(e.dataset.node) === at);
    }
    for (const e of world.querySelectorAll("[data-source]")) {
      e.classList.toggle("out", at >= 0 && Number(e.dataset.source) === at);
      e.classList.toggle("in", at >= 0 && Number(e.dataset.to) === at);
    }
    for (const e of world.querySelectorAll(".row[data-op]"))
      e.classList.toggle("selected", Number(e.dataset.op) === selected.op);
  };
  const render = () => {
    layout = layoutOf(fn(), view().expanded);
    world.innerHTML = draw(fn(), layout);
    status.textContent = `${countBoxes(fn(), view().expanded)} boxes of ${fn().ops.length} ops`;
    mark();
  };
  const select = (node: number, op: number) => {
    selected = { node, op };
    side.innerHTML =
      op >= 0 ? opDetails(data, fn(), op) : node >= 0 ? nodeDetails(data, fn(), node) : functionDetails(fn());
    side.scrollTop = 0;
    mark();
  };
  /** The anchor stays where it is on the screen. */
  const expand = (expanded: ReadonlySet<number>, anchor = -1) => {
    const before = anchor < 0 ? undefined : boxOf(anchor);
    view().expanded = expanded;
    render();
    const after = anchor < 0 ? undefined : boxOf(anchor);
    const at = view().at;
    if (!before || !after || !at) return fitIn();
    const middle = before.x + before.width / 2 - after.x - after.width / 2;
    move(at.x + middle * at.zoom, at.y + (before.y - after.y) * at.zoom, at.zoom);
  };
  const goTo = (op: number) => {
    const { node } = fn().ops[op]!;
    if (node >= 0 && !boxOf(node)?.frame && boxOf(node)?.node !== node) {
      view().expanded = revealed(fn(), view().expanded, node);
      render();
    }
    select(node, op);
    if (node >= 0) centre(node);
  };
  const show = (index: number) => {
    current = index;
    for (const tab of document.querySelectorAll("[data-tab]"))
      tab.classList.toggle("current", Number(tab.dataset.tab) === index);
    render();
    const { at } = view();
    if (at) move(at.x, at.y, at.zoom);
    else fitIn();
    select(-1, -1);
  };

  const commands: Record<string, () => void> = {
    fit: fitIn,
    in: () => zoomBy(1.3),
    out: () => zoomBy(1 / 1.3),
    all: () => expand(new Set(fn().nodes.flatMap((node, i) => (isContainer(node) ? [i] : [])))),
    none: () => expand(new Set()),
    default: () => expand(new Set(fn().view)),
  };
  const keys: Record<string, string> = { "+": "in", "=": "in", "-": "out", "0": "fit" };
  let drag: { x: number; y: number; moved: boolean } | undefined;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    if (!drag.moved) canvas.setPointerCapture(event.pointerId);
    const at = view().at!;
    drag = { x: event.clientX, y: event.clientY, moved: true };
    move(at.x + dx, at.y + dy, at.zoom);
  });
  let dragged = false;
  canvas.addEventListener("pointerup", () => {
    dragged = drag?.moved ?? false;
    drag = undefined;
  });
  canvas.addEventListener("click", (event) => {
    if (dragged) return;
    const button = event.target.closest("[data-toggle]");
    if (button)
      return expand(
        toggled(fn(), view().expanded, Number(button.dataset.toggle)),
        Number(button.dataset.toggle),
      );
    const row = event.target.closest("[data-op]");
    const box = event.target.closest("[data-node]");
    const node = Number(box?.dataset.node ?? -1);
    select(node, Number(row?.dataset.op ?? -1));
  });
  canvas.addEventListener("dblclick", (event) => {
    const node = Number(event.target.closest("[data-node]")?.dataset.node ?? -1);
    if (node >= 0 && isContainer(fn().nodes[node]!)) expand(toggled(fn(), view().expanded, node), node);
  });
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const at = view().at!;
      if (event.ctrlKey || event.metaKey) zoomBy(Math.exp(-event.deltaY / 240), event.clientX, event.clientY);
      else if (event.shiftKey && event.deltaX === 0) move(at.x - event.deltaY, at.y, at.zoom);
      else move(at.x - event.deltaX, at.y - event.deltaY, at.zoom);
    },
    { passive: false },
  );
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-tab]");
    if (tab) show(Number(tab.dataset.tab));
    const command = event.target.closest("[data-command]");
    if (command) commands[command.dataset.command!]?.();
  });
  side.addEventListener("click", (event) => {
    const target = event.target.closest("[data-op], [data-toggle]");
    if (!target) return;
    event.preventDefault();
    const { op, toggle: node } = target.dataset;
    if (op !== undefined) goTo(Number(op));
    else expand(toggled(fn(), view().expanded, Number(node)), Number(node));
  });
  search.addEventListener("input", () => {
    hit = -1;
    mark();
  });
  search.addEventListener("keydown", (event) => {
    const matches = findOps(fn(), search.value);
    if (event.key !== "Enter" || matches.length === 0) return;
    hit = (hit + (event.shiftKey ? -1 : 1) + matches.length) % matches.length;
    goTo(matches[hit]!);
    found.textContent = `${hit + 1} of ${matches.length}`;
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input");
    if (event.key === "Escape") {
      search.value = "";
      search.blur();
      select(-1, -1);
    } else if (typing || event.ctrlKey || event.metaKey) return;
    else if (event.key === "/") {
      event.preventDefault();
      search.focus();
    } else commands[keys[event.key] ?? ""]?.();
  });
  show(0);
}
