// SPDX-License-Identifier: Apache-2.0
// The host side's folders import in one direction, and its profiles are sets of switches.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROFILES, type ProfileName, switchesOf } from '../../src/ap-bus/profile.ts';

const SRC = join(import.meta.dirname, '../../src');
/** What each folder may import besides itself and files of src itself. */
const MAY_IMPORT: readonly [string, number, readonly string[]][] = [
  ['ap-bus', 15, ['lpar', 'cex']],
  ['vfio-ap', 15, ['ap-bus', 'kvm', 'lpar', 'cex']],
  ['sysfs', 10, ['vfio-ap', 'ap-bus', 'kvm', 'lpar', 'config', 'cex', 's390-tools']],
];

describe('layers', () => {
  it.each(MAY_IMPORT)(
    'a folder of the host side imports only what stands below it: %s, at least %i files',
    (folder, least, allowed) => {
      const files = readdirSync(join(SRC, folder)).filter((name) => name.endsWith('.ts'));
      expect(files.length).toBeGreaterThanOrEqual(least);
      for (const file of files) {
        const text = readFileSync(join(SRC, folder, file), 'utf8');
        for (const [, target] of text.matchAll(/from '(\.\.\/[^']+)'/g)) {
          const top = (target as string).replace(/^(\.\.\/)+/, '').split('/')[0];
          const fine = ['errors.ts', 'units.ts', 'native-like', ...allowed].includes(top);
          expect(fine, `${folder}/${file} imports ${target}`).toBe(true);
        }
      }
    },
  );
});

describe('profiles', () => {
  const names = Object.keys(PROFILES) as ProfileName[];
  it('every profile is a set of the same switches', () => {
    expect(names.sort()).toEqual([
      'current',
      'doc-v6',
      'linux-6.1',
      'linux-6.12',
      'linux-7.2',
      'mixed',
      'strict',
      'v13',
    ]);
    const keys = Object.keys(PROFILES.current).sort();
    for (const name of names) expect(Object.keys(PROFILES[name]).sort(), name).toEqual(keys);
  });

  it('strict is current with every answer as the architecture has it', () => {
    const { strictStatus, aqicChecksApcb, leakAqicResources, hookBeforeCheck } = PROFILES.strict;
    expect([strictStatus, aqicChecksApcb, leakAqicResources, hookBeforeCheck]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('one switch can be set alone', () => {
    expect(switchesOf('current', { removeInUse: 'ebusy' })).toEqual({
      ...PROFILES.current,
      removeInUse: 'ebusy',
    });
  });
});
