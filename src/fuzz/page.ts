// SPDX-License-Identifier: Apache-2.0
// The page of a campaign. It is complete in itself and fetches nothing, except its own data while the campaign runs.
import { escapeHtml, scriptJson } from '../load/html.ts';
import type { PageData } from './page-data.ts';

const STYLE = `
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5em auto; max-width: 1100px; padding: 0 1em; color: #222; background: #fff }
h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin: 1.6em 0 0.4em }
table { border-collapse: collapse } td, th { padding: 1px 7px; text-align: left; font-weight: normal }
#stats td:nth-child(odd) { color: #666 } #stats td { padding-right: 1.5em }
/* On a narrow screen the matrix moves, not the page. */
.wide { overflow-x: auto }
#grid td { border: 1px solid #fff; text-align: right; font: 12px monospace; min-width: 4.5em }
#grid td.met { cursor: pointer } #grid td.none { background: #f4f4f4 } #grid td.illegal { background: none }
#grid th { font-size: 12px; color: #444 }
pre { background: #f4f4f4; padding: 0.7em; overflow-x: auto; margin: 0.3em 0; font-size: 12px }
.missed { background: #ffd7d9; display: block } details { margin: 0.3em 0 } summary { cursor: pointer }
svg { border: 1px solid #ddd; background: #fff; max-width: 100%; height: auto }`;

/** The script of the page. Everything that comes from a driver or a scenario is inserted as text. */
const SCRIPT = `
const make = (tag, text, name) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (name) e.className = name; return e; };
const put = (id, ...children) => document.getElementById(id).replaceChildren(...children);
const number = (n) => n.toLocaleString('en-US');
const shade = (count) => { const depth = Math.min(1, Math.log10(count + 1) / 5); return 'rgb(' + [208 - 193 * depth, 226 - 128 * depth, 255 - Math.round(1 * depth)].map(Math.round).join(',') + ')'; };
const row = (...cells) => { const r = make('tr'); for (const c of cells) r.append(c); return r; };
const stats = (d) => {
  const s = d.stats;
  const pairs = [['cases', number(s.cases)], ['cases a second', number(s.casesPerSecond)], ['virtual time', number(s.virtualSeconds) + ' s'], ['instructions', number(s.executed)],
    ['places of the code', s.places + (s.placesAll ? ' of ' + s.placesAll : '')], ['legal cells', d.legal.met + ' of ' + d.legal.all], ['corpus', number(s.corpus)], ['findings', number(s.findings)],
    ['pairs of codes', number(s.pairs)], ['last new', number(s.sinceNew) + ' cases ago']];
  const rows = [];
  for (let i = 0; i < pairs.length; i += 2) rows.push(row(...pairs.slice(i, i + 2).flatMap(([n, v]) => [make('td', n), make('td', v)])));
  put('stats', ...rows);
};
const plot = (d) => {
  const points = d.history.length > 1 ? d.history : [{ cases: 0, places: 0, cells: 0, pairs: 0 }, d.stats];
  const width = 700, height = 160, most = Math.max(1, points.at(-1).cases);
  const line = (key, colour) => {
    const top = Math.max(1, ...points.map((p) => p[key]));
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
    path.setAttribute('points', points.map((p) => (p.cases / most * width).toFixed(1) + ',' + (height - p[key] / top * (height - 10)).toFixed(1)).join(' '));
    path.setAttribute('fill', 'none'); path.setAttribute('stroke', colour); path.setAttribute('stroke-width', '2');
    return path;
  };
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('width', width); svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
  svg.append(line('places', '#0f62fe'), line('cells', '#198038'), line('pairs', '#8a3ffc'));
  const legend = make('div', 'over ' + number(most) + ' cases, each to its own top: blue places of the code, green architected cells, purple pairs of codes');
  put('plot', svg, legend);
};
const grid = (d) => {
  const head = row(make('th'), ...d.states.map((s) => make('th', s)));
  const rows = d.grid.map((r) => {
    const tr = row(make('th', r.name));
    for (const c of r.cells) {
      const td = make('td', c.count ? number(c.count) : '', c.count ? 'met' : c.legal ? 'none' : 'illegal');
      if (c.count) { td.style.background = shade(c.count); td.title = 'the scenario that reached it first'; td.onclick = () => put('scenario', make('pre', c.lines || 'its scenario is not in the corpus')); }
      tr.append(td);
    }
    return tr;
  });
  put('grid', head, ...rows);
};
const files = (d) => put('files', ...d.files.map((f) => {
  const details = make('details'), pre = make('pre');
  details.append(make('summary', f.file + ': ' + f.missed.length + ' lines not reached'));
  const missed = new Set(f.missed);
  f.text.split('\\n').forEach((text, n) => pre.append(missed.has(n + 1) ? make('span', String(n + 1).padStart(4) + '  ' + text, 'missed') : String(n + 1).padStart(4) + '  ' + text + '\\n'));
  details.append(pre);
  return details;
}));
const functions = (d) => {
  const parts = new Map();
  for (const f of d.functions) parts.set(f.module, [...(parts.get(f.module) ?? []), f]);
  put('functions', ...[...parts].map(([module, all]) => {
    const entered = all.filter((f) => f.blocks.length), details = make('details');
    const blocks = entered.reduce((sum, f) => sum + f.blocks.length, 0);
    details.append(make('summary', (module || 'kernel image') + ': ' + entered.length + ' of ' + all.length + ' functions entered, ' + number(blocks) + ' blocks'));
    details.append(make('pre', entered.map((f) => f.name + ': ' + f.blocks.join(' ')).join('\\n')));
    details.append(make('div', 'never entered: ' + all.filter((f) => !f.blocks.length).map((f) => f.name).join(', ')));
    return details;
  }));
};
const findings = (d) => put('findings', ...(d.findings.length ? d.findings.map((f) => {
  const details = make('details');
  details.append(make('summary', f.id + ': ' + f.did), make('div', 'Expected: ' + f.expected + '.'), make('div', f.by || ''), make('pre', f.lines), make('pre', f.trace.slice(0, 200).join('\\n')));
  return details;
}) : [make('div', 'none')]));
const machines = (d) => {
  if (!d.machines) return;
  const head = row(...['worker', 'threads', 'jobs', 'cases', 'cases a second', ''].map((t) => make('th', t)));
  const rows = d.machines.map((m) => row(...[m.name, number(m.threads), number(m.jobs), number(m.cases), number(m.casesPerSecond), m.alive ? '' : 'gone'].map((t) => make('td', t))));
  const alive = d.machines.filter((m) => m.alive), sum = (key) => number(alive.reduce((all, m) => all + m[key], 0));
  put('machines', make('h2', 'Machines'), make('div', alive.length + ' workers with ' + sum('threads') + ' threads, ' + sum('casesPerSecond') + ' cases a second'), ...[make('table')].map((t) => (t.append(head, ...rows), t)));
};
let last = '';
const show = (d) => {
  stats(d); machines(d); plot(d); grid(d);
  const key = d.findings.length + ' ' + d.stats.places;
  if (key !== last) { files(d); functions(d); findings(d); last = key; }
  document.body.dataset.ready = 'yes';
};
const element = document.getElementById('data');
if (element.textContent !== 'null') show(JSON.parse(element.textContent));
else {
  const look = async () => { try { show(await (await fetch('data')).json()); } catch { document.title = 'ended'; return; } setTimeout(look, 1000); };
  look();
}`;

/**
 * The page. If `data` is undefined, it asks for its data every second. `nonce` lets its own style and script pass where a server
 * restricts them.
 */
export const campaignPage = (
  driver: string,
  data: PageData | undefined,
  nonce = '',
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>apemu fuzz ${escapeHtml(driver)}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<h1>apemu fuzz ${escapeHtml(driver)}</h1>
<table id="stats"></table>
<div id="machines"></div>
<h2>Coverage</h2>
<div id="plot"></div>
<h2>Findings</h2>
<div id="findings"></div>
<h2>Architected coverage</h2>
<p>What ended which function, in which state of the queue; cases in which it was met. Click a cell for the scenario that reached it first.</p>
<div id="scenario"></div>
<div class="wide" tabindex="0" role="region" aria-label="architected coverage"><table id="grid"></table></div>
<h2>Lines not reached</h2>
<div id="files"></div>
<div id="functions"></div>
<script type="application/json" id="data" nonce="${nonce}">${scriptJson(data ?? null)}</script>
<script nonce="${nonce}">${SCRIPT}
</script>
</body>
</html>
`;
