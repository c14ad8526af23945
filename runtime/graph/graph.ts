/**
 * @file A module as a page for the browser, or one function of it as a picture. `data.ts` says what is shown, `layout.ts`
 * where it stands, `draw.ts` how it looks, `app.ts` what a click does.
 */
import { readFileSync } from "node:fs";
import type { UnverifiedModule } from "../../compiler/ir/module.js";
import { functionOf, graphData, sourcesOf } from "./data.js";
import { draw, escapeText } from "./draw.js";
import { layoutOf } from "./layout.js";
import { STYLE } from "./style.js";

export { modelExplorerGraphs } from "./model-explorer.js";

/** The files whose text runs in the page. They import only each other, so that in this order they are one script. */
const IN_PAGE = ["model", "views", "layers", "layout", "draw", "details", "app"];

/** A built module of this folder as part of one script. */
const scriptOf = (file: string): string =>
  readFileSync(new URL(file, import.meta.url), "utf8")
    .replaceAll(/^import [^;]*;\n/gm, "")
    .replaceAll(/^export (?=const|function|class)/gm, "")
    .replaceAll(/^\/\/# sourceMappingURL.*$/gm, "");

const button = (command: string, text: string, title: string) =>
  `<button data-command="${command}" title="${title}">${text}</button>`;

/** One HTML file that shows every function as a graph. It needs nothing beside itself, and asks the network for nothing. */
export function graphPage(module: UnverifiedModule): string {
  const data = graphData(module);
  const tabs = data.functions.map((fn, i) => `<button data-tab="${i}">${escapeText(fn.name)}</button>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeText(module.name)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeText(module.name)}</h1>
<nav>${tabs.join("")}</nav>
<span class="tools">${button("default", "default", "The view that the page opened with")}${button("none", "close all", "Close every group")}${button("all", "open all", "Open every group")}${button("out", "−", "Smaller (-)")}${button("in", "+", "Larger (+)")}${button("fit", "fit", "Fit (0)")}</span>
<span class="find"><span id="found"></span><input id="search" type="search" placeholder="Search ops and storage  /" aria-label="Search ops and storage" autocomplete="off" spellcheck="false"></span>
</header>
<main><svg id="canvas" xmlns="http://www.w3.org/2000/svg"><g id="world"></g></svg><aside id="side"></aside></main>
<footer id="status"></footer>
<script type="application/json" id="data">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>
<script>
(() => {
"use strict";
${IN_PAGE.map((name) => scriptOf(`./${name}.js`)).join("")}
openPage(document);
})();
</script>
</body>
</html>
`;
}

/** The default view of one function as an SVG file. */
export function graphSvg(module: UnverifiedModule, functionName: string): string {
  const fn = module.functions.find((f) => f.name === functionName);
  if (!fn) throw new Error(`there is no function ${functionName}`);
  const graph = functionOf(fn, sourcesOf(module), () => -1);
  const layout = layoutOf(graph, new Set(graph.view));
  const [width, height] = [Math.ceil(layout.width), Math.ceil(layout.height)];
  return `<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><style>${escapeText(STYLE)}</style><rect class="ground" width="100%" height="100%"/>${draw(graph, layout)}</svg>\n`;
}
