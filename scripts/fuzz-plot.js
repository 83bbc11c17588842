// SPDX-License-Identifier: Apache-2.0
// A picture of several campaigns: places of the code reached, over cases or seconds.
// `node scripts/fuzz-plot.js OUT.svg cases|seconds NAME=FOLDER…` reads plot.ndjson of each folder.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SIZE = { width: 720, height: 360, left: 60, bottom: 40, top: 20, right: 20 };
const COLOURS = ['#0f62fe', '#da1e28', '#198038', '#8a3ffc', '#b28600'];

const [out, by, ...named] = process.argv.slice(2);
if (out === undefined || !['cases', 'seconds'].includes(by) || named.length === 0) {
  console.error('node scripts/fuzz-plot.js OUT.svg cases|seconds NAME=FOLDER...');
  process.exit(2);
}

/** Of a campaign that went on, seconds begin anew with each run: they are added up. */
const pointsOf = (folder) => {
  let before = 0;
  let last = 0;
  return readFileSync(join(folder, 'plot.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { cases, seconds, places } = JSON.parse(line);
      if (seconds < last) before += last;
      last = seconds;
      return { x: by === 'cases' ? cases : before + seconds, y: places };
    });
};

const campaigns = named.map((word, n) => {
  const at = word.indexOf('=');
  const colour = COLOURS[n % COLOURS.length];
  return { name: word.slice(0, at), colour, points: pointsOf(word.slice(at + 1)) };
});
const most = (key) => Math.max(1, ...campaigns.flatMap(({ points }) => points.map((p) => p[key])));
const [mostX, mostY] = [most('x'), most('y')];
const x = (value) => SIZE.left + (value / mostX) * (SIZE.width - SIZE.left - SIZE.right);
const y = (value) =>
  SIZE.height - SIZE.bottom - (value / mostY) * (SIZE.height - SIZE.bottom - SIZE.top);
const text = (at, words, more = '') => `<text x="${at[0]}" y="${at[1]}" ${more}>${words}</text>`;
const escaped = (words) => words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const lines = campaigns.map(({ colour, points }) => {
  const path = points.map((p) => `${x(p.x).toFixed(1)},${y(p.y).toFixed(1)}`).join(' ');
  // What ended earlier than others has reached no more since.
  const end = points.at(-1);
  const rest = `M${x(end.x).toFixed(1)},${y(end.y).toFixed(1)} H${x(mostX).toFixed(1)}`;
  return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>
<path d="${rest}" stroke="${colour}" stroke-dasharray="2 4"/>`;
});
const legend = campaigns.map(({ name, colour, points }, n) => {
  const end = points.at(-1);
  const words = `${escaped(name)}: ${end.y} places after ${Math.round(end.x)} ${by}`;
  return text([SIZE.left + 20, y(0) - 20 - 18 * n], words, `fill="${colour}"`);
});
const axes = [
  `<path d="M${x(0)},${y(mostY)} V${y(0)} H${x(mostX)}" fill="none" stroke="#666"/>`,
  text([SIZE.left - 6, y(mostY) + 4], mostY, 'text-anchor="end"'),
  text([SIZE.left - 6, y(0)], 0, 'text-anchor="end"'),
  text([x(mostX), y(0) + 18], `${Math.round(mostX)} ${by}`, 'text-anchor="end"'),
];
writeFileSync(
  out,
  `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE.width}" height="${SIZE.height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
${[...axes, ...lines, ...legend].join('\n')}
</svg>
`,
);
