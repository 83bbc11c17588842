// SPDX-License-Identifier: Apache-2.0
// The files of the matrix device, of the mdev type and of each mdev.
// Source: docs/reference/vfio-ap.md sections 3.5 and 3.6 (vfio_ap_drv.c: features; mdev_sysfs.c; vfio_ap_ops.c).

import { attributeTable, READ_ONLY, READ_WRITE, WRITE_ONLY } from '../ap-bus/attribute.ts';
import { keysText, storeUevent } from '../ap-bus/uevents.ts';
import { apConfigText, storeApConfig } from './ap-config.ts';
import { assign, changeControlDomain, unassign } from './assign.ts';
import { assignmentFiles } from './assignment-files.ts';
import { controlDomainsText, matrixText } from './matrix.ts';
import type { MatrixDevice } from './matrix-device.ts';
import type { MatrixMdev } from './mdev.ts';
import { availableInstances, createMdev, storeRemove } from './mdev-core.ts';
import { MDEV_DRIVER } from './mdev-uevents.ts';

/** Name of the passthrough type. */
export const MDEV_TYPE = 'vfio_ap-passthrough';

/** Path of the matrix device, and what its uevents and those of mdevs contain besides. */
const MATRIX_PATH = '/devices/vfio_ap/matrix';
const MATRIX_KEYS = [['DRIVER', 'vfio_ap']] as const;
const MDEV_KEYS = [['DRIVER', MDEV_DRIVER]] as const;

/** Files of /sys/devices/vfio_ap/matrix. */
export const MATRIX_DEVICE_FILES = attributeTable<MatrixDevice>([
  {
    name: 'features',
    mode: READ_ONLY,
    show: (d) =>
      `guest_matrix hotplug ap_config${d.bus.switches.migration === 'off' ? '' : ' migratable'}\n`,
    when: (d) => d.bus.switches.apConfigFile,
  },
  {
    name: 'uevent',
    mode: READ_WRITE,
    show: () => keysText(MATRIX_KEYS),
    store: ({ bus: { journal } }, text) =>
      storeUevent({ journal, subsystem: 'matrix', path: MATRIX_PATH, keys: MATRIX_KEYS }, text),
  },
]);

/** Files of mdev_supported_types/vfio_ap-passthrough. */
export const MDEV_TYPE_FILES = attributeTable<MatrixDevice>([
  { name: 'name', mode: READ_ONLY, show: () => 'VFIO AP Passthrough Device\n' },
  { name: 'device_api', mode: READ_ONLY, show: () => 'vfio-ap\n' },
  { name: 'available_instances', mode: READ_ONLY, show: (d) => `${availableInstances(d)}\n` },
  { name: 'create', mode: WRITE_ONLY, store: (d, text) => createMdev(d, text) },
]);

/** An mdev and its device, which the files of its directory act on. */
export interface MdevFilesTarget {
  readonly device: MatrixDevice;
  readonly mdev: MatrixMdev;
}

const locked = ({ device }: MdevFilesTarget) => [device.mdevsLock];

/** Files of /sys/devices/vfio_ap/matrix/$uuid. */
export const MDEV_FILES = attributeTable<MdevFilesTarget>([
  ...assignmentFiles<MdevFilesTarget>(
    ({ device, mdev }, axis, text) => assign(device, mdev, axis, text),
    ({ device, mdev }, axis, text) => unassign(device, mdev, axis, text),
  ),
  {
    name: 'assign_control_domain',
    mode: WRITE_ONLY,
    store: (t, text) => changeControlDomain(t.device, t.mdev, true, text),
  },
  {
    name: 'unassign_control_domain',
    mode: WRITE_ONLY,
    store: (t, text) => changeControlDomain(t.device, t.mdev, false, text),
  },
  {
    name: 'control_domains',
    mode: READ_ONLY,
    show: ({ mdev }) => controlDomainsText(mdev.matrix, mdev.limits),
    readLocks: locked,
  },
  {
    name: 'matrix',
    mode: READ_ONLY,
    show: ({ mdev }) => matrixText(mdev.matrix, mdev.limits),
    readLocks: locked,
  },
  {
    name: 'guest_matrix',
    mode: READ_ONLY,
    show: ({ mdev }) => matrixText(mdev.shadow, mdev.limits),
    readLocks: locked,
  },
  {
    name: 'ap_config',
    mode: READ_WRITE,
    show: ({ mdev }) => apConfigText(mdev),
    store: (t, text) => storeApConfig(t.device, t.mdev, text),
    readLocks: locked, // VD-17
    when: ({ device }) => device.bus.switches.apConfigFile,
  },
  { name: 'remove', mode: WRITE_ONLY, store: (t, text) => storeRemove(t.device, t.mdev, text) },
  {
    name: 'uevent',
    mode: READ_WRITE,
    show: () => keysText(MDEV_KEYS),
    store: ({ device, mdev }, text) =>
      storeUevent(
        { journal: device.bus.journal, subsystem: 'mdev', path: mdev.path, keys: MDEV_KEYS },
        text,
      ),
  },
]);
