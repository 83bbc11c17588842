// SPDX-License-Identifier: Apache-2.0
// Virtual guests that share real queues, on worker threads and in virtual time: every message is answered once and rightly, guests get the
// same share, and one that floods does not starve another (docs/reference/vfio-ap.md V-05 to V-07, VD-51).
// Needs a built dist: workers load it.
import { describe, expect, it } from 'vitest';
import {
  FLOOD,
  figuresOf,
  LIGHT,
  p99Of,
  sharedCards,
  sharingOf,
} from '../../bench/machine/shared-card.ts';
import { answeredOf } from '../../src/load/summary.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';

describe('virtual guests on two workers', () => {
  it.each([
    ['polling', false],
    ['interruptions', true],
  ])('%s: each gets all its replies', async (_name, interrupts) => {
    const messages = 1000;
    const guest = { interrupts, workload: `messages: ${messages}` };
    const config = sharedCards(
      [guest, guest, guest],
      'model: fixed, time: 20us, engines: 2',
      CARDS,
    );
    const pool = await PooledMachine.start(config, { workers: 2 });
    const vcpus = (await pool.finished()).flatMap((report) => report.vcpus);
    await pool.close();
    expect(vcpus.map(({ done, failure }) => [done, failure])).toEqual(
      [1, 2, 3].map(() => [true, undefined]),
    );
    expect(vcpus.map((vcpu) => answeredOf(vcpu))).toEqual([messages, messages, messages]);
  });
});

const CARDS = [6, 7];

describe('guests that share two cards', () => {
  it.each([2, 8])(
    '%i under equal load get equal shares, together as much as one alone',
    async (count) => {
      const { throughput, unfairness } = await sharingOf(count, CARDS);
      expect(unfairness).toBeLessThanOrEqual(1.1);
      expect(throughput).toBeGreaterThanOrEqual(0.9);
    },
  );

  it('a light one keeps its p99 within three times of what it is alone while another floods', async () => {
    const [alone] = await figuresOf([LIGHT], CARDS);
    const [beside, flooding] = await figuresOf([LIGHT, FLOOD], CARDS);
    expect(p99Of(beside) / p99Of(alone)).toBeLessThanOrEqual(3);
    expect(flooding?.achieved).toBeGreaterThan(10_000);
    expect(beside?.unanswered).toBeLessThanOrEqual(1);
  });
});
