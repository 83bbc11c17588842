// SPDX-License-Identifier: Apache-2.0
// The files of the virtual mdev type and of its mdevs.
// Source: docs/reference/vfio-ap.md sections 2.1 (S0-28) and 8.3 (V-01, V-04, V-13, V-15); decision VD-53 (choice, allow_secure).

import { attributeTable, READ_ONLY, READ_WRITE, WRITE_ONLY } from '../../ap-bus/attribute.ts';
import type { Outcome } from '../../ap-bus/errno.ts';
import { kstrtobool, sysfsEquals } from '../../ap-bus/number-syntax.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import { assignmentFiles } from '../assignment-files.ts';
import { matrixText } from '../matrix.ts';
import type { MatrixDevice } from '../matrix-device.ts';
import { availableInstances, createVirtualMdev, storeRemove } from '../mdev-core.ts';
import { assignMapping, unassignMapping } from './assign.ts';
import { CHOICES, type Choice } from './choice.ts';
import { mapText } from './map.ts';
import type { VirtualMdev } from './mdev.ts';

export const VIRTUAL_MDEV_TYPE = 'vfio_ap-virtual';

/** Files of mdev_supported_types/vfio_ap-virtual. */
export const VIRTUAL_TYPE_FILES = attributeTable<MatrixDevice>([
  { name: 'name', mode: READ_ONLY, show: () => 'VFIO AP Virtual Device\n' },
  { name: 'device_api', mode: READ_ONLY, show: () => 'vfio-ap\n' },
  {
    name: 'available_instances',
    mode: READ_ONLY,
    show: (d) => `${availableInstances(d, 'virtual')}\n`,
  },
  { name: 'create', mode: WRITE_ONLY, store: (d, text) => createVirtualMdev(d, text) },
]);

/** A virtual mdev and its device, which the files of its directory act on. */
export interface VirtualFilesTarget {
  readonly device: MatrixDevice;
  readonly mdev: VirtualMdev;
}

const locked = ({ device }: VirtualFilesTarget) => [device.mdevsLock];

const change = ({ device, mdev }: VirtualFilesTarget, apply: () => void): Operation<Outcome> =>
  device.update(mdev, (): Outcome => {
    apply();
    device.updateVirtual(mdev);
    return 'ok';
  });

function storeChoice(target: VirtualFilesTarget, text: string): Outcome | Operation<Outcome> {
  const name = (Object.keys(CHOICES) as Choice[]).find((choice) => sysfsEquals(choice, text));
  if (name === undefined) return 'EINVAL';
  return change(target, () => {
    target.mdev.choice = name;
  });
}

function storeAllowSecure(target: VirtualFilesTarget, text: string): Outcome | Operation<Outcome> {
  const parsed = kstrtobool(text);
  if (!parsed.ok) return parsed.errno;
  return change(target, () => {
    target.mdev.allowSecure = parsed.value;
  });
}

/** All choices, with the chosen one in brackets, as sysfs shows alternatives. */
const choiceText = (chosen: Choice): string =>
  `${Object.keys(CHOICES)
    .map((name) => (name === chosen ? `[${name}]` : name))
    .join(' ')}\n`;

/** Files of /sys/devices/vfio_ap/matrix/$uuid for a virtual mdev. */
export const VIRTUAL_MDEV_FILES = attributeTable<VirtualFilesTarget>([
  ...assignmentFiles<VirtualFilesTarget>(
    ({ device, mdev }, axis, text) => assignMapping(device, mdev, axis, text),
    ({ device, mdev }, axis, text) => unassignMapping(device, mdev, axis, text),
  ),
  // V-15: control domains cannot be assigned.
  { name: 'control_domains', mode: READ_ONLY, show: () => '', readLocks: locked },
  {
    name: 'matrix',
    mode: READ_ONLY,
    show: ({ mdev }) => matrixText(mdev.virtualMatrix, mdev.limits),
    readLocks: locked,
  },
  {
    name: 'guest_matrix',
    mode: READ_ONLY,
    show: ({ mdev }) => matrixText(mdev.virtualMatrix, mdev.limits),
    readLocks: locked,
  },
  { name: 'map', mode: READ_ONLY, show: ({ mdev }) => mapText(mdev.map), readLocks: locked },
  {
    name: 'choice',
    mode: READ_WRITE,
    show: ({ mdev }) => choiceText(mdev.choice),
    store: storeChoice,
    readLocks: locked,
  },
  {
    name: 'allow_secure',
    mode: READ_WRITE,
    show: ({ mdev }) => `${mdev.allowSecure ? 1 : 0}\n`,
    store: storeAllowSecure,
    readLocks: locked,
  },
  { name: 'remove', mode: WRITE_ONLY, store: (t, text) => storeRemove(t.device, t.mdev, text) },
  { name: 'uevent', mode: READ_WRITE, show: () => 'DRIVER=vfio_ap_mdev\n', store: () => 'ok' },
]);
