// SPDX-License-Identifier: Apache-2.0
// The command line as such: help, version, usage errors, exit codes, errors without stack traces.

import { describe, expect, it } from 'vitest';
import { exitCodeOf, formatError } from '../../src/cli/errors.ts';
import { ApemuError } from '../../src/errors.ts';
import { apemu } from './fake-io.ts';

describe('apemu', () => {
  it('--version prints the version of the package', async () => {
    const { code, output, errors } = await apemu(['--version']);
    expect([code, errors]).toEqual([0, '']);
    expect(output).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('--help fits 80 columns and names the commands', async () => {
    const { code, output } = await apemu(['--help']);
    expect(code).toBe(0);
    expect(output).toContain('exec');
    expect(output).toContain('doctor');
    for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it.each([
    [[], 'Usage: apemu'],
    [['exce'], 'exce'],
    [['exec'], "missing required argument 'file'"],
    [['exec'], '(apemu exec --help shows its options)'],
    [['fuzz', '--seconds', '5'], '(apemu fuzz --help shows its options)'],
    [['exce'], '(apemu --help shows the commands)'],
    [['exec', '--colour', 'x.ap'], "unknown option '--colour'"],
    [['exec', '--seed', 'x', 'x.ap'], '--seed is x (expected a number, 0 to 0xffffffff)'],
    [['--log-level', 'loud', 'doctor'], 'Allowed choices are'],
  ])('%j is a usage error: exit 2, nothing on standard output', async (args, message) => {
    const { code, output, errors } = await apemu(args);
    expect([code, output]).toEqual([2, '']);
    expect(errors).toContain(message);
    expect(errors).not.toMatch(/^\s+at /m);
  });
});

describe('an error', () => {
  it.each([
    [
      new ApemuError('APEMU_ERR_X', 'no', { place: { file: 'a.ap', line: 3, column: 4 } }),
      'a.ap:3:4: no [APEMU_ERR_X]\n',
      3,
    ],
    [
      new ApemuError('APEMU_ERR_X', 'no', { errno: 'EBUSY' }),
      'apemu: no (EBUSY) [APEMU_ERR_X]\n',
      3,
    ],
    [
      new TypeError('x is\nundefined'),
      'apemu: internal error: x is [APEMU_ERR_INTERNAL] (--log-level debug shows where)\n',
      70,
    ],
  ] as const)('%s is one line without a stack trace', (error, text, code) => {
    expect(formatError(error)).toBe(text);
    expect(exitCodeOf(error)).toBe(code);
  });
});

describe('apemu doctor', () => {
  it('says what works, and gives a fix for each thing that is missing', async () => {
    const { output } = await apemu(['doctor']);
    expect(output).toMatch(/^ok {8}Node\.js\n {10}v\d+/);
    expect(output).toContain('WebAssembly memory');
    const missing = output.match(/^(?:missing|optional) .*\n.*\n.*$/gm) ?? [];
    for (const entry of missing) expect(entry).toContain('fix: ');
  });

  it('--json prints the same rows as data', async () => {
    const { output } = await apemu(['doctor', '--json']);
    const rows: { what: string; state: string; detail: string; fix: string }[] = JSON.parse(output);
    expect(rows.map(({ what }) => what)).toContain('C compiler (benchmarks against C)');
    for (const { state, fix } of rows) expect(fix === '').toBe(state === 'ok');
  });
});
