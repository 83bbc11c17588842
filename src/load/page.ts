// SPDX-License-Identifier: Apache-2.0
// A page with plots that is complete in itself: it contains its data, script and style, and fetches nothing. uPlot (MIT licence, Leon
// Sorokin) draws the plots; it is inlined from the installed package.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Chart } from './charts.ts';
import { escapeHtml, scriptJson } from './html.ts';

/** A file of uPlot without its first comment, which is an address. */
const plotFile = (name: string): string => {
  const file = createRequire(import.meta.url).resolve(`uplot/dist/${name}`);
  return readFileSync(file, 'utf8').replace(/^\/\*!.*?\*\/\n?/s, '');
};

const STYLE = `
body { font: 14px/1.4 system-ui, sans-serif; margin: 1em auto; padding: 0 1em; max-width: 960px; color: #222; background: #fff }
pre { background: #f4f4f4; padding: 1em; overflow-x: auto; font-size: clamp(8px, 1.9vw, 13px) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1em 1em; margin: 0 0 1em }
dt { color: #555 } dd { margin: 0; overflow-wrap: anywhere }
h1 { font-size: 1.4em; overflow-wrap: anywhere } h2 { font-size: 1.1em; margin: 1.5em 0 0.3em }`;

/** The script of the page, which draws one plot for each chart. */
const SCRIPT = `
const charts = JSON.parse(document.getElementById('charts').textContent);
const digits = (value, n) => value.toLocaleString('en-US', { maximumFractionDigits: n });
const latency = (ns) => ns < 1e3 ? digits(ns, 0) + ' ns' : ns < 1e6 ? digits(ns / 1e3, 1) + ' us'
  : ns < 1e9 ? digits(ns / 1e6, 1) + ' ms' : digits(ns / 1e9, 2) + ' s';
const write = {
  seconds: (value) => digits(value, 3) + ' s',
  latency,
  rate: (value) => digits(value, 1),
  share: (value) => digits(100 * value, 1) + ' %',
  nines: (value) => digits(100 * (1 - 10 ** -value), 4) + ' %',
  whole: (value) => digits(value, 0),
};
const colours = ['#0f62fe', '#da1e28', '#198038', '#8a3ffc', '#b28600', '#007d79', '#9f1853', '#525252'];
const text = (kind) => (value) => value === null || value === undefined ? '' : write[kind](value);
for (const chart of charts) {
  const title = document.createElement('h2');
  title.textContent = chart.title;
  const place = document.createElement('div');
  document.body.append(title, place);
  const points = chart.x.values.length < 60 && !chart.steps;
  const width = () => place.clientWidth;
  const marks = chart.x.marks ? { splits: () => chart.x.marks } : {};
  const plot = new uPlot({
    width: width(), height: 300,
    scales: { x: { time: false }, y: chart.y.log ? { distr: 3 } : {} },
    axes: [
      { label: chart.x.label, ...marks, values: (u, all) => all.map(text(chart.x.kind)) },
      { label: chart.y.label, size: 70, values: (u, all) => all.map(text(chart.y.kind)) },
    ],
    series: [
      { label: chart.x.label, value: (u, value) => text(chart.x.kind)(value) },
      ...chart.lines.map((line, i) => ({
        label: line.label, stroke: colours[i % colours.length], width: 1.5, points: { show: points },
        ...(chart.spans ? { spanGaps: true } : {}),
        ...(chart.steps ? { paths: uPlot.paths.stepped({ align: -1 }) } : {}),
        value: (u, value) => text(chart.y.kind)(value),
      })),
    ],
  }, [chart.x.values, ...chart.lines.map((line) => line.values)], place);
  addEventListener('resize', () => plot.setSize({ width: width(), height: 300 }));
}`;

/** What a reader needs to make the run again, as names and values. */
export type Facts = readonly (readonly [string, string])[];

const factsHtml = (facts: Facts): string =>
  facts
    .map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`)
    .join('\n');

/** The page: a heading, where it comes from, the text of the result, a plot for each chart. */
export const pageHtml = (
  title: string,
  text: string,
  charts: readonly Chart[],
  facts: Facts,
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${plotFile('uPlot.min.css')}${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<dl>
${factsHtml(facts)}
</dl>
<pre>${escapeHtml(text)}</pre>
<script type="application/json" id="charts">${scriptJson(charts)}</script>
<script>/* uPlot, MIT licence, (c) Leon Sorokin */
${plotFile('uPlot.iife.min.js')}</script>
<script>${SCRIPT}
</script>
</body>
</html>
`;
