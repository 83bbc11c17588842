// SPDX-License-Identifier: Apache-2.0
// A stock kernel as a target: back to the moment after its boot, both ways; a mistake that must be found; a finding that is replayed.
// APEMU_RESTORES=10000 makes more returns.

import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { loadConfigFile } from '../../src/config/load.ts';
import { KernelTarget } from '../../src/kernel-fuzz/kernel-target.ts';
import { judge, type Violation } from '../../src/oracle/oracles.ts';
import type { EventStatement } from '../../src/program/ast.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { buildPlugin } from '../../src/qemu/plugin/build.ts';
import { eventsOf, parseScenarioLines } from '../../src/scenario/text.ts';
import { imageOrReason } from './support/requirements.ts';

const image = await imageOrReason('6.12');
const PATIENCE_MS = 600_000;
const RESTORES = Number(process.env['APEMU_RESTORES'] ?? 20);
/**
 * Processes of a kernel are not in step: a finding may need some tries. How many differs from boot to boot (one of three to one of 25 for
 * `queue-goes`), so some boots are tried, and the moments of the scenario are moved a little.
 */
const TRIES = { boots: 6, moments: ['1ms', '300us', '2ms'], each: 10 } as const;
/** What the memory of one process may grow in all these returns: buffers, not a leak. */
const GROWTH_KIB = 64 * 1024;

const { config } = loadConfigFile('examples/fuzzing/kernel.yaml');

const open: KernelTarget[] = [];
const boot = async (way: 'portable' | 'in place', planted = false): Promise<KernelTarget> => {
  const moment = way === 'portable' ? { why: 'not wanted' } : await buildPlugin('moment');
  if (moment.path === undefined && way !== 'portable') console.info(`portable: ${moment.why}`);
  const cover = await buildPlugin('cover');
  if (cover.path === undefined) console.info(`no coverage of code: ${cover.why}`);
  const options = { config, guest: 'Linux', image: image!, moment, cover, planted };
  const target = await KernelTarget.create(options);
  open.push(target);
  return target;
};
/** One guest in place is enough for most. */
let inPlace: Promise<KernelTarget> | undefined;
const booted = (): Promise<KernelTarget> => {
  inPlace ??= boot('in place');
  return inPlace;
};
const run = async (target: KernelTarget, lines: string) => {
  await target.reset();
  return await target.run(parseScenarioLines(lines));
};
/** The first rule that a scenario breaks in some tries. */
const firstOf = async (target: KernelTarget, events: readonly EventStatement[]) => {
  for (let n = 0; n < TRIES.each; n++) {
    await target.reset();
    const found = judge(await target.run(events));
    if (found !== undefined) return found;
  }
  return;
};
const residentKib = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);

afterAll(async () => {
  for (const target of open) await target.close();
});

describe.skipIf(image === undefined)('a stock kernel under test', () => {
  test(
    `is right after ${RESTORES} returns to the moment after its boot`,
    async () => {
      const target = await booted();
      let before = 0;
      for (let n = 0; n < RESTORES; n++) {
        const outcome = await run(target, 'user: request x3\n');
        expect(judge(outcome)).toBeUndefined();
        expect(outcome.requests.filter(({ probe }) => !probe)).toHaveLength(3);
        if (n === 9) before = residentKib(target.guest.pid);
      }
      expect(residentKib(target.guest.pid) - before).toBeLessThan(GROWTH_KIB);
      if (target.guest.coverage !== undefined) expect(target.places().length).toBeGreaterThan(200);
    },
    PATIENCE_MS,
  );

  test(
    'is taken back by a new QEMU where there is no other way',
    async () => {
      const target = await boot('portable');
      expect(target.guest.level).toBe('portable');
      for (let n = 0; n < 3; n++)
        expect(judge(await run(target, 'user: request x2\n'))).toBeUndefined();
    },
    PATIENCE_MS,
  );

  test.each([
    ['a card whose queue goes while it is written to', 'queue-goes', 'kernel'],
    ['a queue that comes while its card has no driver', 'queue-comes', 'kernel'],
    ['a reader that waits for itself', 'reader-waits', 'kernel'],
  ])(
    'does again what was found: %s',
    async (_what, name, oracle) => {
      const path = `test/linux/findings/${name}.ap`;
      const text = readFileSync(path, 'utf8');
      let found: Violation | undefined;
      for (let n = 0; n < TRIES.boots && found === undefined; n++) {
        const target = await (n === 0 ? booted() : boot('in place'));
        for (const moment of TRIES.moments)
          found ??= await firstOf(
            target,
            eventsOf(parseProgram(text.replaceAll('1ms', moment), path)),
          );
      }
      console.info(`${name}: ${found?.did}`);
      expect(found?.oracle).toBe(oracle);
    },
    PATIENCE_MS,
  );

  test(
    'whose user takes errors for results is found out',
    async () => {
      const target = await boot('in place', true);
      const outcome = await run(target, 'on nqap #1: rc=05\nuser: request x2 06.0004 crt\n');
      expect(judge(outcome)).toMatchObject({ oracle: 'right', way: 'takes a wrong reply' });
    },
    PATIENCE_MS,
  );
});
