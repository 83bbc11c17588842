// SPDX-License-Identifier: Apache-2.0
// Real kernels recorded and compared with the model: docs/oracle.md.
import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { compare } from '../../src/recorder/compare.ts';
import { generateSteps } from '../../src/recorder/generate.ts';
import { GOLDEN_CONFIG } from '../../src/recorder/golden-host.ts';
import { GuestKernel } from '../../src/recorder/guest-kernel.ts';
import { record } from '../../src/recorder/record.ts';
import { isChange } from '../../src/sysfs/recorded-operation.ts';
import { imageOrReason } from './support/requirements.ts';

const image = await imageOrReason('6.12');
/** A kernel made by the recipe of docs/oracle.md. */
const KERNEL = process.env['APEMU_ORACLE_KERNEL'];
const built = KERNEL !== undefined && existsSync(KERNEL);
if (!built)
  console.info(
    'skipped: comparing a kernel with vfio_ap (APEMU_ORACLE_KERNEL names one, docs/oracle.md)',
  );

const { config } = configFromObject(GOLDEN_CONFIG);
const { signal } = new AbortController();

describe.skipIf(image === undefined)('a stock kernel', () => {
  const kernel = new GuestKernel({ config, image: image! });
  afterAll(() => kernel.close());

  it.each([
    ['was taken from it', ['cards', 'bind'], 5, 'drivers/cex4card/unbind'],
    ['never came, since nobody probes', ['autoprobe'], 8, 'drivers_autoprobe'],
  ])(
    'falls over a queue that is bound while its card has no driver, which %s, and the fewest operations say how',
    async (_how, kinds, most, needed) => {
      const steps = generateSteps({ seed: 1, operations: 120, kinds }, config);
      // The looks between the changes are not needed for it; without them a busy computer has time enough.
      const operations = steps.map(({ operation }) => operation).filter(isChange);
      const { run, finding } = await record({
        kernel,
        operations,
        seed: 1,
        profile: undefined,
        signal,
      });
      expect(run.complaint).toMatchObject({ name: 'Oops', place: 'zcrypt_card_get' });
      expect(finding?.operations.length).toBeLessThanOrEqual(most);
      const paths = finding?.operations.map(([, path]) => String(path)) ?? [];
      expect(paths.filter((path) => path.endsWith(needed))).not.toEqual([]);
    },
  );
});

describe.skipIf(image === undefined || !built)('a kernel with vfio_ap', () => {
  const kernel = new GuestKernel({
    config,
    image: { kernel: String(KERNEL), initrd: image!.initrd },
  });
  afterAll(() => kernel.close());

  const sequences = (count: number, switches: Readonly<Record<string, boolean>>) => {
    let asked = 0;
    return compare({
      config: { ...config, host: { ...config.host, switches } },
      kernel,
      seed: 1,
      operations: 60,
      search: true,
      breathe: async () => {},
      signal,
      over: () => ++asked >= count,
    });
  };

  it('does what the model does', async () => {
    const { kinds, tally } = await sequences(2, {});
    expect([...kinds]).toEqual([]);
    expect(tally.sequences).toBe(2);
  });

  it('shows a defect planted in the model with the fewest operations', async () => {
    const { findings } = await sequences(1, { admIncludesUsage: true });
    expect(findings[0].operations.length).toBeLessThanOrEqual(5);
  });
});
