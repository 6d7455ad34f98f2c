/** The look of a page: by itself light or dark, on paper always light. No font, image or script of elsewhere. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #ffffff; --panel: #f6f8fa; --ink: #1b1f24; --dim: #57606a; --line: #d8dee4; --grid: #e6eaef;
  --good: #1a7f37; --bad: #c4242f; --blue: #2f6fde; --soft: #b6c8ea; --amber: #c98a00; --violet: #8250df; --orange: #d9660d; --grey: #6e7781; --want: #9aa4b0; }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --panel: #161b22; --ink: #e6edf3; --dim: #9198a1; --line: #30363d; --grid: #22272e;
  --good: #3fb950; --bad: #ff7b72; --blue: #58a6ff; --soft: #2b4d7e; --amber: #d9a520; --violet: #b083f0; --orange: #f0883e; --grey: #8b949e; --want: #59636e; } }
@media print { :root { color-scheme: light; --paper: #ffffff; --panel: #ffffff; --ink: #000000; --dim: #444c56; --line: #afb8c1; --grid: #d8dee4;
  --good: #116329; --bad: #a40e26; --blue: #2f6fde; --soft: #b6c8ea; --amber: #c98a00; --violet: #8250df; --orange: #d9660d; --grey: #6e7781; --want: #9aa4b0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px 24px 40px; max-width: 1040px; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 34px 0 10px; padding-bottom: 5px; border-bottom: 1px solid var(--line); }
p { margin: 8px 0; }
.under { color: var(--dim); margin: 0; overflow-wrap: anywhere; }
.badge { display: inline-block; padding: 1px 11px 2px; border: 1.5px solid currentColor; border-radius: 999px; font-size: 15px; font-weight: 600; vertical-align: 3px; margin-left: 8px; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .mid { color: var(--amber); }
.sum { display: flex; flex-wrap: wrap; align-items: stretch; gap: 6px; margin: 8px 0; }
.sum > div { background: var(--panel); border: 1px solid var(--line); border-radius: 7px; padding: 5px 11px 6px; }
.sum > div b { display: block; font-size: 20px; line-height: 1.25; font-variant-numeric: tabular-nums; }
.sum > div span { color: var(--dim); font-size: 13px; }
.sum > div.none b { color: var(--dim); font-weight: 400; }
.sum > i { align-self: center; font-style: normal; font-size: 17px; color: var(--dim); }
.sum > i span { font-size: 15px; }
.tablet { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 6px 0; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: 13px; color: var(--dim); vertical-align: bottom; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
td { overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
.n { text-align: right; white-space: nowrap; }
td.w { font-weight: 600; white-space: nowrap; }
td.name { font-weight: 600; min-width: 7ch; }
td.bars small { display: block; font-size: 12.5px; }
td.bars { width: 34%; min-width: 170px; vertical-align: middle; }
td.bars svg { display: block; width: 100%; height: 22px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 8px 0; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 8px 0; padding-left: 22px; }
ul.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 3px 20px; font-size: 14px; }
svg.key { width: 12px; height: 12px; margin-right: 6px; vertical-align: -1px; }
figure { margin: 10px 0 4px; } figure svg { display: block; width: 100%; height: auto; overflow: visible; }
figcaption { color: var(--dim); font-size: 13px; margin-top: 4px; }
.grid { stroke: var(--grid); stroke-width: 1; } .tick { fill: var(--dim); font-size: 12px; } .axis { fill: var(--ink); font-size: 13px; }
.o-delivered, .rows { fill: var(--blue); } .o-partly { fill: var(--amber); } .o-refused { fill: var(--violet); } .o-limited { fill: var(--orange); }
.o-unknown { fill: var(--grey); } .o-away, .o-halted { fill: var(--bad); } .o-open { fill: var(--soft); }
.range { fill: var(--soft); } .middle { fill: var(--blue); }
.pace { fill: var(--soft); stroke: var(--blue); stroke-width: 1.3; } line.limit { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 6 4; } text.limit { fill: var(--bad); font-size: 12px; }
.w-pace { fill: var(--grey); } .w-backing_off { fill: var(--orange); } .w-quota { fill: var(--amber); } .w-paused { fill: var(--violet); } .w-blocked { fill: var(--bad); }
.want { fill: var(--want); } .there { fill: var(--blue); } .short { fill: var(--bad); } .least { stroke: var(--ink); stroke-width: 2; }
footer { margin-top: 38px; padding-top: 8px; border-top: 1px solid var(--line); color: var(--dim); font-size: 13px; }
@media print { @page { margin: 14mm; } body { padding: 0; max-width: none; font-size: 10.5pt; } h2 { break-after: avoid; } figure, .sum, tr, .keep { break-inside: avoid; }
  .sum { gap: 4px; } .sum > div { padding: 3px 7px 4px; } .sum > div b { font-size: 12.5pt; } .sum > div span { font-size: 8.5pt; } .sum > i { font-size: 11pt; }
  .sum > div, rect, svg.key { print-color-adjust: exact; -webkit-print-color-adjust: exact; } .tablet { overflow: visible; } th, td { padding-right: 9px; } }
@media (max-width: 640px) { body { padding: 16px 14px 30px; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 6px; } }
`;
