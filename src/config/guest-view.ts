// SPDX-License-Identifier: Apache-2.0
// What a guest sees of the machine's adapters and domains, by the numbers it knows them by: those of its passthrough mdev, or the
// virtual ones of its virtual mdev.
import type { AdapterMode, GuestConfig, MachineConfig } from './types.ts';

/** An adapter as a guest sees it. */
export interface SeenAdapter {
  /** The number by which the guest knows it. */
  readonly apid: number;
  /** Mode of the real adapter, or of the first real adapter behind it. */
  readonly mode: AdapterMode;
}

/** Adapters of a guest that exist, ascending as it numbers them. */
export function adaptersOf(config: MachineConfig, guest: GuestConfig): SeenAdapter[] {
  const { adapters } = config.machine;
  const numbers = guest.virtualMdev?.adapters ?? (guest.mdev?.adapters ?? []).map(identity);
  return numbers.flatMap(({ virtual, real }) => {
    const mode = real.map((apid) => adapters.get(apid)?.mode).find((one) => one !== undefined);
    return mode === undefined ? [] : [{ apid: virtual, mode }];
  });
}

/** Domains of a guest that exist, ascending as it numbers them. */
export function domainsOf(config: MachineConfig, guest: GuestConfig): number[] {
  const numbers = guest.virtualMdev?.domains ?? (guest.mdev?.domains ?? []).map(identity);
  const exists = (apqi: number): boolean => config.machine.usageDomains.includes(apqi);
  return numbers.filter(({ real }) => real.some(exists)).map(({ virtual }) => virtual);
}

const identity = (number: number): { virtual: number; real: readonly number[] } => ({
  virtual: number,
  real: [number],
});
