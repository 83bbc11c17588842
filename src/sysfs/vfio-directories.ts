// SPDX-License-Identifier: Apache-2.0
// What vfio makes of a mediated device: its group, the device in it, and their places in the classes.
// Source: Linux 6.12, drivers/vfio/group.c, vfio_main.c, drivers/iommu/iommu.c; recorded of a kernel of docs/oracle.md.
import { attributeTable, READ_ONLY, READ_WRITE } from '../ap-bus/attribute.ts';
import type { HostJournal } from '../ap-bus/events.ts';
import { keysText, storeUevent } from '../ap-bus/uevents.ts';
import type { MatrixDevice } from '../vfio-ap/matrix-device.ts';
import type { MatrixMdev } from '../vfio-ap/mdev.ts';
import {
  vfioDeviceName,
  vfioGroupKeys,
  vfioGroupPath,
  vfioNumber,
} from '../vfio-ap/mdev-uevents.ts';
import {
  type Directory,
  directory,
  filesOf,
  link,
  listing,
  type SysfsNode,
  union,
} from './node.ts';

/** A device of vfio, for its files. */
interface VfioTarget {
  readonly journal: HostJournal;
  readonly mdev: MatrixMdev;
}

const GROUP_FILES = attributeTable<VfioTarget>([
  {
    name: 'dev',
    mode: READ_ONLY,
    show: ({ mdev }) => {
      const [[, major], [, minor]] = vfioGroupKeys(mdev);
      return `${major}:${minor}\n`;
    },
  },
  {
    name: 'uevent',
    mode: READ_WRITE,
    show: ({ mdev }) => keysText(vfioGroupKeys(mdev)),
    store: ({ journal, mdev }, text) => {
      const [path, keys] = [vfioGroupPath(mdev), vfioGroupKeys(mdev)];
      return storeUevent({ journal, subsystem: 'vfio', path, keys }, text);
    },
  },
]);

const DEVICE_FILES = attributeTable<VfioTarget>([
  {
    name: 'uevent',
    mode: READ_WRITE,
    show: () => '',
    store: ({ journal, mdev }, text) => {
      const path = `${mdev.path}/vfio-dev/${vfioDeviceName(mdev)}`;
      return storeUevent({ journal, subsystem: 'vfio-dev', path }, text);
    },
  },
]);

/** Files of a group of the emulated IOMMU. */
const IOMMU_FILES = attributeTable<MatrixMdev>([
  { name: 'name', mode: READ_ONLY, show: () => 'vfio-noiommu\n' },
  { name: 'reserved_regions', mode: READ_ONLY, show: () => '' },
  { name: 'type', mode: READ_ONLY, show: () => 'unknown\n' },
]);

/** A directory with an entry for each mdev. */
const perMdev = (
  device: MatrixDevice,
  nameOf: (mdev: MatrixMdev) => string,
  node: (mdev: MatrixMdev) => SysfsNode,
): Directory => {
  const mdevs = (): MatrixMdev[] => [...device.byUuid.values()];
  return listing(
    () => mdevs().map(nameOf),
    (name) => {
      const mdev = mdevs().find((one) => nameOf(one) === name);
      return mdev === undefined ? undefined : node(mdev);
    },
  );
};

const numberOf = (mdev: MatrixMdev): string => String(vfioNumber(mdev));

/** The device in an mdev's directory `vfio-dev`. */
export const vfioDevice = (journal: HostJournal, mdev: MatrixMdev): Directory =>
  union(
    filesOf(DEVICE_FILES, { journal, mdev }),
    directory({
      device: () => link(`../../../${mdev.uuid}`),
      subsystem: () => link('../../../../../../class/vfio-dev'),
    }),
  );

/** /sys/devices/virtual/vfio. */
export const vfioGroups = (device: MatrixDevice): Directory =>
  perMdev(device, numberOf, (mdev) =>
    union(
      filesOf(GROUP_FILES, { journal: device.bus.journal, mdev }),
      directory({ subsystem: () => link('../../../../class/vfio') }),
    ),
  );

/** /sys/class/vfio and /sys/class/vfio-dev. */
export const vfioClasses = (device: MatrixDevice): Readonly<Record<string, () => Directory>> => ({
  vfio: () => perMdev(device, numberOf, (mdev) => link(`../..${vfioGroupPath(mdev)}`)),
  'vfio-dev': () =>
    perMdev(device, vfioDeviceName, (mdev) =>
      link(`../..${mdev.path}/vfio-dev/${vfioDeviceName(mdev)}`),
    ),
});

/** /sys/kernel/iommu_groups: one emulated group an mdev. */
export const iommuGroups = (device: MatrixDevice): Directory =>
  perMdev(device, numberOf, (mdev) => {
    const up = '../../../../devices/vfio_ap/matrix/';
    const devices = directory({ [mdev.uuid]: () => link(`${up}${mdev.uuid}`) });
    return union(filesOf(IOMMU_FILES, mdev), directory({ devices: () => devices }));
  });
