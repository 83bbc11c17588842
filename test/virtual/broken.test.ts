// SPDX-License-Identifier: Apache-2.0
// Each rule of virtual mdevs, broken by a small patch of a copy of the build, is noticed by the programs that show it.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { PROGRAMS } from './programs.ts';

interface Patch {
  readonly rule: string;
  /** Below dist/src/vfio-ap/virtual. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

const PATCHES: readonly Patch[] = [
  {
    rule: 'V-03: instructions mean the queues of the guest that executes them',
    file: 'hook.js',
    find: 'findVirtualQueue(this.#image, guest, gr0 & GR0_APQN)',
    put: 'findVirtualQueue(this.#image, 1, gr0 & GR0_APQN)',
  },
  {
    rule: 'V-05: the least loaded queue is chosen',
    file: 'choice.js',
    find: 'load >= bestLoad',
    put: 'load > bestLoad',
  },
  {
    rule: 'V-05: sticky stays with one queue',
    file: 'choice.js',
    find: 'all[hash % all.length]',
    put: 'free[0]',
  },
  {
    rule: 'V-06: replies come back in the order in which they were ready',
    file: 'engine.js',
    find: 'a.since - b.since',
    put: 'b.message.slot - a.message.slot',
  },
  {
    rule: 'V-08: the depth is the sum of those of the candidates',
    file: 'candidates.js',
    find: 'total + (value & GR2_QD_MASK) + 1',
    put: 'total + (value & GR2_QD_MASK)',
  },
  {
    rule: 'V-09: a reset discards what is under way',
    file: 'hook.js',
    find: 'this.#engine.discard(entry);',
    put: '',
  },
  {
    rule: 'V-10: the notification is made with the guest’s GISA',
    file: 'hook.js',
    find: 'image.gisa(guest), isc, record',
    put: '0, isc, record',
  },
  {
    rule: 'V-11: 03 only where a candidate is deconfigured',
    file: 'candidates.js',
    find: 'return attention.length > 0 ? ATTENTION_CHECKSTOPPED : ATTENTION_ABSENT;',
    put: 'return ATTENTION_DECONFIGURED;',
  },
  {
    rule: 'V-12: what needs a secure key or is malformed is filtered',
    file: 'engine.js',
    find: 'if (code !== 0)',
    put: 'if (false)',
  },
  {
    rule: 'V-14: messages already sent finish on the old queue',
    file: 'assign.js',
    find: 'busy() && waited < DRAIN_LIMIT_NS',
    put: 'false',
  },
  {
    rule: 'VD-51: an adapter gets no more messages than it has engines',
    file: 'engine.js',
    find: 'this.#kernel.pendingOn(real) < engines',
    put: 'true',
  },
  {
    rule: 'VD-52: a message that a card has lost ends',
    file: 'engine.js',
    find: 'if (where === TAG_GONE)',
    put: 'if (where === TAG_GONE && false)',
  },
];

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'apemu-virtual-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The library of a copy of the build with one patch. */
const patched = async ({
  file,
  find,
  put,
}: Patch): Promise<typeof import('../../src/index.ts')> => {
  const at = mkdtempSync(join(folder, 'build-'));
  mkdirSync(join(at, 'dist'));
  execFileSync('cp', ['-r', join(ROOT, 'dist'), at]);
  copyFileSync(join(ROOT, 'package.json'), join(at, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(at, 'node_modules'));
  const path = join(at, 'dist/src/vfio-ap/virtual', file);
  const parts = readFileSync(path, 'utf8').split(find);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
  writeFileSync(path, parts.join(put));
  return import(pathToFileURL(join(at, 'dist/src/index.js')).href);
};

describe('a build in which a rule of virtual mdevs is broken is noticed', () => {
  it.each(PATCHES)('$rule', async (patch) => {
    const { createMachine } = await patched(patch);
    const noticed: string[] = [];
    for (const [name, config, lines] of PROGRAMS) {
      const machine = await createMachine(config);
      try {
        const { mismatches } = machine.exec(`apemu-program 1\n${lines}\n`);
        if (mismatches.length > 0) noticed.push(name);
      } catch {
        noticed.push(name);
      } finally {
        machine.close();
      }
    }
    expect(noticed).not.toEqual([]);
  });
});
