// SPDX-License-Identifier: Apache-2.0
// How a driver instance finds its machine and table, as native-like/exec/registry.ts does it for the kernel.
import type { MachineImage } from '../../native-like/machine/image.ts';
import { MASK_WORDS, V_GR, V_PSW_ADDRESS_LOW } from '../../native-like/machine/layout.ts';
import type { Kernel } from '../../src/lpar/kernel.ts';
import type { Driver } from './driver.ts';
import {
  ROW_GR0,
  ROW_GR4,
  ROW_GR5,
  ROW_GR6,
  ROW_GR7,
  ROW_INSTRUCTION,
  ROW_VCPU,
  ROW_WORDS,
} from './tables.ts';

export interface DriverBinding {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  /** Rows of instructions, guest and APQN of checks, or vCPUs for `runAll`. */
  readonly table: Int32Array;
}

/** The numbers driver.ts writes out, as the tables have them. */
const WRITTEN_OUT: readonly (readonly [number, number])[] = [
  [V_GR + 1, 9],
  [V_GR + 9, 17],
  [V_GR + 15, 23],
  [V_PSW_ADDRESS_LOW, 3],
  [MASK_WORDS, 1 << 4],
  [ROW_WORDS, 8],
  [ROW_VCPU, 0],
  [ROW_INSTRUCTION, 1],
  [ROW_GR0, 2],
  [ROW_GR4, 3],
  [ROW_GR5, 4],
  [ROW_GR6, 5],
  [ROW_GR7, 6],
];

let offered: DriverBinding | undefined;
let instances = 0;

/** The binding for the driver instance that is being evaluated. */
export const takeDriverBinding = (): DriverBinding => {
  if (offered === undefined) throw new Error('a driver was evaluated without a machine');
  return offered;
};

/** A driver of its own for this table. */
export const loadDriver = async (binding: DriverBinding): Promise<Driver> => {
  for (const [now, written] of WRITTEN_OUT) {
    if (now !== written) throw new Error(`driver.ts is out of date: ${written} is now ${now}`);
  }
  offered = binding;
  const suffix = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const url = new URL(`./driver.${suffix}?instance=${++instances}`, import.meta.url);
  const loaded = (await import(/* @vite-ignore */ url.href)) as { driver: Driver };
  return loaded.driver;
};
