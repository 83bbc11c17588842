// SPDX-License-Identifier: Apache-2.0
// Starts a composed machine as an administrator would: the bus scans, masks are written, mdevs made and guests attached.
// Source: docs/design.md sections 1 and 5; docs/reference/vfio-ap.md section 3.
import { C_TIME_START } from '../../../native-like/machine/layout.ts';
import type { VirtualMdevConfig } from '../../config/types.ts';
import { ApemuError } from '../../errors.ts';
import type { GuestHandle } from '../api/guest-handle.ts';
import { reservingApmask } from './compose.ts';
import type { Machine } from './machine.ts';

const TYPES = '/sys/devices/vfio_ap/matrix/mdev_supported_types';
const SYSFS_CREATE = `${TYPES}/vfio_ap-passthrough/create`;
const VIRTUAL_CREATE = `${TYPES}/vfio_ap-virtual/create`;

/** Starts the machine. With `bare`, the guests' mdevs are left to the administrator. */
export const bootMachine = (machine: Machine, bare: boolean): void => {
  machine.finish(machine.host.boot());
  const { apmask, aqmask } = machine.config.host;
  const reserve =
    apmask ?? (aqmask === undefined && !bare ? reservingApmask(machine.config) : undefined);
  if (reserve !== undefined) must(machine, '/sys/bus/ap/apmask', `${reserve}\n`);
  if (aqmask !== undefined) must(machine, '/sys/bus/ap/aqmask', `${aqmask}\n`);
  if (!bare) for (const guest of machine.guests) provide(machine, guest);
  // The resets that were started by probing and attaching are over when the user gets the machine.
  machine.run();
  machine.image.setTime(C_TIME_START, machine.nowNs());
  for (const fault of machine.config.faults) machine.fault(fault);
};

/** Creates and fills a guest's mdev, then attaches the guest. */
const provide = (machine: Machine, guest: GuestHandle): void => {
  const { mdev, virtualMdev } = guest.config;
  if (virtualMdev !== undefined) provideVirtual(machine, guest, virtualMdev);
  if (mdev === undefined) return;
  must(machine, SYSFS_CREATE, `${guest.uuid}\n`);
  const path = `/sys/devices/vfio_ap/matrix/${guest.uuid}`;
  for (const apid of mdev.adapters) must(machine, `${path}/assign_adapter`, `${apid}\n`);
  for (const apqi of mdev.domains) must(machine, `${path}/assign_domain`, `${apqi}\n`);
  for (const domain of mdev.controlDomains)
    must(machine, `${path}/assign_control_domain`, `${domain}\n`);
  // A guest that migrates here from another machine opens its device when it arrives.
  if (!guest.config.incoming) attach(machine, guest.name);
};

/** Creates and fills a guest's virtual mdev, then attaches the guest. */
const provideVirtual = (machine: Machine, guest: GuestHandle, mdev: VirtualMdevConfig): void => {
  must(machine, VIRTUAL_CREATE, `${guest.uuid}\n`);
  const path = `/sys/devices/vfio_ap/matrix/${guest.uuid}`;
  for (const { virtual, real } of mdev.adapters)
    must(machine, `${path}/assign_adapter`, `${virtual}:${real.join(',')}\n`);
  for (const { virtual, real } of mdev.domains)
    must(machine, `${path}/assign_domain`, `${virtual}:${real.join(',')}\n`);
  must(machine, `${path}/choice`, mdev.choice);
  must(machine, `${path}/allow_secure`, mdev.allowSecure ? '1' : '0');
  attach(machine, guest.name);
};

const attach = (machine: Machine, name: string): void => {
  const attached = machine.attach(name);
  if (attached !== 'ok') fail(`attach of guest ${name}`, attached);
};

const must = (machine: Machine, path: string, text: string): void => {
  const outcome = machine.write(path, text);
  if (outcome !== 'ok') fail(`writing ${JSON.stringify(text.trimEnd())} to ${path}`, outcome);
};

const fail = (what: string, errno: string): never => {
  throw new ApemuError('APEMU_ERR_MACHINE_SETUP', `${what} failed with ${errno}`, { errno });
};
