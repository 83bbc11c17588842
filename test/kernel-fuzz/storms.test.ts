// SPDX-License-Identifier: Apache-2.0
// Scenarios in which a function ends in the same way each time.
import { expect, it } from 'vitest';
import { storm } from '../../src/fuzz/storms.ts';
import { Random } from '../../src/lpar/random.ts';
import { NOTHING_SEEN } from '../../src/target/seen.ts';
import type { ScenarioSpace } from '../../src/target/target.ts';

const QUEUES = [0x0504, 0x0604];
const SPACE: ScenarioSpace = { guest: 'Linux', queues: QUEUES, depth: 8, hasUser: true };
const storms = (space: ScenarioSpace) =>
  Array.from({ length: 300 }, (_, seed) =>
    storm(new Random(seed), { space, seen: NOTHING_SEEN, wanted: [] }),
  );

it('the same answer comes at each execution, and requests meet it', () => {
  for (const [request, line, ...more] of storms(SPACE)) {
    expect(more).toEqual([]);
    expect(line?.trigger).toMatchObject({ kind: 'on', occasion: { kind: 'from' } });
    const apqn = line?.trigger.kind === 'on' ? line.trigger.apqn : 0;
    expect(request?.event).toMatchObject({ kind: 'request', apqn });
  }
});

it('it is a response code of any function, or a reply', () => {
  const all = storms(SPACE).map(([, line]) => line);
  for (const kind of ['rc', 'reply', 'drop', 'delay'])
    expect(all.some((line) => line?.event.kind === kind)).toBe(true);
  const functions = new Set(
    all.flatMap((line) =>
      line?.trigger.kind === 'on' && line.event.kind === 'rc' ? [line.trigger.on] : [],
    ),
  );
  for (const name of ['nqap', 'dqap', 'tapq', 'aqic', 'rapq', 'zapq'])
    expect(functions).toContain(name);
  for (const line of all)
    if (line?.trigger.kind === 'on' && line.event.kind !== 'rc')
      expect(line.trigger.on).toBe('nqap');
});

it('without a user there is only the answer, without queues it is that of any', () => {
  for (const events of storms({ ...SPACE, hasUser: false, queues: [] })) {
    expect(events).toHaveLength(1);
    expect(events[0]?.trigger).toMatchObject({ kind: 'on', apqn: undefined });
  }
});
