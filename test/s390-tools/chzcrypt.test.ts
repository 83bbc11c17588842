// SPDX-License-Identifier: Apache-2.0
// chzcrypt says, release by release, what the real programs said over the same files.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { finish } from '../../src/ap-bus/driving.ts';
import { chzcrypt } from '../../src/sysfs/chzcrypt.ts';
import { type ChzcryptCase, SYSTEMS } from './systems.ts';
import { sysfsOf, treeOf } from './tree.ts';

interface Recorded extends ChzcryptCase {
  readonly releases: readonly string[];
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

const FILE = new URL('../golden/s390-tools/chzcrypt.json', import.meta.url);
const RECORDED = JSON.parse(readFileSync(FILE, 'utf8')) as readonly Recorded[];

const title = ({ system, args, refusing = [] }: Recorded): string =>
  `on ${system}: chzcrypt ${args.join(' ')}${refusing.length > 0 ? ', refused' : ''}`;

describe('chzcrypt as recorded', () => {
  it.each(RECORDED.map((one) => [title(one), one] as const))('%s', (_, recorded) => {
    const { system, args, refusing, releases, stdout, stderr, status } = recorded;
    for (const release of releases) {
      const sysfs = sysfsOf(treeOf(SYSTEMS[system]), refusing);
      const result = finish(chzcrypt(sysfs, args, release), () => {});
      expect({ release, ...result }).toEqual({ release, stdout, stderr, status });
    }
  });
});
