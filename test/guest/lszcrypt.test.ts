// SPDX-License-Identifier: Apache-2.0
// The driver's view of its devices, in the words of lszcrypt.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { apSystemOf, guestRelease } from '../../src/guest/ap-bus-driver/lszcrypt.ts';
import type { ApBusState } from '../../src/guest/ap-bus-driver/state.ts';
import { lszcrypt } from '../../src/s390-tools/lszcrypt.ts';
import { rowsOf } from '../../src/s390-tools/lszcrypt-rows.ts';
import { DEFAULT_RELEASE, releaseOf } from '../../src/s390-tools/releases.ts';
import { FakeMachine } from './fake-machine.ts';
import { runDriver } from './run-driver.ts';

const GOLDEN = [
  { kernel: '6.1', file: 'lszcrypt-s390-tools-2.16-linux-6.1.txt', requests: 2 },
  { kernel: '6.12', file: 'lszcrypt-s390-tools-2.35-linux-6.12.txt', requests: 1 },
] as const;

const rows = (state: ApBusState) => rowsOf(apSystemOf(state)!, releaseOf(DEFAULT_RELEASE));
const printed = (state: ApBusState, release?: string): string[] =>
  lszcrypt(apSystemOf(state), ['-V'], guestRelease(state, release)).stdout.split('\n');

describe('lszcrypt -V from the reference driver', () => {
  it.each(GOLDEN)('is what $file shows, to the character', ({ kernel, file, requests }) => {
    const text = readFileSync(new URL(`../golden/linux-guest/${file}`, import.meta.url), 'utf8');
    const lines = text.split('\n');
    const start = lines.findIndex((line) => line.startsWith('CARD.DOM'));
    const state = runDriver(new FakeMachine(), { kernel, messages: 0 });
    state.queues[0].requests = requests;
    expect(printed(state).slice(0, 8)).toEqual(lines.slice(start, start + 8));
  });

  it('shows deconfigured and checkstopped queues, and what has no driver', () => {
    const machine = new FakeMachine({
      adapters: { 5: { functions: 0xf2000000 | 0 }, 9: { functions: 0 } },
    });
    machine.queues.get(0x0504)!.rc = 3;
    machine.queues.get(0x05ab)!.rc = 4;
    const state = runDriver(machine, { messages: 0 });
    expect(rows(state).map((row) => [row.id, row.status, row.driver])).toEqual([
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
    expect(rows(state).map((row) => row.requests)).toEqual(['14', '7', '7', '14', '7', '7']);
  });

  it('shows no counts of a deconfigured card, as the host does', () => {
    const machine = new FakeMachine();
    const state = runDriver(machine, { messages: 0 });
    const [card] = state.cards;
    card!.config = false;
    card!.chkstop = true;
    expect(rows(state)[0]).toMatchObject({ status: 'deconfig', requests: '-', pending: '-' });
  });

  it.each([
    ['2.40', '09'],
    ['2.41', '08'],
  ])('of release %s shows the depth as %s', (release, depth) => {
    const state = runDriver(new FakeMachine(), { messages: 0 });
    expect(printed(state, release)[2]).toContain(` 14     ${depth} `);
  });

  it('has the bind state of each queue where the guest binds queues, and only there', () => {
    const state = runDriver(new FakeMachine(), { messages: 0 });
    expect(printed(state)[0]).not.toContain('SESTAT');
    // Flag B of the QCI block.
    state.qci[1] = 0x80;
    state.queues.forEach((queue, n) => {
      queue.bindState = n;
    });
    const lines = printed(state);
    expect(lines[0]).toMatch(/ SESTAT {5}$/);
    expect(lines.slice(2, 8).map((line) => line.trimEnd().split(/\s+/)[10])).toEqual([
      ...['-', 'usable', 'bound', '-', 'unbound', 'illicit'],
    ]);
  });
});
