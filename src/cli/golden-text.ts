// SPDX-License-Identifier: Apache-2.0
// What `apemu golden` prints of a replay: what was compared, differences by kind, and what was found out about the run.
// Source: docs/design.md section 7.
import type { GoldenResult } from '../sysfs/golden.ts';
import type { Circumstances } from '../sysfs/golden-search.ts';
import { count } from './text.ts';

/** Number of kinds that are shown. The others are only counted. */
const SHOWN_KINDS = 20;
/** Number of characters of a text that are shown. */
const SHOWN_TEXT = 300;

export const short = (text: string): string =>
  text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}... (${text.length} characters)` : text;

function compared(result: GoldenResult): string {
  const { writes, reads, drivers, lists, links, partitions, hosts, uevents } = result;
  const parts = [
    count(writes, 'write'),
    count(reads + drivers + lists + links, 'read'),
    `${count(partitions, 'change')} of the partition`,
  ];
  if (hosts > 0) parts.push(`${count(hosts, 'action')} of the operator`);
  if (uevents > 0) parts.push(count(uevents, 'event'));
  return parts.join(', ');
}

/** What the replay supposes of the run that the recording does not say. */
function supposed(start: Circumstances, found: Circumstances): string[] {
  const parts: string[] = [];
  if (found.bootUs !== start.bootUs) parts.push(`begun ${found.bootUs / 1000} ms after boot`);
  const turns = Object.keys(found.turns).length - Object.keys(start.turns).length;
  if (turns > 0) parts.push(`${count(turns, 'turn')} of background work later`);
  const pauses = Object.keys(found.pauses).filter((line) => !Object.hasOwn(start.pauses, line));
  for (const line of pauses) parts.push(`a pause before line ${line}`);
  for (const [name, value] of Object.entries(found.switches))
    if (!Object.hasOwn(start.switches, name)) parts.push(`${name}: ${value}`);
  return parts;
}

/** Describes one recording in lines. */
export function describeGolden(
  result: GoldenResult,
  start: Circumstances,
  found: Circumstances,
): string {
  const { file, differences, kinds, first } = result;
  const how = supposed(start, found);
  const supposing = how.length === 0 ? '' : ` (${how.join(', ')})`;
  if (first === undefined) return `${file}: ${compared(result)}: ok${supposing}\n`;
  const lines = [
    `${file}: ${compared(result)}: ${count(differences, 'difference')} of ${count(kinds.length, 'kind')}${supposing}`,
  ];
  for (const { count: times, first: example } of kinds.slice(0, SHOWN_KINDS)) {
    lines.push(
      `${file}:${example.line}: ${times}x ${short(example.operation)}`,
      `  expected ${short(example.expected)}`,
      `  got      ${short(example.actual)}`,
    );
  }
  if (kinds.length > SHOWN_KINDS) lines.push(`and ${kinds.length - SHOWN_KINDS} more kinds`);
  return `${lines.join('\n')}\n`;
}
