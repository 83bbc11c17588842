// SPDX-License-Identifier: Apache-2.0
// Every recording of a real kernel replayed, line for line.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ProfileName } from '../../src/ap-bus/profile.ts';
import { replayGolden } from '../../src/sysfs/golden.ts';
import { createHostSide } from '../../src/sysfs/host-side.ts';
import { FakeTimers, goldenPartition } from '../vfio-ap/fake-partition.ts';

const GOLDEN = join(import.meta.dirname, '../golden');
const SETS: readonly { folder: string; profile: ProfileName; files: number }[] = [
  { folder: 'vfio-ap-linux-6.12', profile: 'linux-6.12', files: 24 },
  { folder: 'vfio-ap-linux-6.12-partition-changes', profile: 'linux-6.12', files: 20 },
  { folder: 'vfio-ap-linux-6.1-partition-changes', profile: 'linux-6.1', files: 12 },
];

function replay(path: string, profile: ProfileName) {
  const partition = goldenPartition();
  const timers = new FakeTimers();
  const host = createHostSide({ partition, timers, profile });
  timers.run(host.boot());
  return replayGolden(
    {
      sysfs: host.sysfs,
      setPartition: (p) => partition.setConfiguration(p.adapters, p.usageDomains, p.controlDomains),
      advance: (ns) => timers.advance(ns),
    },
    gunzipSync(readFileSync(path)).toString('utf8'),
    path,
  );
}

describe.each(SETS)('recordings of $folder', ({ folder, profile, files }) => {
  const names = readdirSync(join(GOLDEN, folder)).filter((name) => name.endsWith('.jsonl.gz'));

  it(`are all ${files} there`, () => {
    expect(names).toHaveLength(files);
  });

  it.each(names)('%s answers every write and read as the real driver did', (name) => {
    const result = replay(join(GOLDEN, folder, name), profile);
    expect(result.first).toBeUndefined();
    expect(result.differences).toBe(0);
    expect(result.writes).toBeGreaterThan(200);
    expect(result.reads).toBeGreaterThan(1000);
  });
});
