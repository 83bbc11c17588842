// SPDX-License-Identifier: Apache-2.0
// Whose fault an error is: one answer for exit code and message, in every mode and command.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOf, formatError } from '../../src/cli/errors.ts';
import { ApemuError, type Fault, faultOf } from '../../src/errors.ts';
import { makeGuestImage } from '../../src/qemu/guest-image/build.ts';
import { apemu } from './fake-io.ts';

const systemError = (): unknown => {
  try {
    writeFileSync('/dev/null/file', '');
  } catch (error) {
    return error;
  }
};
const memoryError = (): unknown => {
  try {
    return new ArrayBuffer(2 ** 53 - 1);
  } catch (error) {
    return error;
  }
};

describe('an error', () => {
  it.each<[string, () => unknown, Fault, number, RegExp]>([
    [
      'of the command line',
      () => new ApemuError('APEMU_ERR_USAGE_SEED', 'no seed'),
      'usage',
      2,
      /no seed/,
    ],
    [
      'of an input',
      () => new ApemuError('APEMU_ERR_CONFIG_TYPE', 'no list'),
      'input',
      3,
      /no list/,
    ],
    [
      'of a guest program',
      () => new ApemuError('APEMU_ERR_GUEST_FAILED', 'threw'),
      'guest',
      1,
      /threw/,
    ],
    [
      "of a guest's kernel",
      () => new ApemuError('APEMU_ERR_GUEST_ENDED', 'panic'),
      'guest',
      1,
      /panic/,
    ],
    [
      'of a file',
      systemError,
      'system',
      3,
      /^apemu: the computer refuses open \/dev\/null\/file: ENOTDIR \[APEMU_ERR_SYSTEM\]\n$/,
    ],
    ['of memory', memoryError, 'system', 3, /^apemu: there is not enough memory: /],
    [
      'of ours',
      () => new TypeError('x is not a function'),
      'internal',
      70,
      /internal error: x is not/,
    ],
  ])('%s has its exit code and its words', (_what, make, fault, code, words) => {
    const error = make();
    expect([faultOf(error), exitCodeOf(error)]).toEqual([fault, code]);
    expect(formatError(error)).toMatch(words);
    expect(formatError(error)).not.toContain('    at ');
  });
});

describe('a guest program that throws', () => {
  let dir = '';
  const config = (program: string): string => {
    const file = join(dir, 'config.yaml');
    const guest = (name: string, more: string) => `  ${name}: { memory: 256KiB, ${more} }\n`;
    writeFileSync(
      file,
      `apemu: 1\nmachine: { adapters: { 5: { mode: loopback } }, usageDomains: [1], controlDomains: [1] }\n` +
        `host: { apmask: "-5" }\nguests:\n${guest('Bad', `program: ./${program}`)}` +
        guest(
          'Good',
          'program: ap-bus, workload: { name: loopback, messages: 10 }, mdev: { adapters: [5], domains: [1] }',
        ),
    );
    return file;
  };
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'apemu-faults-'));
    writeFileSync(
      join(dir, 'step.mjs'),
      "export default { name: 's', init: () => ({ n: 0 }), step: (cpu, s) => { if (s.n++ > 2) throw new Error('it broke'); return 0; } };\n",
    );
    writeFileSync(
      join(dir, 'start.mjs'),
      "export default { name: 's', init: () => { throw new Error('it broke'); }, step: () => 0 };\n",
    );
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it.each([[['--stepped']], [['--workers', '1']]])(
    'in a step fails alone, with exit code 1 and its words: %s',
    async (mode) => {
      const { code, output, errors } = await apemu(['run', ...mode, config('step.mjs')]);
      expect(output).toMatch(
        /failed: the guest program (.*\/step\.mjs) failed: it broke \(\1:1:\d+\)/,
      );
      expect(output).toMatch(/== Good: ap-bus ==/);
      expect(errors).not.toContain('internal error');
      expect(code).toBe(1);
    },
  );

  it.each([[['--stepped']], [['--workers', '1']]])(
    'when it starts ends with exit code 1 and its words: %s',
    async (mode) => {
      const { code, output, errors } = await apemu(['run', ...mode, config('start.mjs')]);
      expect(output + errors).toMatch(
        /the guest program (.*\/start\.mjs) failed: it broke \(\1:1:\d+\)/,
      );
      expect(errors).not.toContain('internal error');
      expect(code).toBe(1);
    },
  );
});

describe('apemu guest-image', () => {
  it('says that its folder cannot be written, not that packages cannot be had', async () => {
    const said: string[] = [];
    const made = makeGuestImage('6.12', {
      cache: '/dev/null/cache',
      log: (line) => said.push(line),
    });
    await expect(made).rejects.toThrow(
      'cannot write guest images to /dev/null/cache/6.12-r4: ENOTDIR (XDG_CACHE_HOME says where they are kept)',
    );
    expect(said).toEqual([]);
  });
});
