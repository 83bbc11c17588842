// SPDX-License-Identifier: Apache-2.0
// lszcrypt prints, release by release, what the real programs printed on the same systems.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lszcrypt } from '../../src/s390-tools/lszcrypt.ts';
import { RELEASES, releaseOf } from '../../src/s390-tools/releases.ts';
import { SYSTEMS } from './systems.ts';

interface Recorded {
  readonly system: string;
  readonly args: readonly string[];
  readonly releases: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

const FILE = new URL('../golden/s390-tools/lszcrypt.json', import.meta.url);
const RECORDED = JSON.parse(readFileSync(FILE, 'utf8')) as readonly Recorded[];

describe('lszcrypt as recorded', () => {
  it('of every release', () => {
    const recorded = new Set(RECORDED.flatMap(({ releases }) => releases));
    expect([...recorded].sort()).toEqual(RELEASES.map(({ name }) => name).sort());
  });

  it.each(RECORDED.map((one) => [one.system, one.args.join(' '), one] as const))(
    'on %s: lszcrypt %s',
    (_, __, { system, args, releases, stdout, stderr, status }) => {
      for (const release of releases)
        expect({ release, ...lszcrypt(SYSTEMS[system], args, releaseOf(release)) }).toEqual({
          ...{ release, stdout, stderr, status },
        });
    },
  );
});
