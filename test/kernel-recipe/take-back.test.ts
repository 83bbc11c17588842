// SPDX-License-Identifier: Apache-2.0
// The recipe's script that takes fixes of Linux back: it changes the places it names, puts them back, and refuses another source.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const DRIVERS = 'drivers/s390/crypto';
/** Lines of our own in which the places of the fixes are. */
const FILES = {
  'ap_queue.c': `} while (status.response_code == 0xFF && more);
q = aq->queue_count = max_t(int, 0, aq->queue_count - 1);
q = aq->queue_count = max_t(int, 1, aq->queue_count + 1);
if (!status.queue_empty && !aq->queue_count) q();
return status.irq_enabled ? WAIT_INTERRUPT : WAIT_TIMEOUT;
return status.irq_enabled ? WAIT_INTERRUPT : WAIT_TIMEOUT;
`,
  'zcrypt_api.h': '#define TRACK_AGAIN_MAX 10\n',
  'zcrypt_error.h': '\tcase FILTERED_BY_HYPERVISOR: /* 0x8B */\n\tdefault:\n\t\treturn 1;\n',
};

let source = '';
const textOf = (file: string): string => readFileSync(join(source, DRIVERS, file), 'utf8');
const takeBack = (...fixes: string[]): { status: number | null; said: string } => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/kernel-recipe/take-back.js', source, ...fixes],
    { encoding: 'utf8' },
  );
  return { status, said: stdout + stderr };
};

beforeEach(() => {
  source = mkdtempSync(join(tmpdir(), 'apemu-source-'));
  mkdirSync(join(source, DRIVERS), { recursive: true });
  for (const [file, text] of Object.entries(FILES))
    writeFileSync(join(source, DRIVERS, file), text);
});
afterEach(() => rmSync(source, { recursive: true }));

it.each([
  ['G1', 'ap_queue.c', 'aq->queue_count += 1;'],
  ['G2', 'ap_queue.c', 'if (0) q();'],
  ['G3', 'ap_queue.c', 'return WAIT_INTERRUPT;'],
  ['G8', 'zcrypt_error.h', '\tdefault:\n\t\tzq->online = 0;\n'],
  ['G9', 'ap_queue.c', '} while (0);'],
  ['G10', 'zcrypt_api.h', 'TRACK_AGAIN_MAX 0x7fffffff'],
])('the fix %s is taken back, and is in again without it', (fix, file, text) => {
  expect(takeBack(fix)).toEqual({ status: 0, said: `taken back: ${fix}\n` });
  expect(textOf(file)).toContain(text);
  expect(takeBack().status).toBe(0);
  for (const [name, original] of Object.entries(FILES)) expect(textOf(name)).toBe(original);
});

it('all fixes are taken back together', () => {
  expect(takeBack('G1', 'G2', 'G3', 'G8', 'G9', 'G10').status).toBe(0);
  expect(textOf('zcrypt_error.h')).not.toContain('HYPERVISOR');
});

it('another source is refused and stays as it is', () => {
  writeFileSync(join(source, DRIVERS, 'zcrypt_api.h'), 'no such line\n');
  const { status, said } = takeBack('G1', 'G10');
  expect([status, said]).toEqual([
    1,
    expect.stringContaining('G10: drivers/s390/crypto/zcrypt_api.h has 0 of 1'),
  ]);
  expect(textOf('ap_queue.c')).toBe(FILES['ap_queue.c']);
});

it('a fix that there is not is a mistake of its user, who is told those there are', () => {
  const { status, said } = takeBack('G99');
  expect([status, said]).toEqual([2, expect.stringContaining('G10\t91ffc519c199')]);
});
