// SPDX-License-Identifier: Apache-2.0
// lszdev and chzdev tell of themselves as s390-tools 2.43 does.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { releaseOf } from '../../src/s390-tools/releases.ts';
import { zdevHelp, zdevVersion } from '../../src/s390-tools/zdev-usage.ts';
import { withShell } from '../shell/support.ts';

const recorded = (program: string): string =>
  readFileSync(new URL(`../golden/s390-tools/${program}-help.txt`, import.meta.url), 'utf8');

describe.each(['lszdev', 'chzdev'] as const)('%s', (program) => {
  it('--help is as recorded', () => {
    expect(zdevHelp(program, releaseOf('2.43'))).toBe(recorded(program));
    const before = zdevHelp(program, releaseOf('2.38'));
    expect(before).toBe(recorded(program).replace(/^.*--no-module-load.*\n/m, ''));
  });

  it('--version names the release, in the shell too', async () => {
    expect(zdevVersion(program, releaseOf('2.43'))).toBe(`${program} version 2.43.0\n`);
    await withShell(async (shell) => {
      expect(await shell.out(`${program} -v`)).toBe(`${program} version 2.35.0\n`);
      expect(await shell.out(`${program} -h | head -1`)).toMatch(/^Usage: (ls|ch)zdev /);
    });
  });
});
