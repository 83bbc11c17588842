// SPDX-License-Identifier: Apache-2.0
// How many cases a second does a stock kernel under QEMU run through, each from the moment after its boot, with its code counted?
import { configFromObject } from '../../src/config/load.ts';
import { ApemuError } from '../../src/errors.ts';
import { KernelTarget } from '../../src/kernel-fuzz/kernel-target.ts';
import { judge } from '../../src/oracle/oracles.ts';
import type { EventStatement } from '../../src/program/ast.ts';
import { findGuestImage } from '../../src/qemu/guest-image/build.ts';
import { DEFAULT_SERIES } from '../../src/qemu/guest-image/suites.ts';
import { buildPlugin } from '../../src/qemu/plugin/build.ts';

const GUEST = 'Linux';
/** The cards and queues of the other rows, for a guest that boots. */
const CONFIG = {
  apemu: 1,
  machine: {
    adapters: { 5: { type: 'CEX8', mode: 'cca', service: { time: '300us' } } },
    usageDomains: [4, 0x47],
    controlDomains: [4, 0x47],
  },
  host: { apmask: '-5' },
  guests: { [GUEST]: { vcpus: 1, mdev: { adapters: [5], domains: [4, 0x47] } } },
};
/** Cases that do not count, and those that do. */
const WARM_UP = 3;
const CASES = 30;

/** Cases a second, one by one; words: why there are none. */
export const kernelCases = async (
  events: readonly EventStatement[],
  smoke: boolean,
): Promise<readonly number[] | string> => {
  if (smoke) return 'a smoke run boots no kernel';
  const image = findGuestImage(DEFAULT_SERIES);
  if (image === undefined) return `no image of a guest (apemu guest-image ${DEFAULT_SERIES})`;
  try {
    const [cover, moment] = [await buildPlugin('cover'), await buildPlugin('moment')];
    const { config } = configFromObject(CONFIG);
    const target = await KernelTarget.create({ config, guest: GUEST, image, moment, cover });
    try {
      return await rates(target, events);
    } finally {
      await target.close();
    }
  } catch (error) {
    if (error instanceof ApemuError) return error.message;
    throw error;
  }
};

const rates = async (
  target: KernelTarget,
  events: readonly EventStatement[],
): Promise<readonly number[]> => {
  const perSecond: number[] = [];
  for (let n = 0; n < WARM_UP + CASES; n++) {
    const from = performance.now();
    await target.reset();
    const violation = judge(await target.run(events));
    if (violation !== undefined) throw new Error(`the kernel: ${violation.did}`);
    if (n >= WARM_UP) perSecond.push(1000 / (performance.now() - from));
  }
  return perSecond;
};
