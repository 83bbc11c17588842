// SPDX-License-Identifier: Apache-2.0
// The page of a partition. It is complete in itself and fetches only its own data. Elements keep their places when figures change, so
// that users of a keyboard or a screen reader keep theirs.

import { FAULT_INSTRUCTIONS } from '../../config/types.ts';
import { escapeHtml } from '../../load/html.ts';

const STYLE = `
:root { color-scheme: light dark; --text: #1c1c1c; --dim: #5a5a5a; --line: #c8c8c8; --back: #fff; --bar: #0f62fe; --bad: #b81921; --head: #f2f2f2; --focus: #0043ce }
@media (prefers-color-scheme: dark) { :root { --text: #f0f0f0; --dim: #b4b4b4; --line: #525252; --back: #161616; --bar: #78a9ff; --bad: #ff8389; --head: #262626; --focus: #a6c8ff } }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1em auto; padding: 0 1em; max-width: 1200px; color: var(--text); background: var(--back) }
h1 { font-size: 1.4em; margin: 0 0 0.2em; overflow-wrap: anywhere } h2 { font-size: 1.1em; margin: 1.5em 0 0.4em }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 1px }
.bar { display: flex; flex-wrap: wrap; gap: 0.3em 1.5em; align-items: center }
.scroll { overflow-x: auto }
table { border-collapse: collapse } caption { max-width: calc(100vw - 2.5em); text-align: left; color: var(--dim); padding-bottom: 0.3em }
td, th { border: 1px solid var(--line); padding: 0.25em 0.6em; text-align: left; vertical-align: top }
th { background: var(--head); font-weight: 600 } .n { text-align: right; font-variant-numeric: tabular-nums }
#matrix th, #matrix td { white-space: nowrap } #matrix td { min-width: 7.5em }
.cards tbody th { font-weight: 400 } #matrix th div { font-weight: 400 } #matrix th div:first-child { font-weight: 600 } #matrix th .off { font-weight: 600 }
.off { color: var(--bad); font-weight: 600 } .dim { color: var(--dim) }
.level { height: 4px; background: var(--bar); margin-top: 2px; min-width: 0 }
button, select, input { font: inherit; font-weight: 400; padding: 0.2em 0.6em; min-height: 28px; max-width: 100% }
form { display: flex; flex-wrap: wrap; gap: 0.5em 1em; align-items: end } label { display: grid; gap: 0.1em }
#told { min-height: 1.5em } #lost { color: var(--bad); font-weight: 600 }
.buttons { display: flex; flex-wrap: wrap; gap: 0.3em; margin-top: 0.2em }
code { font-size: 0.95em }
@media (max-width: 600px) {
  body { padding: 0 0.5em }
  .cards thead { display: none } .cards tr { display: block; border: 1px solid var(--line); margin-bottom: 0.5em } .cards td, .cards th { display: flex; gap: 0.5em; border: 0; text-align: left; overflow-wrap: anywhere }
  .cards td::before, .cards th::before { content: attr(data-name); color: var(--dim); font-weight: 400; min-width: 7em; flex: none }
}`;

/** Runs in the page. What comes from the machine is set as text. */
const SCRIPT = `
const $ = (id) => document.getElementById(id);
const make = (tag, text, name) => { const e = document.createElement(tag); if (text !== undefined) e.textContent = text; if (name) e.className = name; return e; };
const write = (e, text) => { if (e.textContent !== text) e.textContent = text; };
const number = (n) => n.toLocaleString('en-US', { maximumFractionDigits: n < 10 ? 1 : 0 });
const time = (ns) => (ns / 1e9).toLocaleString('en-US', { minimumFractionDigits: 3, maximumFractionDigits: 3 }) + ' s';
const list = (texts) => texts.length ? texts.join(' ') : 'none';
/** Rows by key: those that stay are the same elements. */
const rows = (body, all, make, fill) => {
  const old = new Map([...body.children].map((row) => [row.dataset.key, row]));
  all.forEach((one, n) => {
    let row = old.get(one.key);
    if (!row) { row = make(one); row.dataset.key = one.key; }
    old.delete(one.key);
    fill(row, one);
    if (body.children[n] !== row) body.insertBefore(row, body.children[n] ?? null);
  });
  for (const row of old.values()) row.remove();
};
/** Columns with figures. */
const figures = new Set(['Times', 'Last at', 'Struck']);
/** A plain table: a heading of the row, then cells. */
const plain = (id, all) => {
  const names = [...$(id).tHead.rows[0].cells].map((cell) => cell.textContent);
  rows($(id).tBodies[0], all, ({ cells }) => {
    const row = make('tr');
    cells.forEach((_text, n) => { const cell = make(n ? 'td' : 'th'); if (!n) cell.scope = 'row'; cell.dataset.name = names[n]; if (figures.has(names[n])) cell.className = 'n'; row.append(cell); });
    return row;
  }, (row, { cells }) => cells.forEach((text, n) => { const cell = row.cells[n]; write(cell, text); }));
  $(id).parentElement.hidden = all.length === 0;
  $(id + '-none').hidden = all.length > 0;
};
const tell = (text) => write($('told'), text);
const act = async (action, operands) => {
  try {
    const response = await fetch('act', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ action, operands }) });
    if (!response.ok) return tell(await response.text());
    const { done, line, told } = await response.json();
    tell((done ? 'Done: ' : 'Refused: ') + line + (told ? ' (' + told + ')' : ''));
    await look();
  } catch { lost(); }
};
const button = (apid, text) => {
  const e = make('button');
  e.type = 'button';
  e.append(make('span', text));
  e.onclick = () => act(e.dataset.action, [apid]);
  return e;
};
const label = (e, action, apid) => { e.dataset.action = action; write(e.firstChild, action[0].toUpperCase() + action.slice(1)); const text = e.firstChild.textContent + ' adapter ' + apid; if (e.getAttribute('aria-label') !== text) e.setAttribute('aria-label', text); };
let columns = '';
const matrix = (d, rates) => {
  const head = $('matrix').tHead.rows[0], body = $('matrix').tBodies[0];
  if (columns !== d.domains.join()) {
    columns = d.domains.join();
    body.replaceChildren();
    head.replaceChildren(...['Adapter', ...d.domains].map((text) => { const th = make('th', text); th.scope = 'col'; return th; }));
  }
  const queues = new Map(d.queues.map((q) => [q.apqn, q]));
  rows(body, d.adapters.map((a) => ({ ...a, key: a.apid })), ({ apid }) => {
    const row = make('tr'), th = make('th'), buttons = make('div', undefined, 'buttons');
    th.scope = 'row';
    buttons.append(button(apid, ''), button(apid, ''));
    th.append(make('div'), make('div'), buttons);
    row.append(th);
    for (const _domain of d.domains) {
      const td = make('td'), level = make('div', undefined, 'level');
      level.setAttribute('aria-hidden', 'true');
      td.append(make('div'), make('div'), make('div', undefined, 'dim'), level);
      row.append(td);
    }
    return row;
  }, (row, { apid, type, state }) => {
    const [name, what, { children: [first, second] }] = row.cells[0].children;
    write(name, apid + ' ' + type);
    write(what, state);
    what.className = state === 'configured' ? 'dim' : 'off';
    label(first, state === 'deconfigured' ? 'configure' : 'deconfigure', apid);
    label(second, state === 'checkstopped' ? 'recover' : 'checkstop', apid);
    d.domains.forEach((domain, n) => {
      const q = queues.get(apid + '.' + domain);
      const [owner, state, figures, level] = row.cells[n + 1].children;
      write(owner, q ? q.owner : '');
      write(state, q ? q.state : 'not shown');
      state.className = q && !/^(idle|working)$/.test(q.state) ? 'off' : 'dim';
      write(figures, q ? q.messages + ' of ' + q.depth + ', ' + number(rates.get(q.apqn) ?? 0) + '/s' : '');
      level.style.width = (q && q.depth ? 100 * q.messages / q.depth : 0) + '%';
    });
  });
  write($('more'), d.more ? number(d.more) + ' more queues are not shown.' : '');
};
/** Messages a second that each queue accepted between two looks at different times. */
let before, rates = new Map();
const ratesOf = (d) => {
  if (before && d.timeNs === before.timeNs) return rates;
  if (before && d.timeNs > before.timeNs) {
    const old = new Map(before.queues.map((q) => [q.apqn, q.accepted]));
    rates = new Map(d.queues.map((q) => [q.apqn, Math.max(0, q.accepted - (old.get(q.apqn) ?? 0)) * 1e9 / (d.timeNs - before.timeNs)]));
  }
  return rates;
};
/** What somebody who does not see the table wants to hear. */
const changes = (d) => {
  if (!before) return;
  const old = new Map([...before.adapters.map((a) => ['adapter ' + a.apid, a.state]), ...before.guests.map((g) => [g.name, g.state])]);
  const texts = [...d.adapters.map((a) => ['adapter ' + a.apid, a.state]), ...d.guests.map((g) => [g.name, g.state])].filter(([name, state]) => old.has(name) && old.get(name) !== state).map(([name, state]) => name + ' is ' + state);
  if (texts.length) write($('changes'), texts.join(', '));
};
const choices = (d) => {
  const select = $('apqn'), all = d.queues.map((q) => q.apqn);
  if ([...select.options].map((o) => o.value).join() === all.join()) return;
  const chosen = select.value;
  select.replaceChildren(...all.map((apqn) => make('option', apqn)));
  if (all.includes(chosen)) select.value = chosen;
};
const show = (d) => {
  write($('time'), time(d.timeNs));
  matrix(d, ratesOf(d));
  changes(d);
  choices(d);
  plain('guests', d.guests.map((g) => ({ key: g.name, cells: [g.name, g.state, g.program || 'none', g.mdev ?? 'none', list(g.adapters), list(g.domains), list(g.controlDomains)] })));
  plain('mdevs', d.mdevs.map((m) => ({ key: m.uuid, cells: [m.uuid, m.type, m.guest ?? 'nobody', list(m.adapters), list(m.domains), list(m.controlDomains)] })));
  plain('faults', d.faults.map((f, n) => ({ key: n + f.text, cells: [f.text, number(f.fired), f.active ? 'yes' : 'ended'] })));
  plain('refusals', (d.refusals ?? []).map((r) => ({ key: [r.guest, r.instruction, r.apqn, r.ended].join(' '), cells: [r.ended, r.instruction, r.apqn, r.guest, number(r.count), time(r.lastNs)] })));
  write($('refusals-none'), d.refusals ? 'None so far.' : 'Nobody keeps the instructions of this machine.');
  before = d;
  document.body.dataset.ready = 'yes';
};
let over = false, stands = false;
const lost = () => { over = true; $('lost').hidden = false; document.title = 'ended: ' + document.title; };
const look = async () => {
  try {
    const response = await fetch('data');
    if (!response.ok) return lost();
    show(await response.json());
  } catch { lost(); }
};
const go = async () => { if (!stands) await look(); if (!over) setTimeout(go, 500); };
$('pause').onclick = () => { stands = !stands; $('pause').setAttribute('aria-pressed', String(stands)); };
$('fault').onsubmit = (event) => { event.preventDefault(); act('fault', ['apqn', 'on', 'rc', 'count'].map((id) => $(id).value.trim().toLowerCase())); };
$('clear').onclick = () => act('clear-faults', []);
go();`;

interface PlainTable {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly columns: readonly string[];
}

const GUESTS: PlainTable = {
  id: 'guests',
  title: 'Guests',
  caption: 'What each guest can reach: adapters and domains of its masks',
  columns: ['Guest', 'State', 'Program', 'Mdev', 'Adapters', 'Domains', 'Control domains'],
};
const MDEVS: PlainTable = {
  id: 'mdevs',
  title: 'Mediated devices',
  caption: 'What is assigned to each',
  columns: ['UUID', 'Type', 'Guest', 'Adapters', 'Domains', 'Control domains'],
};
const FAULTS: PlainTable = {
  id: 'faults',
  title: 'Faults',
  caption: 'Faults that were declared',
  columns: ['Fault', 'Struck', 'Active'],
};
const REFUSALS: PlainTable = {
  id: 'refusals',
  title: 'Instructions that did not end with 00',
  caption: 'The newest first',
  columns: ['Ended with', 'Instruction', 'Queue', 'Guest', 'Times', 'Last at'],
};

const tableHtml = ({ id, title, caption, columns }: PlainTable): string => `<h2>${title}</h2>
<p id="${id}-none" class="dim">None.</p>
<div class="scroll" role="region" aria-label="${title}" tabindex="0" hidden><table id="${id}" class="cards">
<caption>${caption}</caption>
<thead><tr>${columns.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead><tbody></tbody>
</table></div>`;

/** The page; `nonce` lets its own style and script in. */
export const partitionPage = (name: string, nonce: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>apemu view ${escapeHtml(name)}</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<main>
<h1>apemu view ${escapeHtml(name)}</h1>
<div class="bar"><span>Time <b id="time">-</b></span><button type="button" id="pause" aria-pressed="false">Pause the page</button></div>
<p id="lost" role="alert" hidden>apemu has ended: these are its last figures.</p>
<p id="told" role="status"></p>
<p id="changes" role="status"></p>
<h2>Partition</h2>
<div class="scroll" role="region" aria-label="Partition" tabindex="0"><table id="matrix">
<caption>Adapters and usage domains: who has each queue, its state, messages in it and places, messages a second</caption>
<thead><tr></tr></thead><tbody></tbody>
</table></div>
<p id="more" class="dim"></p>
${tableHtml(GUESTS)}
${tableHtml(REFUSALS)}
${tableHtml(FAULTS)}
<form id="fault" aria-label="Declare a fault">
<label>Queue <select id="apqn" required></select></label>
<label>Instruction <select id="on">${FAULT_INSTRUCTIONS.map((one) => `<option${one === 'nqap' ? ' selected' : ''}>${one}</option>`).join('')}</select></label>
<label>Response code <input id="rc" value="10" size="3" maxlength="2" pattern="[0-9a-fA-F]{2}" title="two hexadecimal digits" required></label>
<label>Times <input id="count" value="1" size="5" maxlength="6" pattern="[1-9][0-9]{0,5}" title="a number, 1 to 999999" required></label>
<button>Declare the fault</button>
<button type="button" id="clear">Clear all faults</button>
</form>
${tableHtml(MDEVS)}
</main>
<script nonce="${nonce}">${SCRIPT}
</script>
</body>
</html>
`;
