// SPDX-License-Identifier: Apache-2.0
// What the administrator of a kernel that is a host does in scenarios: it can be written down, and comes only where the kernel is one.
import { describe, expect, it } from 'vitest';
import { seeds } from '../../src/fuzz/generate.ts';
import { hostSeeds, hostSequence } from '../../src/fuzz/host-sequence.ts';
import { mutate } from '../../src/fuzz/mutate.ts';
import { kernelFiles, repairs } from '../../src/kernel-fuzz/sysfs-files.ts';
import { Random } from '../../src/lpar/random.ts';
import { parseScenarioLines, scenarioLines } from '../../src/scenario/text.ts';
import { NOTHING_SEEN } from '../../src/target/seen.ts';
import type { ScenarioSpace } from '../../src/target/target.ts';

const QUEUES = [0x0504, 0x0505, 0x0604, 0x0605];
const GUEST: ScenarioSpace = {
  guest: 'Linux',
  queues: QUEUES,
  depth: 8,
  hasUser: true,
  files: kernelFiles(QUEUES),
};
const HOST: ScenarioSpace = { ...GUEST, isHost: true };
const SEEDS = Array.from({ length: 2_000 }, (_, n) => n);
const sequences = SEEDS.map((seed) => hostSequence(new Random(seed), HOST));
const lines = sequences.map(scenarioLines).join('');

describe('a sequence of operations of a host', () => {
  it('is written down and read again as it was', () => {
    for (const events of sequences)
      expect(scenarioLines(parseScenarioLines(scenarioLines(events)))).toBe(scenarioLines(events));
  });

  it('is never empty: what cannot be written down is drawn again', () => {
    expect(sequences.filter(({ length }) => length === 0)).toEqual([]);
  });

  it.each([
    ['makes mdevs', /echo \S+ > \S+vfio_ap-passthrough\/create/],
    ['assigns adapters', /assign_adapter/],
    ['assigns whole configurations', /ap_config/],
    ['edits masks', /\/sys\/bus\/ap\/a[pq]mask/],
    ['binds queues', /drivers\/vfio_ap\/bind/],
    ['overrides drivers', /driver_override/],
    ['changes the partition in between', /lpar: remove-adapter/],
    ['adds what the partition has lost', /lpar: add-/],
    ['stops adapters', /lpar: checkstop/],
  ])('%s', (_what, pattern) => expect(lines).toMatch(pattern));

  it('is a seed and a change of a host, and neither of another kernel', () => {
    const made = (space: ScenarioSpace): string =>
      [
        ...seeds(space),
        ...SEEDS.map((seed) =>
          mutate(new Random(seed), [], [], { space, seen: NOTHING_SEEN, wanted: [] }),
        ),
      ]
        .map(scenarioLines)
        .join('');
    expect(made(HOST)).toContain('vfio_ap-passthrough');
    expect(made(GUEST)).not.toContain('vfio_ap-passthrough');
    expect(hostSequence(new Random(1), GUEST)).toEqual([]);
    expect(hostSeeds(GUEST)).toEqual([]);
  });

  it('is taken back before the masks are: a queue of an mdev is refused to the host', () => {
    const files = repairs(QUEUES, true).map(({ file }) => file.split('/').at(-1) ?? '');
    expect(files.indexOf('remove')).toBeLessThan(files.indexOf('apmask'));
    expect(repairs(QUEUES).map(({ file }) => file)).not.toContain(repairs(QUEUES, true)[0]?.file);
  });
});
