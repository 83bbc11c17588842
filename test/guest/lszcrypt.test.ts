// SPDX-License-Identifier: Apache-2.0
// The driver's view of its devices, in the words of lszcrypt.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lszcryptRows, lszcryptText } from '../../src/guest/ap-bus-driver/lszcrypt.ts';
import { FakeMachine } from './fake-machine.ts';
import { runDriver } from './run-driver.ts';

const GOLDEN = [
  { kernel: '6.1', file: 'lszcrypt-s390-tools-2.16-linux-6.1.txt', requests: [2, 2, 0, 0, 0, 0] },
  { kernel: '6.12', file: 'lszcrypt-s390-tools-2.35-linux-6.12.txt', requests: [1, 1, 0, 0, 0, 0] },
] as const;

describe('lszcrypt -V from the reference driver', () => {
  it.each(GOLDEN)('is what $file shows, to the character', ({ kernel, file, requests }) => {
    const text = readFileSync(new URL(`../golden/linux-guest/${file}`, import.meta.url), 'utf8');
    const lines = text.split('\n');
    const start = lines.findIndex((line) => line.startsWith('CARD.DOM'));
    const state = runDriver(new FakeMachine(), { kernel, messages: 0 });
    const rows = lszcryptRows(state).map((row, i) => ({ ...row, requests: requests[i]! }));
    expect(lszcryptText(kernel, rows).split('\n')).toEqual(lines.slice(start, start + 8));
  });

  it('shows deconfigured and checkstopped queues, and what has no driver', () => {
    const machine = new FakeMachine({
      adapters: { 5: { functions: 0xf2000000 | 0 }, 9: { functions: 0 } },
    });
    machine.queues.get(0x0504)!.rc = 3;
    machine.queues.get(0x05ab)!.rc = 4;
    const state = runDriver(machine, { messages: 0 });
    expect(lszcryptRows(state).map((row) => [row.id, row.status, row.driver])).toEqual([
      ['05', 'deconfig', 'cex4card'],
      ['05.0004', 'deconfig', 'cex4queue'],
      ['05.00ab', 'chkstop', 'cex4queue'],
      ['09', '-', '-no-driver-'],
      ['09.0004', '-', '-no-driver-'],
      ['09.00ab', '-', '-no-driver-'],
    ]);
  });

  it('counts requests of a card over its queues', () => {
    const state = runDriver(new FakeMachine(), { messages: 7 });
    expect(lszcryptRows(state).map((row) => row.requests)).toEqual([14, 7, 7, 14, 7, 7]);
  });
});
