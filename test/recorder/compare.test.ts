// SPDX-License-Identifier: Apache-2.0
// Kernels and the model side by side. The kernels are models, too: no QEMU is needed to see that differences are found and made short.
import { describe, expect, it } from 'vitest';
import type { HostSwitches } from '../../src/ap-bus/profile.ts';
import { configFromObject } from '../../src/config/load.ts';
import { type CompareOptions, compare } from '../../src/recorder/compare.ts';
import { GOLDEN_CONFIG } from '../../src/recorder/golden-host.ts';
import { ModelKernel } from '../../src/recorder/model-kernel.ts';
import { profileOfRelease, type RecorderKernel } from '../../src/recorder/run.ts';
import { shrink } from '../../src/recorder/shrink.ts';
import type { RecordedOperation } from '../../src/sysfs/recorded-operation.ts';

const { config } = configFromObject(GOLDEN_CONFIG);
const KERNEL = new ModelKernel(config);

/** Compares so many sequences. */
function sequences(count: number, changed: Partial<CompareOptions> = {}) {
  let asked = 0;
  return compare({
    config,
    kernel: KERNEL,
    profile: 'linux-6.12',
    seed: 1,
    operations: 60,
    kinds: undefined,
    search: true,
    breathe: async () => {},
    signal: new AbortController().signal,
    over: () => ++asked >= count,
    ...changed,
  });
}

const withSwitches = (switches: Partial<HostSwitches>) => ({
  config: { ...config, host: { ...config.host, switches } },
});

describe('a kernel and the model', () => {
  it('do not differ where they are the same, and everything is counted', async () => {
    const { differences, findings, tally } = await sequences(4);
    expect([differences, findings]).toEqual([0, []]);
    expect(tally.sequences).toBe(4);
    const total = (list: readonly (readonly [string, number])[]) =>
      list.reduce((sum, [, n]) => sum + n, 0);
    expect(total(tally.operations)).toBeGreaterThan(4 * 60);
    expect(total(tally.observations)).toBeGreaterThan(4 * 60 * 6);
  });

  const PLANTED: readonly (readonly [string, Partial<HostSwitches>, number])[] = [
    ['control domains that come with usage domains', { admIncludesUsage: true }, 3],
    ['an mdev that takes queues of the host', { bindIgnoresMasks: true }, 3],
    ['a queue that is online while its card is stopped', { onlineSeesCheckstop: false }, 3],
    ['BINDINGS=complete at each scan', { bindingsRearmed: false }, 3],
    ['queues without driver that are attached', { driverlessAtMaskEdit: 'attach' }, 5],
  ];

  it.each(PLANTED)(
    'planted: %s is found, with the fewest operations that show it',
    async (_what, switches, most) => {
      const { findings, differences } = await sequences(3, {
        ...withSwitches(switches),
        operations: 150,
      });
      expect(differences).toBeGreaterThan(0);
      const [shortest] = findings.toSorted((a, b) => a.operations.length - b.operations.length);
      expect(shortest.operations.length).toBeLessThanOrEqual(most);
      expect(shortest.length).toBeGreaterThan(shortest.operations.length);
      expect(shortest.difference?.expected).not.toBe(shortest.difference?.actual);
      // Its recording shows it again.
      expect(shortest.recording).toContain(JSON.stringify(shortest.operations.at(-1)).slice(0, -1));
    },
    60_000,
  );

  it('end when they are interrupted', async () => {
    const stop = new AbortController();
    const ended = await sequences(1000, {
      signal: stop.signal,
      onSequence: (_seed, { sequences: done }) => {
        if (done === 2) stop.abort();
      },
    });
    expect(ended.tally.sequences).toBe(2);
  });

  it('end when they are interrupted in the first sequence, with the kernel named', async () => {
    const stop = new AbortController();
    const kernel: RecorderKernel = {
      exact: true,
      close: async () => {},
      run: async (operations) => {
        stop.abort();
        return { ...(await KERNEL.run(operations, stop.signal)), release: '6.12.95' };
      },
    };
    const { release, tally } = await sequences(1, {
      kernel,
      profile: undefined,
      signal: stop.signal,
    });
    expect(release).toBe('6.12.95');
    expect(tally.sequences).toBe(0);
  });
});

/** A kernel that complains at a bind of a queue whose card was unbound before. */
class FragileKernel implements RecorderKernel {
  readonly exact = true;
  async close() {}
  async run(operations: readonly RecordedOperation[], signal: AbortSignal) {
    const is = (file: string) => (operation: RecordedOperation) =>
      operation[0] === 'write' && operation[1].endsWith(file);
    const unbound = operations.findIndex(is('cex4card/unbind'));
    const at = operations.findIndex((one, n) => unbound >= 0 && n > unbound && is('/bind')(one));
    const run = await KERNEL.run(at < 0 ? operations : operations.slice(0, at), signal);
    if (at < 0) return run;
    return { ...run, complaint: { name: 'Oops', line: 'Oops: 0004', place: 'zcrypt_card_get' } };
  }
}

it('a complaint of the kernel is a result of its own, with the operations that make it', async () => {
  const { findings, kinds } = await sequences(6, {
    kernel: new FragileKernel(),
    kinds: ['cards', 'bind'],
  });
  expect(findings).toHaveLength(1);
  const [{ complaint, operations }] = findings;
  expect(complaint?.place).toBe('zcrypt_card_get');
  expect(operations).toHaveLength(2);
  expect(operations[0][1]).toContain('cex4card/unbind');
  expect(kinds.get('Oops in zcrypt_card_get')).toBeGreaterThan(1);
});

describe('operations made short', () => {
  const numbered = Array.from(
    { length: 40 },
    (_, n): RecordedOperation => ['write', `/sys/${n}`, ''],
  );
  const has = (operations: readonly RecordedOperation[], n: number) =>
    operations.some(([, path]) => path === `/sys/${n}`);

  it('are those that are needed, the last one always', async () => {
    const { operations, runs } = await shrink(
      numbered,
      async (some) => has(some, 3) && has(some, 17),
    );
    expect(operations.map(([, path]) => path)).toEqual(['/sys/3', '/sys/17', '/sys/39']);
    expect(runs).toBeLessThan(80);
  });

  it('keep looks where nothing shows without them', async () => {
    const mixed: RecordedOperation[] = [
      ...numbered.slice(0, 5),
      ['read', '/sys/look'],
      ['write', '/sys/end', ''],
    ];
    const { operations } = await shrink(mixed, async (some) =>
      some.some(([verb]) => verb === 'read'),
    );
    expect(operations).toEqual(mixed.slice(-2));
  });

  it('stay as they are where nothing shorter shows it', async () => {
    const { operations } = await shrink(numbered, async (some) => some.length === numbered.length);
    expect(operations).toEqual(numbered);
  });
});

describe('the profile of a release', () => {
  it.each([
    ['6.1.0-40-s390x', 'linux-6.1'],
    ['6.3.1', 'linux-6.1'],
    ['6.4', 'linux-6.12'],
    ['6.12.95+deb12-s390x', 'linux-6.12'],
    ['6.18.2', 'linux-6.12'],
    ['6.19.0', 'linux-7.2'],
    ['7.3-rc7', 'linux-7.2'],
  ])('%s: %s', (release, profile) => expect(profileOfRelease(release)).toBe(profile));

  it('of what is no release is refused', () => {
    expect(() => profileOfRelease('')).toThrow('no release of Linux');
  });
});
