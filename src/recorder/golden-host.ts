// SPDX-License-Identifier: Apache-2.0
// A machine to replay recordings on: no guests, no mdevs, a partition that changes as the recording says.
// Source: test/golden/README.md.

import type { BackgroundTurns } from '../ap-bus/background.ts';
import type { Uevent } from '../ap-bus/events.ts';
import type { MachineConfig } from '../config/types.ts';
import { adapterProfile } from '../host/machine/compose.ts';
import { Machine } from '../host/machine/machine.ts';
import type { Partition } from '../lpar/partition.ts';
import type { AdapterProfile } from '../lpar/profile.ts';
import type { Circumstances } from '../sysfs/golden-search.ts';
import type { GoldenHost } from '../sysfs/observe.ts';
import type { GoldenPartition, OperatorAction } from '../sysfs/recorded-operation.ts';
import { NS_PER_US } from '../units.ts';

/** The partition of test/golden/README.md, as a configuration; resets complete at once there, and facility words are those it had when it was recorded. */
export const GOLDEN_CONFIG = {
  machine: {
    profile: 'z16',
    adapters: {
      5: { type: 'CEX8', mode: 'cca', functions: 0xf2800000 },
      6: { type: 'CEX8', mode: 'accelerator', functions: 0xea800000 },
      10: { type: 'CEX8', mode: 'ep11', functions: 0x86800000 },
      33: { type: 'CEX8', mode: 'cca', functions: 0xf2800000 },
    },
    usageDomains: [0x04, 0x47, 0xab, 0xff],
    controlDomains: [0x04, 0x47, 0xab, 0xff],
    timing: { rapq: 0, zapq: 0, aqic: 0 },
  },
  host: { kernel: 'linux-6.12' },
} as const;

/** Time from boot to the first operation, where a recording does not say. */
export const USUAL_BOOT_US = 1_500_000;

/** A host for a replay: what it asked for turns, in order. Call `close` when done. */
export interface ReplayHost extends GoldenHost {
  readonly asked: readonly (keyof BackgroundTurns)[];
  nowNs(): number;
  takeUevents(): readonly Uevent[];
  close(): void;
}

/** A new host at some time after its boot. Its work in the background has the given turns. */
export async function openGoldenHost(
  config: MachineConfig,
  { bootUs = USUAL_BOOT_US, turns = {} }: Partial<Pick<Circumstances, 'bootUs' | 'turns'>> = {},
): Promise<ReplayHost> {
  const machine = await Machine.create({ ...config, guests: [], faults: [] }, { bare: true });
  // The host learns of a change at its next scan, which the recording has in its next line.
  machine.partition.changeListeners.length = 0;
  let uevents: Uevent[] = [];
  machine.host.journal.onUevent((event) => uevents.push(event));
  const asked: (keyof BackgroundTurns)[] = [];
  const turnOf = (what: keyof BackgroundTurns) => (): number => turns[asked.push(what) - 1] ?? 0;
  machine.host.bus.turns = { generator: turnOf('generator'), scan: turnOf('scan') };
  machine.advance(Math.max(0, bootUs * NS_PER_US - machine.nowNs()));
  return {
    asked,
    sysfs: machine.sysfs,
    advance: (ns) => machine.advance(ns),
    nowNs: () => machine.nowNs(),
    takeUevents: () => {
      const taken = uevents;
      uevents = [];
      return taken;
    },
    operate: (action, apid) => operateOn(machine.partition, action, apid),
    setPartition: (wanted) => changePartition(machine.partition, wanted, config),
    close: () => machine.close(),
  };
}

const profilesOf = (config: MachineConfig): ReadonlyMap<number, AdapterProfile> =>
  new Map([...config.machine.adapters].map(([apid, one]) => [apid, adapterProfile(one)]));

/** What an operator does to an adapter, where the partition has it. */
export function operateOn(partition: Partition, action: OperatorAction, apid: number): void {
  if (partition.adapters.has(apid)) partition[action](apid);
}

/** Adds what is new and takes away what is gone; an adapter the configuration does not know is left out. */
export function changePartition(
  partition: Partition,
  wanted: GoldenPartition,
  config: MachineConfig,
): void {
  const known = profilesOf(config);
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
