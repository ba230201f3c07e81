/** The page's style sheet: light and dark, wide and narrow, with the fonts that the reader's system has. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --paper: #faf9f6; --card: #ffffff; --ink: #23252b; --quiet: #6b6f7a; --rule: #e6e3dc;
  --first: #3557c9; --second: #d3671f; --good: #2b7a4b;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16171b; --card: #1e2026; --ink: #e7e5df; --quiet: #989ba6; --rule: #30333c;
    --first: #8ba6ff; --second: #f2a05f; --good: #74c795;
  }
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--paper); color: var(--ink); font: 15px/1.55 var(--sans); padding: 0 20px; }
header, main, footer { max-width: 1080px; margin: 0 auto; }
header { padding: 48px 0 8px; }
h1 { font: 600 34px/1.2 var(--serif); overflow-wrap: anywhere; }
h2 { font: 600 21px/1.3 var(--serif); margin: 44px 0 14px; }
h3 { font-size: 14px; font-weight: 600; }
a { color: var(--first); }
.quiet, .unit { color: var(--quiet); }
.lead { color: var(--quiet); margin-top: 6px; }
.status { font: 600 12px/1 var(--sans); letter-spacing: .02em; color: var(--good); border: 1px solid currentColor;
  border-radius: 99px; padding: 4px 9px; margin-left: 10px; vertical-align: middle; white-space: nowrap; }
.status.stopped, .status.running { color: var(--second); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(145px, 1fr)); gap: 1px; margin-top: 26px;
  background: var(--rule); border: 1px solid var(--rule); border-radius: 12px; overflow: hidden; }
.numbers div { background: var(--card); padding: 14px 16px 13px; }
.numbers dt { color: var(--quiet); font-size: 12.5px; }
.numbers small { font-size: 12.5px; font-weight: 400; color: var(--quiet); margin-left: 5px; }
.numbers dd { font-size: 23px; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; white-space: nowrap; }
.charts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 16px; }
.charts .chart:first-child { grid-column: 1 / -1; }
.chart, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 16px 18px; min-width: 0; }
figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 9px; margin-bottom: 12px; }
.unit { font-size: 12.5px; }
.legend { margin-left: auto; display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 12.5px; color: var(--quiet); }
.key::before { content: ""; display: inline-block; width: 16px; height: 3px; border-radius: 2px; margin-right: 6px;
  vertical-align: middle; background: currentColor; }
.key.first::before { color: var(--first); } .key.second::before { color: var(--second); }
.key.band::before { height: 9px; opacity: .3; }
.plot { position: relative; padding: 6px 2px 24px 44px; touch-action: pan-y; cursor: crosshair; }
.plot > svg { display: block; width: 100%; height: 150px; overflow: visible; }
.charts .chart:first-child .plot > svg { height: 290px; }
.grid { stroke: var(--rule); stroke-width: 1; shape-rendering: crispEdges; }
.tick { fill: var(--quiet); font: 11.5px var(--sans); font-variant-numeric: tabular-nums; }
.tick.y { text-anchor: end; dominant-baseline: central; }
.line, .band, .dots { fill: none; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
.line { stroke-width: 1.8; } .dots { stroke-width: 7; }
.first { stroke: var(--first); } .second { stroke: var(--second); }
.band { stroke-width: 1; stroke-opacity: .28; fill-opacity: .22; }
.band.first { fill: var(--first); }
.cursor { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 3 3; }
output { position: absolute; top: 0; pointer-events: none; font-size: 12.5px; font-variant-numeric: tabular-nums; }
output:empty { display: none; }
output { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 6px 10px; box-shadow: 0 3px 12px #0002; }
output.left { left: 52px; } output.right { right: 8px; }
output span { display: block; } output .first { color: var(--first); } output .second { color: var(--second); }
.timeline { list-style: none; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); row-gap: 34px; }
.timeline li { position: relative; padding: 18px 30px 0 0; border-top: 2px solid var(--rule); min-width: 0; }
.timeline li::before { content: ""; position: absolute; left: 0; top: -8px; width: 14px; height: 14px; border-radius: 50%; box-sizing: border-box;
  background: var(--paper); border: 2px solid var(--first); }
.timeline li:last-child { padding-right: 0; } .timeline li:last-child::before { background: var(--first); }
.timeline .when { font-size: 12.5px; color: var(--quiet); font-variant-numeric: tabular-nums; }
.timeline blockquote { font: 16px/1.6 var(--serif); white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate;
  margin-top: 3px; }
.timeline .prompt { color: var(--quiet); }
.timeline img { display: block; width: 100%; height: auto; image-rendering: pixelated; border-radius: 6px; margin-top: 8px; background: #fff; }
.warnings { border-color: var(--second); margin-bottom: 30px; }
.columns { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; align-items: start; }
.card h3 { margin-bottom: 8px; }
.card + .card { margin-top: 16px; }
.facts { display: grid; grid-template-columns: minmax(110px, max-content) minmax(0, 1fr); font-size: 14px; }
.facts dt, .facts dd { padding: 5px 0; border-top: 1px solid var(--rule); }
.facts dt { color: var(--quiet); padding-right: 18px; }
.facts dt:first-of-type, .facts dd:first-of-type { border-top: 0; }
.facts dd { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.commands p { font-size: 13.5px; color: var(--quiet); margin-top: 10px; }
pre { font: 13px/1.5 var(--mono); background: var(--paper); border: 1px solid var(--rule); border-radius: 8px;
  padding: 9px 12px; margin-top: 3px; white-space: pre-wrap; overflow-wrap: anywhere; }
footer { color: var(--quiet); font-size: 13px; padding: 40px 0 48px; }
@media (max-width: 820px) { .charts, .columns { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 480px) {
  body { padding: 0 12px; } header { padding-top: 26px; } h1 { font-size: 27px; }
  .numbers { grid-template-columns: repeat(2, 1fr); } .numbers div:last-child:nth-child(odd) { grid-column: span 2; }
  .charts .chart:first-child .plot > svg { height: 220px; }
  .legend { margin-left: 0; width: 100%; }
}
@media print { body { background: none; } .chart, .card, .timeline li { break-inside: avoid; } }
`
