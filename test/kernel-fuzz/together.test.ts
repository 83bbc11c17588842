// SPDX-License-Identifier: Apache-2.0
// Scenarios for kernels: queues that go while their card is worked with, files that are written and written back.
import { describe, expect, it } from 'vitest';
import { REPLY_CODES } from '../../src/cex/messages/reply-codes.ts';
import { fileRoundTrip } from '../../src/fuzz/file-events.ts';
import { seeds } from '../../src/fuzz/generate.ts';
import { mutate } from '../../src/fuzz/mutate.ts';
import { together } from '../../src/fuzz/together.ts';
import { encodeOrder } from '../../src/kernel-fuzz/agent/orders.ts';
import { ownRequests } from '../../src/kernel-fuzz/own-requests.ts';
import { kernelFiles } from '../../src/kernel-fuzz/sysfs-files.ts';
import { Random } from '../../src/lpar/random.ts';
import type { EventStatement } from '../../src/program/ast.ts';
import { isUserEvent } from '../../src/program/events.ts';
import { NOTHING_SEEN } from '../../src/target/seen.ts';
import type { ScenarioSpace } from '../../src/target/target.ts';

const QUEUES = [0x0504, 0x0505, 0x0604, 0x0605];
const KERNEL: ScenarioSpace = {
  guest: 'Linux',
  queues: QUEUES,
  depth: 8,
  hasUser: true,
  files: kernelFiles(QUEUES),
};
const DRIVER: ScenarioSpace = { guest: 'Linux', queues: QUEUES, depth: 8, hasUser: true };
const SEEDS = Array.from({ length: 200 }, (_, n) => n);

const written = (events: readonly EventStatement[]): readonly string[] =>
  events.flatMap(({ event }) => (event.kind === 'write' ? [event.file] : []));

describe('what happens together', () => {
  const all = SEEDS.map((seed) => together(new Random(seed), KERNEL) ?? []);

  it('is a loss of queues, a scan at that time, and writes to files of one card', () => {
    for (const events of all) {
      const losses = events.filter(({ event }) => event.kind === 'lpar' || event.kind === 'sysfs');
      const scans = events.filter(({ event }) => event.kind === 'scan');
      expect([losses.length, scans.length]).toEqual([1, 1]);
      expect(scans[0]?.trigger).toEqual(losses[0]?.trigger);
      const files = written(events);
      expect(files.length).toBeGreaterThan(0);
      const cards = KERNEL.files?.filter(({ file }) => files.includes(file)) ?? [];
      expect(cards.every(({ adapter }) => adapter !== undefined)).toBe(true);
    }
  });

  it('has the state of cards among the files, and requests that are outstanding', () => {
    const files = new Set(all.flatMap(written));
    for (const card of ['05', '06']) expect(files).toContain(`/sys/devices/ap/card${card}/online`);
    expect(all.some((events) => events.some(({ event }) => event.kind === 'delay'))).toBe(true);
  });

  it('is nothing where there are no files or no queues', () => {
    expect(together(new Random(1), DRIVER)).toBeUndefined();
    expect(together(new Random(1), { ...KERNEL, queues: [] })).toBeUndefined();
  });
});

describe('a change of a scenario', () => {
  const changed = (space: ScenarioSpace): EventStatement[] =>
    SEEDS.flatMap((seed) =>
      mutate(new Random(seed), [], [], { space, seen: NOTHING_SEEN, wanted: [] }),
    );

  it('writes files of a kernel, and never of a driver', () => {
    expect(written(changed(KERNEL)).length).toBeGreaterThan(0);
    const acts = changed(DRIVER).filter(({ event }) => isUserEvent(event));
    expect(acts.map(({ event }) => event.kind)).not.toContain('write');
  });
});

describe('a file', () => {
  it.each([
    ['online', ['0 online', '1 online']],
    ['cex4card/unbind', ['card05 unbind', 'card05 bind']],
    ['06.0004/reset', ['1 reset']],
  ])('%s is written and written back', (name, texts) => {
    const files = (KERNEL.files ?? []).filter(({ file }) => file.endsWith(name)).slice(0, 1);
    const events = fileRoundTrip(new Random(1), files);
    const told = events.map((event) =>
      event.kind === 'write' ? `${event.text} ${event.file.split('/').at(-1)}` : event.kind,
    );
    expect(told).toEqual(texts);
  });
});

describe('requests that the kernel answers itself', () => {
  it('have room in an order, and only their last call must work', () => {
    for (const request of ownRequests()) {
      const calls = request.calls('');
      expect(() => encodeOrder(calls)).not.toThrow();
      expect(calls.at(-1)?.goesOn).toBeUndefined();
      expect(calls.slice(1, -1).every(({ goesOn }) => goesOn === true)).toBe(true);
    }
  });
});

describe('scenarios a corpus begins with', () => {
  const replies = (space: ScenarioSpace): readonly number[] =>
    seeds(space).flatMap((events) =>
      events.flatMap(({ event }) =>
        event.kind === 'reply' && event.reply.kind === 'code' ? [event.reply.code] : [],
      ),
    );

  it('have each error code of a reply once for a kernel, and none for a driver', () => {
    const codes = [...new Set(REPLY_CODES.map(({ code }) => code))];
    expect(replies(KERNEL).toSorted()).toEqual(codes.toSorted());
    expect(replies(DRIVER)).toEqual([]);
  });
});
