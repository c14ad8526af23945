/** @file How the page and the pictures look, light and dark. */

/** Of the page and of the SVG file alike. */
export const STYLE = `
:root, svg.graph { --ground: #f6f7f9; --panel: #ffffff; --ink: #1d2430; --soft: #667085; --line: #d5dae2; --card: #ffffff;
  --edge: #98a2b3; --accent: #2563eb; --mark: #fde68a; --frame: #10182808; --shade: #10182818;
  --slate: #56657a; --blue: #2f5fb3; --sand: #86754a; --teal: #2b7a86; --violet: #6a58a6; --green: #3f7a4f;
  --grey: #838c99; --red: #cf3f2b; --amber: #b9791a; --pink: #ad2b86; --dark: #2a3342; }
@media (prefers-color-scheme: dark) { :root, svg.graph { --ground: #14171c; --panel: #1b1f26; --ink: #e6e9ee;
  --soft: #98a2b3; --line: #323945; --card: #20252d; --edge: #667085; --accent: #7aa7ff; --mark: #6b5510;
  --frame: #ffffff09; --shade: #00000066; --slate: #4d5b6e; --blue: #3465b8; --sand: #77683f; --teal: #2a7580;
  --violet: #6654a1; --green: #3b7149; --grey: #5d6673; --red: #d0432f; --amber: #a96e17; --pink: #a92f85; --dark: #414c5e; } }
.tone-elementwise { --tone: var(--slate) } .tone-linear-algebra { --tone: var(--blue) } .tone-views { --tone: var(--sand) }
.tone-reductions { --tone: var(--teal) } .tone-indexing { --tone: var(--violet) } .tone-groups, .tone-rng { --tone: var(--green) }
.tone-scalars, .tone-storage, .tone-unknown { --tone: var(--grey) } .tone-control, .tone-region { --tone: var(--violet) }
.tone-write, .tone-collective { --tone: var(--red) } .tone-update { --tone: var(--amber) } .tone-gradients { --tone: var(--pink) }
.tone-result, .tone-group { --tone: var(--dark) } .tone-input { --tone: var(--grey) }
svg text { font-family: ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif; fill: var(--ink); user-select: none }
.ground { fill: var(--ground) }
.frame rect { fill: var(--frame); stroke: var(--tone); stroke-width: 1.2; stroke-opacity: .55 }
.frame.tone-control rect, .frame.tone-region rect { stroke-dasharray: 6 4; stroke-opacity: .9 }
.head text { font-size: 12.5px; font-weight: 600; paint-order: stroke; stroke: var(--ground); stroke-width: 4px }
.toggle { cursor: pointer } .toggle circle { fill: var(--tone); stroke: #fff; stroke-opacity: .45 }
.toggle path { stroke: #fff; stroke-width: 1.6; fill: none } .toggle:hover circle { fill: var(--accent) }
.edge { fill: none; stroke: var(--edge); stroke-width: 1.3 } .arrow { fill: var(--edge); fill: context-stroke }
.spot { fill: var(--tone); stroke: #fff; stroke-width: 1.2 }
.edge.order { stroke: var(--red); stroke-dasharray: 2 4; stroke-linecap: round }
.edge.out, .edge.in { stroke: var(--accent); stroke-width: 2.2 } .edge.in { stroke-dasharray: 5 3 }
.label { pointer-events: none } .label rect { fill: var(--ground); fill-opacity: .88 }
svg .label text { font-size: 10.5px; text-anchor: middle; fill: var(--soft);
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
svg .label.out text { fill: var(--accent) }
.box { cursor: pointer } .card, .behind { fill: var(--card); stroke: var(--tone); stroke-width: 1 }
.behind { opacity: .5 } .bar { fill: var(--tone) }
svg .box .title { font-size: 13px; font-weight: 600; fill: #fff }
.box .row { font-size: 10.5px; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
svg .box .row.about { fill: var(--soft) } svg .box .row:not(.about):hover, svg .box .row.selected { fill: var(--accent) }
.tone-write .card, .tone-gradients .card { stroke-width: 2.4 }
.box.input .bar, .box.argument .bar { fill: var(--card); stroke: var(--tone) }
svg .box.input .title, svg .box.argument .title { fill: var(--ink); font-weight: 500 }
.box:hover .card { stroke: var(--accent); stroke-width: 2 }
.box.selected .card, .frame.selected rect { stroke: var(--accent); stroke-width: 3; stroke-opacity: 1 }
.box.match .card { stroke: #f59e0b; stroke-width: 4 } .searching .box:not(.match) { opacity: .3 }
.searching .edge, .searching .label { opacity: .4 }
html, body { height: 100% } body { margin: 0; display: flex; flex-direction: column; background: var(--ground); color: var(--ink);
  font: 13.5px/1.5 ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif; overflow: hidden }
header { display: flex; align-items: center; gap: 18px; padding: 8px 16px; background: var(--panel); border-bottom: 1px solid var(--line);
  flex-wrap: wrap }
h1 { font-size: 15px; margin: 0 } nav, .tools { display: flex; gap: 4px } .find { margin-left: auto; display: flex; gap: 10px; align-items: center }
button, input { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 7px; padding: 3px 11px }
button { cursor: pointer } button:hover { border-color: var(--accent) } nav button.current { background: var(--accent); border-color: var(--accent); color: var(--panel) }
.tools button { padding: 3px 9px; color: var(--soft) } input { width: 230px } #found, footer { color: var(--soft); font-size: 12px }
main { flex: 1; display: flex; min-height: 0 } #canvas { flex: 1; min-width: 0; cursor: grab; touch-action: none } #canvas:active { cursor: grabbing }
aside { width: 460px; max-width: 45vw; box-sizing: border-box; overflow: auto; padding: 14px 18px 40px; background: var(--panel); border-left: 1px solid var(--line) }
footer { position: fixed; left: 14px; bottom: 8px; pointer-events: none }
h2 { font-size: 17px; margin: 2px 0 6px; overflow-wrap: anywhere } h3 { font-size: 11px; margin: 18px 0 6px; text-transform: uppercase; letter-spacing: .06em; color: var(--soft) }
aside p { margin: 4px 0 8px } a { color: var(--accent); text-decoration: none } a:hover { text-decoration: underline }
.effect { font-size: 11px; font-weight: 600; padding: 1px 8px; border-radius: 9px; background: var(--amber); color: #fff; vertical-align: 2px }
pre, code { font: 11.5px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
pre { margin: 0; padding: 9px 11px; background: var(--ground); border: 1px solid var(--line); border-radius: 7px; overflow: auto; max-height: 320px }
.text { white-space: pre-wrap; overflow-wrap: anywhere } table { border-collapse: collapse; width: 100% }
td { padding: 2px 10px 2px 0; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
td:first-child:not(:nth-last-child(2)) { overflow-wrap: normal; white-space: nowrap }
.place { font: 11.5px ui-monospace, Menlo, Consolas, monospace; margin: 6px 0 4px } .from { color: var(--soft); font-size: 12px; margin-top: 12px }
.chip { display: inline-block; padding: 1px 9px; margin-bottom: 4px; border-radius: 5px; background: var(--tone); color: #fff; font-size: 12px; font-weight: 600 }
.code { padding: 6px 0 } .code span { display: block; padding-right: 10px; width: max-content; min-width: 100%; box-sizing: border-box; white-space: pre }
.code i { display: inline-block; width: 40px; margin-right: 12px; text-align: right; font-style: normal; color: var(--soft); opacity: .7; user-select: none }
.code .hit { background: var(--frame) } mark { background: var(--mark); color: inherit; border-radius: 3px }
`;
