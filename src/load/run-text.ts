// SPDX-License-Identifier: Apache-2.0
// The result of a run, written for people in at most 80 columns.

import { shortColumns } from '../s390-tools/lszcrypt-rows.ts';
import { tableHeading, tableLine } from '../s390-tools/text-table.ts';
import { type AdapterFigures, type LoadFigures, modelLimit } from './figures.ts';
import { apidText, countText, rateText, shareText, timeText } from './format.ts';
import { PERCENTILES } from './percentiles.ts';
import type { GuestResult, HotPlugResult, RunResult } from './result.ts';
import type { GuestDevices } from './summary.ts';
import type { Verdict } from './verdict.ts';

const WIDTH = 80;
const LABEL = 11;

/** The output of lszcrypt without options, which fits into a terminal. */
const lszcryptText = ({ release, rows }: GuestDevices): string => {
  const columns = shortColumns(release);
  return tableHeading(columns) + rows.map((row) => tableLine(columns, row)).join('');
};

/** A label and words after it, with line breaks where they would get too wide. */
const labelled = (label: string, words: readonly string[]): string[] => {
  const lines: string[] = [];
  let line = label.padEnd(LABEL);
  for (const word of words) {
    if (line.length + word.length > WIDTH && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = ' '.repeat(LABEL);
    }
    line += `${word}  `;
  }
  lines.push(line.trimEnd());
  return lines;
};

/** The lines about messages, which are the same for a guest and for all guests together. */
const loadLines = (load: LoadFigures): string[] => {
  const { offered, queueFull, mishaps, unanswered, overrun } = load;
  const throughput = [`${countText(load.answered)} answered, ${rateText(load.achieved)}`];
  if (offered !== undefined) throughput.push(`of ${rateText(offered)} offered`);
  const names = PERCENTILES.map((p, i) => `p${p} ${timeText(load.latencyNs[i])}`);
  const full = [`RC 10 ${shareText(load.rc10)} of NQAPs`, `retries ${shareText(load.retries)}`];
  if (queueFull !== undefined) full.unshift(`${shareText(queueFull)} of arrivals`);
  const lines = [
    ...labelled('messages', throughput),
    ...labelled('latency', [...names, `max ${timeText(load.maxNs)}`]),
    ...labelled('queue full', full),
  ];
  const odd = Object.entries(mishaps).map(([name, count]) => `${count} ${name}`);
  if (unanswered > 0)
    odd.push(`${countText(unanswered)} unanswered (oldest ${timeText(load.oldestNs)})`);
  if (overrun > 0) odd.push(`${countText(overrun)} arrivals dropped (backlog full)`);
  if (odd.length > 0) lines.push(...labelled('attention', odd));
  return lines;
};

/** The counts by function, one line for each: `TAPQ  00: 14  02: 4`. */
const countLines = (guest: GuestResult): string[] => {
  const byFunction = new Map<string, string[]>();
  for (const row of guest.counts) {
    const parts = byFunction.get(row.function) ?? [];
    parts.push(`${row.outcome}: ${row.count}`);
    byFunction.set(row.function, parts);
  }
  return [...byFunction].flatMap(([name, parts]) => labelled(name, parts));
};

const guestText = (guest: GuestResult): string => {
  const vcpu = guest.vcpu === 0 ? '' : `.${guest.vcpu}`;
  const lines = [
    `== ${guest.guest}${vcpu}: ${guest.program}${guest.done ? '' : ' (not finished)'} ==`,
  ];
  if (guest.failure !== undefined) lines.push(`failed: ${guest.failure}`);
  if (guest.lszcrypt !== undefined) lines.push(lszcryptText(guest.lszcrypt).trimEnd());
  if (guest.load !== undefined) lines.push(...loadLines(guest.load));
  else if (guest.messages !== undefined)
    lines.push(
      ...labelled(
        'messages',
        Object.entries(guest.messages).map(([name, count]) => `${countText(count)} ${name}`),
      ),
    );
  lines.push(...countLines(guest));
  return `${lines.join('\n')}\n\n`;
};

const adapterLines = (adapter: AdapterFigures): string[] => {
  const { engines, utilisation, limitPerSecond, serviceNs, served, waitNs } = adapter;
  const name = `adapter ${apidText(adapter.apid)}`;
  if (served === 0) return labelled(name, ['no timed requests']);
  if (utilisation === undefined)
    return labelled(name, [`mean service ${timeText(serviceNs)}, no limit`]);
  const limit = limitPerSecond === undefined ? '' : `, at most ${rateText(limitPerSecond)}`;
  const by = `(${engines} engines by ${timeText(serviceNs)}${limit})`;
  return labelled(name, [`${shareText(utilisation)} busy`, by, `waits ${timeText(waitNs)}`]);
};

/** Whether messages wait although the adapters have engines to spare: then not the model is the limit, but this computer. */
const tooSlow = ({ total, how }: RunResult): boolean =>
  how !== 'virtual time' &&
  (total.answeredShare ?? 1) < 0.95 &&
  total.adapters.every(({ utilisation = 0 }) => utilisation < 0.9);

const SLOW_HINT = ['this computer does not keep up with the modelled adapters;', '--stepped does'];

/** Lines about what the host did to running guests, and where their messages went. */
const hotPlugLines = (hotPlug: HotPlugResult): string[] => {
  const { unplugs, plugs, violations } = hotPlug;
  const { accepted, answered, flushed, inFlight, refused } = hotPlug;
  const adapters = unplugs === 1 ? 'adapter' : 'adapters';
  const changes = [`${countText(unplugs)} ${adapters} taken, ${countText(plugs)} given back`];
  const messages = [
    `${countText(accepted)} accepted`,
    `= ${countText(answered)} answered`,
    `+ ${countText(flushed)} flushed`,
    `+ ${countText(inFlight)} in flight;`,
    `${countText(refused)} refused`,
  ];
  return [
    ...labelled('hot plug', changes),
    ...(accepted + refused > 0 ? labelled('messages', messages) : []),
    ...labelled('violations', [violations.length === 0 ? 'none' : String(violations.length)]),
    ...violations,
  ];
};

/** Lines about the thresholds with their figures, and about why the run has failed. */
const verdictLines = ({ problems, thresholds, failed }: Verdict): string[] => {
  const lines = thresholds.flatMap(({ text, figure, failed: holds }) =>
    labelled('fail if', [
      `${text}:`,
      figure === '-' ? 'no such figure' : figure,
      holds ? 'FAILED' : 'kept',
    ]),
  );
  if (!failed) return lines;
  return [
    ...lines,
    ...(problems.length > 0 ? ['failed:'] : []),
    ...problems.map((problem) => `  ${problem}`),
  ];
};

/** The whole text that a run ends with. */
export const runText = (result: RunResult, verdict: Verdict): string => {
  const { total, keyCache } = result;
  const lines = [`== all guests: ${result.seconds.toFixed(2)} s (${result.how}) ==`];
  const { hotPlug } = result;
  if (hotPlug === undefined || total.answered > 0) lines.push(...loadLines(total));
  if (hotPlug !== undefined) lines.push(...hotPlugLines(hotPlug));
  lines.push(...total.adapters.flatMap(adapterLines));
  const limit = modelLimit(total);
  if (limit !== undefined)
    lines.push(...labelled('limit', [`${rateText(limit)} with this mix (engines / service time)`]));
  if (tooSlow(result)) lines.push(...labelled('hint', SLOW_HINT));
  const used = keyCache.hits + keyCache.misses;
  if (used > 0) lines.push(...labelled('RSA keys', [`${shareText(keyCache.hits / used)} cached`]));
  lines.push(...verdictLines(verdict));
  return `${result.guests.map(guestText).join('')}${lines.join('\n')}\n`;
};
