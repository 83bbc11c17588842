// SPDX-License-Identifier: Apache-2.0
// Scenarios in which a queue is reset, stopped or taken while requests are on it, with requests that come afterwards.
import { describe, expect, it } from 'vitest';
import { beside, besideSeeds } from '../../src/fuzz/beside.ts';
import { mutate } from '../../src/fuzz/mutate.ts';
import { kernelFiles } from '../../src/kernel-fuzz/sysfs-files.ts';
import { Random } from '../../src/lpar/random.ts';
import type { EventStatement } from '../../src/program/ast.ts';
import { parseScenarioLines, scenarioLines } from '../../src/scenario/text.ts';
import { NOTHING_SEEN } from '../../src/target/seen.ts';
import type { ScenarioSpace } from '../../src/target/target.ts';

const QUEUES = [0x0504, 0x0505, 0x0604, 0x0605];
const DRIVER: ScenarioSpace = { guest: 'Linux', queues: QUEUES, depth: 8, hasUser: true };
const KERNEL: ScenarioSpace = { ...DRIVER, files: kernelFiles(QUEUES) };
const SEEDS = Array.from({ length: 400 }, (_, n) => n);

const FEW = new Set(['request', 'delay', 'drop', 'rc', 'scan']);
/** What happens to the queue. */
const upsetsOf = (events: readonly EventStatement[]): readonly EventStatement[] =>
  events.filter(({ event }) => !FEW.has(event.kind));
const timeOf = ({ trigger }: EventStatement): number =>
  trigger.kind === 'at' ? trigger.timeNs : 0;
const wordsOf = ({ event }: EventStatement): string => {
  if (event.kind === 'write') return event.file.split('/').at(-1) ?? '';
  if (event.kind === 'host') return event.mnemonic;
  return event.kind === 'lpar' ? event.verb : event.kind;
};

describe('an upset beside outstanding requests', () => {
  const all = SEEDS.map((seed) => beside(new Random(seed), KERNEL) ?? []);

  it('comes by the host, by files of the queue or its card, and by a signal', () => {
    const names = new Set(all.flatMap(upsetsOf).map(wordsOf));
    for (const name of ['rapq', 'zapq', 'async', 'deconfigure', 'configure', 'checkstop'])
      expect(names).toContain(name);
    for (const name of ['online', 'config', 'reset', 'unbind', 'bind', 'signal'])
      expect(names).toContain(name);
  });

  it('is about one queue, whose replies are slow or lost, and has requests after it', () => {
    for (const events of all) {
      const held = events.filter(({ event }) => event.kind === 'delay' || event.kind === 'drop');
      expect(held).toHaveLength(1);
      const [{ trigger }] = held as [EventStatement];
      const apqn = trigger.kind === 'on' ? trigger.apqn : undefined;
      expect(QUEUES).toContain(apqn);
      const upset = timeOf(upsetsOf(events)[0] as EventStatement);
      const later = events.filter(
        (line) => line.event.kind === 'request' && line.trigger.kind === 'at',
      );
      expect(later.length).toBeGreaterThan(0);
      for (const line of later) expect(timeOf(line)).toBeGreaterThanOrEqual(upset);
    }
  });

  it('finds interruptions refused now and then', () => {
    const refused = all.flat().filter(({ event }) => event.kind === 'rc');
    expect(refused.length).toBeGreaterThan(0);
    for (const { trigger, event } of refused) {
      expect(trigger).toMatchObject({ kind: 'on', on: 'aqic' });
      expect(event).not.toMatchObject({ rc: 0 });
    }
  });

  it('is nothing without queues, and without a user', () => {
    expect(beside(new Random(1), { ...KERNEL, queues: [] })).toBeUndefined();
    expect(beside(new Random(1), { ...KERNEL, hasUser: false })).toBeUndefined();
  });

  it('is text that can be read again', () => {
    for (const events of all)
      expect(parseScenarioLines(scenarioLines(events)).map(({ event }) => event)).toEqual(
        events.map(({ event }) => event),
      );
  });

  it('is part of the changes of a kernel, not of a driver', () => {
    const isHeld = ({ trigger, event }: EventStatement): boolean =>
      event.kind === 'delay' && trigger.kind === 'on' && trigger.occasion.kind === 'from';
    const count = (space: ScenarioSpace): number =>
      SEEDS.filter((seed) => {
        const events = mutate(new Random(seed), [], [], {
          space,
          seen: NOTHING_SEEN,
          wanted: [],
        });
        return events.some((line, n) => {
          const [upset] = upsetsOf(events.slice(n + 1, n + 2));
          const later = events.slice(n + 2).some(({ event }) => event.kind === 'request');
          return isHeld(line) && upset?.trigger.kind === 'at' && later;
        });
      }).length;
    expect(count(KERNEL)).toBeGreaterThan(20);
    expect(count(DRIVER)).toBe(0);
  });
});

describe('scenarios a corpus begins with', () => {
  const all = besideSeeds(new Random(1), KERNEL);

  it('have each upset once with a request before the held replies come and once with one after', () => {
    const names = all.map((events) => upsetsOf(events).map(wordsOf).join());
    for (const name of ['rapq', 'zapq', 'online,online', 'checkstop,recover', 'signal'])
      expect(names.filter((one) => one === name).length).toBeGreaterThanOrEqual(2);
    for (const [n, events] of all.entries()) {
      const held = events.find(({ event }) => event.kind === 'delay');
      const last = events.at(-1) as EventStatement;
      expect(last.event.kind).toBe('request');
      const delayNs = held?.event.kind === 'delay' ? held.event.delayNs : 0;
      expect(timeOf(last) < delayNs).toBe(n % 2 === 0);
    }
  });

  it('are the same each time, and about all queues', () => {
    expect(besideSeeds(new Random(1), KERNEL)).toEqual(all);
    const apqns = new Set(
      all.flatMap((events) =>
        events.flatMap(({ event }) => (event.kind === 'request' ? [event.apqn] : [])),
      ),
    );
    expect([...apqns].toSorted()).toEqual(QUEUES);
  });
});
