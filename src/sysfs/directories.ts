// SPDX-License-Identifier: Apache-2.0
// Which directories, files and links there are, and where.
// Source: docs/reference/vfio-ap.md sections 1.1 and 3.2 to 3.6.
import { type AttributeTable, attributeTable } from '../ap-bus/attribute.ts';
import type { ApBus } from '../ap-bus/bus.ts';
import { BUS_FILES, DRIVER_FILES } from '../ap-bus/bus-files.ts';
import { cardFiles, queuesOf } from '../ap-bus/card-files.ts';
import { type ApCard, type ApDevice, type ApDriver, ApQueue } from '../ap-bus/device.ts';
import { queueFiles } from '../ap-bus/queue-files.ts';
import { MATRIX_DEVICE_FILES, MDEV_FILES, MDEV_TYPE, MDEV_TYPE_FILES } from '../vfio-ap/files.ts';
import type { MatrixDevice } from '../vfio-ap/matrix-device.ts';
import type { MatrixMdev } from '../vfio-ap/mdev.ts';
import { vfioDeviceName, vfioNumber } from '../vfio-ap/mdev-uevents.ts';
import {
  VIRTUAL_MDEV_FILES,
  VIRTUAL_MDEV_TYPE,
  VIRTUAL_TYPE_FILES,
} from '../vfio-ap/virtual/files.ts';
import { VirtualMdev } from '../vfio-ap/virtual/mdev.ts';
import { deviceEvents, otherEvents } from './event-files.ts';
import {
  type Directory,
  directory,
  filesOf,
  link,
  listing,
  type SysfsNode,
  union,
} from './node.ts';
import { iommuGroups, vfioClasses, vfioDevice, vfioGroups } from './vfio-directories.ts';
import { debugAreas, miscClass, miscDevices, nodeClass, nodeDevices } from './virtual-devices.ts';

/** Files of a driver for one kind of device, as a table; made once a driver. */
function driverTables<T>(
  rows: (driver: ApDriver) => Parameters<typeof attributeTable<T>>[0] | undefined,
): (driver: ApDriver) => AttributeTable<T> {
  const cache = new WeakMap<ApDriver, AttributeTable<T>>();
  return (driver) => {
    let table = cache.get(driver);
    if (table === undefined) {
      table = attributeTable<T>(rows(driver) ?? []);
      cache.set(driver, table);
    }
    return table;
  };
}

/** /sys/devices/ap. */
function apDevices(bus: ApBus): Directory {
  const cardTable = attributeTable(cardFiles(bus));
  const queueTable = attributeTable(queueFiles(bus));
  const cardExtra = driverTables<ApCard>((driver) => driver.cardFiles);
  const queueExtra = driverTables<ApQueue>((driver) => driver.queueFiles);
  const links = (device: ApDevice, up: string): Directory =>
    listing(
      () => (device.driver === null ? ['subsystem'] : ['driver', 'subsystem']),
      (name) => {
        if (name === 'subsystem') return link(`${up}bus/ap`);
        if (name !== 'driver' || device.driver === null) return undefined;
        return link(`${up}bus/ap/drivers/${device.driver.name}`);
      },
    );
  const queueDirectory = (queue: ApQueue): Directory =>
    union(
      filesOf(queueTable, queue),
      ...(queue.driver === null ? [] : [filesOf(queueExtra(queue.driver), queue)]),
      links(queue, '../../../../'),
    );
  const cardDirectory = (card: ApCard): Directory =>
    union(
      filesOf(cardTable, card),
      ...(card.driver === null ? [] : [filesOf(cardExtra(card.driver), card)]),
      links(card, '../../../'),
      listing(
        () => [...queuesOf(bus, card)].map((queue) => queue.name),
        (name) => {
          const queue = bus.findDevice(name);
          const own = queue instanceof ApQueue && queue.card === card && queue.name === name;
          return own ? queueDirectory(queue) : undefined;
        },
      ),
    );
  return listing(
    () => bus.cards.flatMap((card) => (card === undefined ? [] : [card.name])),
    (name) => {
      const card = bus.findDevice(name);
      return card?.kind === 'card' && card.name === name ? cardDirectory(card) : undefined;
    },
  );
}

/** Path of a device of the bus, from the mount point on. */
const deviceLink = (device: ApDevice, up: string): SysfsNode =>
  link(`${up}${device.path.slice(1)}`);

/** /sys/bus/ap. */
function apBus(bus: ApBus): Directory {
  const byName = (name: string): ApDevice | undefined => {
    const device = bus.findDevice(name);
    return device?.name === name ? device : undefined;
  };
  const driverDirectory = (driver: ApDriver): Directory =>
    union(
      filesOf(DRIVER_FILES, { bus, driver }),
      listing(
        function* () {
          for (const device of bus.devices) if (device.driver === driver) yield device.name;
        },
        (name) => {
          const device = byName(name);
          return device?.driver === driver ? deviceLink(device, '../../../../') : undefined;
        },
      ),
    );
  return union(
    filesOf(BUS_FILES, bus),
    directory({
      devices: () =>
        listing(
          function* () {
            for (const device of bus.devices) yield device.name;
          },
          (name) => {
            const device = byName(name);
            return device === undefined ? undefined : deviceLink(device, '../../../');
          },
        ),
      drivers: () =>
        listing(
          () => bus.drivers.map((driver) => driver.name),
          (name) => {
            const driver = bus.driver(name);
            return driver === undefined ? undefined : driverDirectory(driver);
          },
        ),
    }),
  );
}

/** Links to the mdevs of a device, all or those `wanted`. */
const mdevLinks = (
  device: MatrixDevice,
  up: string,
  wanted: (mdev: MatrixMdev) => boolean = () => true,
): Directory => {
  const mdevs = (): MatrixMdev[] => [...device.byUuid.values()].filter(wanted);
  return listing(
    () => mdevs().map((mdev) => mdev.uuid),
    (uuid) => (mdevs().some((mdev) => mdev.uuid === uuid) ? link(`${up}${uuid}`) : undefined),
  );
};

/** The directory of one type in mdev_supported_types. */
const typeDirectory = (
  device: MatrixDevice,
  files: AttributeTable<MatrixDevice>,
  isVirtual: boolean,
): Directory =>
  union(
    filesOf(files, device),
    directory({
      devices: () =>
        mdevLinks(device, '../../../', (mdev) => mdev instanceof VirtualMdev === isVirtual),
    }),
  );

/** /sys/devices/vfio_ap/matrix/$uuid. */
function mdevDirectory(device: MatrixDevice, mdev: MatrixMdev): Directory {
  return union(
    mdev instanceof VirtualMdev
      ? filesOf(VIRTUAL_MDEV_FILES, { device, mdev })
      : filesOf(MDEV_FILES, { device, mdev }),
    directory({
      mdev_type: () =>
        link(
          `../mdev_supported_types/${mdev instanceof VirtualMdev ? VIRTUAL_MDEV_TYPE : MDEV_TYPE}`,
        ),
      driver: () => link('../../../../bus/mdev/drivers/vfio_ap_mdev'),
      subsystem: () => link('../../../../bus/mdev'),
      iommu_group: () => link(`../../../../kernel/iommu_groups/${vfioNumber(mdev)}`),
      'vfio-dev': () =>
        directory({ [vfioDeviceName(mdev)]: () => vfioDevice(device.bus.journal, mdev) }),
    }),
  );
}

/** /sys/devices/vfio_ap/matrix. */
function matrixDirectory(device: MatrixDevice): Directory {
  return union(
    filesOf(MATRIX_DEVICE_FILES, device),
    directory({
      mdev_supported_types: () =>
        directory({
          [MDEV_TYPE]: () => typeDirectory(device, MDEV_TYPE_FILES, false),
          ...(device.bus.switches.virtualMdevs === 'off'
            ? {}
            : { [VIRTUAL_MDEV_TYPE]: () => typeDirectory(device, VIRTUAL_TYPE_FILES, true) }),
        }),
      driver: () => link('../../../bus/matrix/drivers/vfio_ap'),
      subsystem: () => link('../../../bus/matrix'),
    }),
    listing(
      () => device.byUuid.keys(),
      (uuid) => {
        const mdev = device.byUuid.get(uuid);
        return mdev === undefined ? undefined : mdevDirectory(device, mdev);
      },
    ),
  );
}

/** /sys/devices/virtual. A class has its folder there as long as it has a device. */
const virtualDevices = (bus: ApBus, device: MatrixDevice): Directory => {
  const folders: Readonly<Record<string, () => Directory>> = {
    misc: () => miscDevices(bus),
    vfio: () => vfioGroups(device),
    zcrypt: () => nodeDevices(bus),
  };
  const there = (name: string): boolean =>
    name === 'misc' || (name === 'vfio' ? device.byUuid.size : bus.requests.nodes.length) > 0;
  return listing(
    () => Object.keys(folders).filter(there),
    (name) => (Object.hasOwn(folders, name) && there(name) ? folders[name]() : undefined),
  );
};

/** A name that resolves but is not listed. */
const hidden = (name: string, node: () => SysfsNode): Directory =>
  listing(
    () => [],
    (asked) => (asked === name ? node() : undefined),
  );

/** The whole tree, from /sys on. */
export function hostTree(bus: ApBus, device: MatrixDevice): Directory {
  const toMatrix = '../../../devices/vfio_ap/matrix';
  const { journal } = bus;
  const busEvents = (name: string): Directory =>
    otherEvents({ journal, subsystem: 'bus', path: `/bus/${name}` });
  const driverEvents = (path: string): Directory =>
    otherEvents({ journal, subsystem: 'drivers', path: `/bus/${path}` });
  const matrixDriver = union(
    driverEvents('matrix/drivers/vfio_ap'),
    directory({ matrix: () => link(`../${toMatrix}`) }),
  );
  const mdevDriver = union(
    driverEvents('mdev/drivers/vfio_ap_mdev'),
    mdevLinks(device, `../${toMatrix}/`),
  );
  return directory({
    bus: () =>
      directory({
        ap: () => apBus(bus),
        matrix: () =>
          union(
            busEvents('matrix'),
            directory({
              devices: () => directory({ matrix: () => link(toMatrix) }),
              drivers: () => directory({ vfio_ap: () => matrixDriver }),
            }),
          ),
        mdev: () =>
          union(
            busEvents('mdev'),
            directory({
              devices: () => mdevLinks(device, `${toMatrix}/`),
              drivers: () => directory({ vfio_ap_mdev: () => mdevDriver }),
            }),
          ),
      }),
    class: () =>
      directory({
        mdev_bus: () => directory({ matrix: () => link('../../devices/vfio_ap/matrix') }),
        misc: () => miscClass(),
        ...vfioClasses(device),
        zcrypt: () => nodeClass(bus),
      }),
    devices: () =>
      union(
        directory({
          ap: () =>
            union(deviceEvents({ journal, subsystem: 'ap', path: '/devices/ap' }), apDevices(bus)),
          vfio_ap: () =>
            union(
              deviceEvents({ journal, path: '/devices/vfio_ap' }),
              directory({ matrix: () => matrixDirectory(device) }),
            ),
          virtual: () => virtualDevices(bus, device),
        }),
        // S0-03: the path of the first design leads to the same object.
        hidden('ap_matrix', () => link('vfio_ap')),
      ),
    kernel: () =>
      directory({
        debug: () => directory({ s390dbf: () => debugAreas(bus) }),
        iommu_groups: () => iommuGroups(device),
      }),
    module: () => directory({ vfio_ap: () => directory({}) }),
  });
}
