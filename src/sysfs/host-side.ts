// SPDX-License-Identifier: Apache-2.0
// The host side as one object: AP bus with its drivers, vfio_ap, attribute tree.
// Source: docs/reference/vfio-ap.md section 1.1 (module init order); docs/design.md section 1.
import { ApBus } from '../ap-bus/bus.ts';
import { DEBUG_ERROR } from '../ap-bus/debug-areas.ts';
import { registerDefaultDrivers } from '../ap-bus/default-drivers.ts';
import { HostJournal } from '../ap-bus/events.ts';
import type { Mask } from '../ap-bus/mask.ts';
import type { Operation, Timers } from '../ap-bus/operation.ts';
import type { PartitionPort } from '../ap-bus/partition-port.ts';
import { type HostSwitches, type ProfileName, switchesOf } from '../ap-bus/profile.ts';
import { scanBecauseTold, scanBus } from '../ap-bus/scan.ts';
import { type PutBack, together } from '../lpar/remember.ts';
import { vfioApDriver } from '../vfio-ap/driver.ts';
import { MatrixDevice } from '../vfio-ap/matrix-device.ts';
import type { QueueInterrupts, QueueLinks } from '../vfio-ap/ports.ts';
import type { VirtualQueues } from '../vfio-ap/virtual/port.ts';
import { hostTree } from './directories.ts';
import { Sysfs } from './sysfs.ts';

/** What a host side is made from. */
export interface HostSideOptions {
  readonly partition: PartitionPort;
  readonly timers: Timers;
  /** Profile of the kernel; default `current`. */
  readonly profile?: ProfileName;
  /** Single switches that differ from the profile. */
  readonly switches?: Partial<HostSwitches>;
  /** Initial masks (ap.apmask, ap.aqmask) and default domain (ap.domain). */
  readonly apmask?: Mask;
  readonly aqmask?: Mask;
  readonly domain?: number;
  readonly interrupts?: QueueInterrupts;
  readonly links?: QueueLinks;
  readonly virtualQueues?: VirtualQueues;
  /** Linux runs in a secure-execution guest; default: in a partition. */
  readonly secureExecution?: boolean;
}

export interface HostSide {
  readonly bus: ApBus;
  readonly matrix: MatrixDevice;
  readonly sysfs: Sysfs;
  readonly journal: HostJournal;
  /** Boots: makes the first scan. */
  boot(): Operation<boolean>;
  /** Counts calls that may have changed something here, but timers that fired and changes of the partition. */
  readonly changes: number;
  /** Everything outside the machine image. No operation may be under way (`busyWith`). */
  remember(): PutBack;
}

/** Builds the host side. Nothing exists in it until `boot` ran. */
export function createHostSide(options: HostSideOptions): HostSide {
  const journal = new HostJournal(options.timers);
  const switches = switchesOf(options.profile ?? 'current', options.switches);
  const bus = new ApBus({
    partition: options.partition,
    timers: options.timers,
    journal,
    switches,
    ...(options.apmask === undefined ? {} : { apmask: options.apmask }),
    ...(options.aqmask === undefined ? {} : { aqmask: options.aqmask }),
    ...(options.domain === undefined ? {} : { domain: options.domain }),
    secureExecution: options.secureExecution ?? false,
  });
  if (!switches.pkeyHandlers) journal.areas.setLevel('pkey', DEBUG_ERROR);
  registerDefaultDrivers(bus);
  const matrix = new MatrixDevice(bus, options.interrupts, options.links, options.virtualQueues);
  bus.requests.ofGuests = (apqn) => matrix.guestRequests(apqn);
  bus.registerDriver(vfioApDriver(matrix));
  options.partition.onConfigurationChange(() => scanBecauseTold(bus));
  const sysfs = new Sysfs(hostTree(bus, matrix));
  return {
    bus,
    matrix,
    journal,
    sysfs,
    boot: () => scanBus(bus),
    get changes() {
      return sysfs.writes + matrix.calls + bus.requests.tried;
    },
    remember: () => together(bus.remember(), matrix.remember(), journal.remember()),
  };
}
