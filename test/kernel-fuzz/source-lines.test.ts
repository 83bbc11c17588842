// SPDX-License-Identifier: Apache-2.0
// Where blocks stand in their source: a module and an image with debug information, made here.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockName, type ReachedBlock } from '../../src/kernel-fuzz/reached.ts';
import { sourceLines } from '../../src/kernel-fuzz/source-lines.ts';

const GCC = 's390x-linux-gnu-gcc';
const hasCompiler = ((): boolean => {
  try {
    execFileSync(GCC, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.info(`skipped: no ${GCC} (apt-get install gcc-s390x-linux-gnu)`);
    return false;
  }
})();

const SOURCE = `int first(int a) { return a + 1; }

__attribute__((section(".init.text"))) int second(int a)
{
	return a * 3;
}
`;

const blockOf = (name: string, module: string): ReachedBlock => ({
  symbol: { address: 0x1000, name, module },
  offset: 0,
});

describe.skipIf(!hasCompiler)('lines of source', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-lines-'));
  const [module, image] = ['cards.ko', 'vmlinux'].map((name) => join(folder, name));
  beforeAll(() => {
    writeFileSync(join(folder, 'cards.c'), SOURCE);
    const build = (...args: string[]): void => {
      execFileSync(GCC, ['-g', ...args, 'cards.c'], { cwd: folder });
    };
    build('-c', '-o', 'cards.ko');
    build('-nostdlib', '-static', '-Wl,-e,first', '-o', 'vmlinux');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('are found in a module, in each of its sections, by its name', async () => {
    const blocks = [
      blockOf('first', 'cards'),
      blockOf('second', 'cards'),
      blockOf('first', 'others'),
      blockOf('unknown', 'cards'),
    ];
    const lines = await sourceLines([module], blocks);
    const [first, second] = blocks.map(blockName);
    expect([...lines.keys()]).toEqual([first, second]);
    expect(lines.get(first)).toMatch(/cards\.c:1$/);
    expect(lines.get(second)).toMatch(/cards\.c:4$/);
  });

  it('are found in an image, whatever address it has in the guest', async () => {
    const lines = await sourceLines([image], [blockOf('second', '')]);
    expect(lines.get('second+0x0')).toMatch(/cards\.c:4$/);
  });

  it('are none of a file without debug information', async () => {
    const bare = join(folder, 'bare.ko');
    execFileSync(GCC, ['-c', '-o', bare, 'cards.c'], { cwd: folder });
    expect((await sourceLines([bare], [blockOf('first', 'bare')])).size).toBe(0);
  });

  it('need the binutils, and say so', async () => {
    const PATH = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      await expect(sourceLines([module], [])).rejects.toThrow(/binutils-s390x-linux-gnu/);
    } finally {
      process.env['PATH'] = PATH;
    }
  });
});
