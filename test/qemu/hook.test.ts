// SPDX-License-Identifier: Apache-2.0
// The hook's source, its bytes and the layout tables belong together.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { TAPQ_LOOP } from '../../src/qemu/benchmark/tapq-image.ts';
import { hookCode } from '../../src/qemu/hook/hook-image.ts';
import * as layout from '../../src/qemu/hook-layout.ts';

const PREFIX = 's390x-linux-gnu-';

function assembler(): boolean {
  try {
    execFileSync(`${PREFIX}as`, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    console.info('skipped: no s390x cross assembler (apt-get install binutils-s390x-linux-gnu)');
    return false;
  }
}

describe.skipIf(!assembler())('the hook routine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-hook-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const object = join(folder, 'hook.o');
  const image = join(folder, 'hook.bin');

  function assembled(): { bytes: Buffer; symbols: Map<string, number> } {
    const source = new URL('../../src/qemu/hook/hook.S', import.meta.url).pathname;
    execFileSync(`${PREFIX}as`, ['-o', object, source]);
    execFileSync(`${PREFIX}objcopy`, ['-O', 'binary', '-j', '.text', object, image]);
    const table = execFileSync(`${PREFIX}nm`, [object], { encoding: 'utf8' });
    const rows = table
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    const symbols = rows.map(
      ([value = '', , name = '']) => [name, Number.parseInt(value, 16)] as const,
    );
    return { bytes: readFileSync(image), symbols: new Map(symbols) };
  }

  it('has the bytes its source assembles to', () => {
    const { bytes } = assembled();
    const code = hookCode();
    const end = layout.AREA.CODE_SIZE;
    const again = `s390x-linux-gnu-as hook.S, then its first ${end} bytes without trailing zeros into hook-image.ts`;
    expect(code.toString('hex'), again).toBe(bytes.subarray(0, code.length).toString('hex'));
    expect(bytes.subarray(code.length).every((byte) => byte === 0)).toBe(true);
  });

  it('has a benchmark guest whose bytes its source assembles to', () => {
    const source = new URL('../../src/qemu/benchmark/tapq-loop.S', import.meta.url).pathname;
    execFileSync(`${PREFIX}as`, ['-o', object, source]);
    execFileSync(`${PREFIX}objcopy`, ['-O', 'binary', '-j', '.text', object, image]);
    expect(readFileSync(image).toString('hex')).toBe(TAPQ_LOOP);
  });

  it('uses the numbers of the layout tables', () => {
    const { symbols } = assembled();
    const tables = { ...layout.LOWCORE, ...layout.AREA, ...layout.MAILBOX, ...layout.SCRATCH };
    const common = Object.entries(tables).filter(([name]) => symbols.has(name));
    const differing = common.filter(([name, value]) => symbols.get(name) !== value);
    expect(differing).toEqual([]);
    expect(common.length).toBeGreaterThan(25);
    expect(1 << (symbols.get('MB_SHIFT') ?? 0)).toBe(layout.MAILBOX_BYTES);
    expect(symbols.get('ACTION_RESUME')).toBe(layout.ACTION_RESUME);
    expect(symbols.get('ACTION_REFLECT')).toBe(layout.ACTION_REFLECT);
    expect(symbols.get('ACTION_IO')).toBe(layout.ACTION_IO);
  });

  it('has no relocation, so that it runs at any page', () => {
    assembled();
    const relocations = execFileSync(`${PREFIX}objdump`, ['-r', object], { encoding: 'utf8' });
    expect(relocations).not.toContain('R_390');
  });
});

describe('the hook area', () => {
  it('holds the code, the parameters and a mailbox for every CPU address', () => {
    expect(hookCode().length).toBeLessThanOrEqual(layout.AREA.CODE_SIZE);
    const mailboxes = layout.MAILBOX_COUNT * layout.MAILBOX_BYTES;
    expect(layout.AREA.AREA_MAILBOXES + mailboxes).toBeLessThanOrEqual(layout.AREA_BYTES);
  });
});
