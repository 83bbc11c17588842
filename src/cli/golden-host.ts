// SPDX-License-Identifier: Apache-2.0
// A machine to replay recordings on: no guests, no mdevs, a partition that changes as the recording says.
// Source: test/golden/README.md.

import type { MachineConfig } from '../config/types.ts';
import { adapterProfile } from '../host/machine/compose.ts';
import { Machine } from '../host/machine/machine.ts';
import type { Partition } from '../lpar/partition.ts';
import type { AdapterProfile } from '../lpar/profile.ts';
import type { GoldenHost, GoldenPartition } from '../sysfs/golden.ts';

/** The partition of test/golden/README.md, as a configuration; resets complete at once there. */
export const GOLDEN_CONFIG = {
  machine: {
    profile: 'z16',
    adapters: {
      5: { type: 'CEX8', mode: 'cca' },
      6: { type: 'CEX8', mode: 'accelerator' },
      10: { type: 'CEX8', mode: 'ep11' },
      33: { type: 'CEX8', mode: 'cca' },
    },
    usageDomains: [0x04, 0x47, 0xab, 0xff],
    controlDomains: [0x04, 0x47, 0xab, 0xff],
    timing: { rapq: 0, zapq: 0, aqic: 0 },
  },
  host: { kernel: 'linux-6.12' },
} as const;

/** A fresh host. Call `close` when done. */
export async function openGoldenHost(
  config: MachineConfig,
): Promise<GoldenHost & { close(): void }> {
  const machine = await Machine.create({ ...config, guests: [], faults: [] }, { bare: true });
  // The host learns of a change at its next scan, which the recording has in its next line.
  machine.partition.changeListeners.length = 0;
  return {
    sysfs: machine.sysfs,
    advance: (ns) => machine.advance(ns),
    setPartition: (wanted) => changePartition(machine.partition, wanted, profilesOf(config)),
    close: () => machine.close(),
  };
}

const profilesOf = (config: MachineConfig): ReadonlyMap<number, AdapterProfile> =>
  new Map([...config.machine.adapters].map(([apid, one]) => [apid, adapterProfile(one)]));

/** Adds what is new and takes away what is gone; an adapter the configuration does not know is left out. */
function changePartition(
  partition: Partition,
  wanted: GoldenPartition,
  known: ReadonlyMap<number, AdapterProfile>,
): void {
  for (const apid of [...partition.adapters.keys()]) {
    if (!wanted.adapters.includes(apid)) partition.removeAdapter(apid);
  }
  for (const apqi of [...partition.usageDomains]) {
    if (!wanted.usageDomains.includes(apqi)) partition.removeUsageDomain(apqi);
  }
  for (const domain of [...partition.controlDomains]) {
    if (!wanted.controlDomains.includes(domain)) partition.removeControlDomain(domain);
  }
  for (const apid of wanted.adapters) {
    const profile = known.get(apid);
    if (profile !== undefined && !partition.adapters.has(apid)) partition.addAdapter(profile);
  }
  for (const apqi of wanted.usageDomains) partition.addUsageDomain(apqi);
  for (const domain of wanted.controlDomains) partition.addControlDomain(domain);
}
