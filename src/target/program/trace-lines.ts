// SPDX-License-Identifier: Apache-2.0
// The trace of one run as text, in the order of time: instructions, events, what the driver logs, requests and their endings.
import { formatApqn } from '../../config/units.ts';
import type { EventStatement } from '../../program/ast.ts';
import { printStatement } from '../../program/print.ts';
import type { Fired } from '../../scenario/scenario-run.ts';
import type { RequestFact } from '../outcome.ts';
import type { LogLine } from './driver-handle.ts';

/** A line before sorting. `order` tells what happens first among things of the same time. */
export interface TraceLine {
  readonly atNs: number;
  readonly order: number;
  readonly text: string;
}

export interface TraceFacts {
  readonly startNs: number;
  readonly requests: readonly RequestFact[];
  readonly fired: readonly Fired[];
  readonly events: readonly EventStatement[];
  readonly log: readonly LogLine[];
}

const linesOfRequest = ({ id, kind, apqn, probe, atNs, endings }: RequestFact): TraceLine[] => {
  const name = `${probe ? 'probe' : 'request'} ${id}`;
  const where = apqn === undefined ? '' : ` to ${formatApqn(apqn)}`;
  return [
    { atNs, order: 0, text: `user     ${name}: ${kind}${where}` },
    ...endings.map(({ atNs: endNs, error, wrong }) => {
      const how = error ?? (wrong === undefined ? 'a reply' : `a reply; ${wrong}`);
      return { atNs: endNs, order: 2, text: `driver   ${name} ends with ${how}` };
    }),
  ];
};

export const traceLines = (
  instructions: readonly TraceLine[],
  { startNs, requests, fired, events, log }: TraceFacts,
): string[] => {
  const all = [...instructions];
  for (const { index, atNs } of fired) {
    const statement = events[index];
    if (statement === undefined) continue;
    const text = `event    ${printStatement({ ...statement, comment: undefined })}`;
    all.push({ atNs, order: 0, text });
  }
  for (const { atNs, text } of log)
    if (atNs >= startNs) all.push({ atNs: atNs - startNs, order: 1, text: `log      ${text}` });
  for (const request of requests) all.push(...linesOfRequest(request));
  return all
    .toSorted((a, b) => a.atNs - b.atNs || a.order - b.order)
    .map(({ atNs, text }) => `${(atNs / 1e6).toFixed(3).padStart(12)} ms  ${text}`);
};
