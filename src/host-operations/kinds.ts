// SPDX-License-Identifier: Apache-2.0
// Kinds of operations a recorder generates, one row each.
// Source: docs/reference/vfio-ap.md section 3 (files); test/golden/README.md.

import type { OperatorAction, RecordedOperation } from '../sysfs/recorded-operation.ts';
import {
  BUS_TEXTS,
  CARD_ONLINE_TEXTS,
  COUNT_TEXTS,
  eventTexts,
  nameTexts,
  OVERRIDE_TEXTS,
  QUEUE_ONLINE_TEXTS,
  REMOVE_TEXTS,
  UNWRITABLE,
  uuidTexts,
} from './name-texts.ts';
import { BUS, MATRIX, MDEV_TYPE, type Scene } from './scene.ts';
import {
  ALL_ONES,
  BAD_CONFIGS,
  BAD_MASKS,
  BAD_NUMBERS,
  maskText,
  numberText,
  relativeMask,
} from './texts.ts';

type Make = (scene: Scene) => RecordedOperation;

export interface OperationKind {
  readonly name: string;
  readonly what: string;
  /** How often, among the kinds of a sequence; 0: only where it is asked for. */
  readonly weight: number;
  make(scene: Scene): readonly RecordedOperation[];
}

const SCAN: RecordedOperation = ['write', `${BUS}/scans`, '1\n'];

/** Files of an mdev that take a number. */
const ASSIGNMENTS = [
  [22, 'assign_adapter'],
  [22, 'assign_domain'],
  [6, 'assign_control_domain'],
  [7, 'unassign_adapter'],
  [7, 'unassign_domain'],
  [3, 'unassign_control_domain'],
] as const;

const assign: Make = (scene) => {
  const file = scene.random.weighted(ASSIGNMENTS);
  const number = file.endsWith('_adapter') ? scene.adapter() : scene.domain();
  return ['write', `${scene.mdev()}/${file}`, numberText(scene.random, number)];
};

const configure: Make = (scene) => {
  const masks = [scene.someAdapters(), scene.someDomains(), scene.someDomains()].map(maskText);
  return [
    'write',
    `${scene.mdev()}/ap_config`,
    `${masks.join(',')}${scene.random.pick(['', '\n'])}`,
  ];
};

const mask: Make = (scene) => {
  const { random } = scene;
  const adapters = random.chance(55);
  const relative = relativeMask(random, adapters ? scene.adapters : scene.domains);
  const absolute = maskText(adapters ? scene.someAdapters() : scene.someDomains());
  const text = random.weighted([
    [5, `${relative}\n`],
    [1, relative],
    [2, `${absolute}\n`],
    [1, `${ALL_ONES}\n`],
  ]);
  return ['write', `${BUS}/${adapters ? 'apmask' : 'aqmask'}`, text];
};

const QUEUE_DRIVERS = ['vfio_ap', 'vfio_ap', 'cex4queue'];

const bind: Make = (scene) => {
  const { random } = scene;
  const file = `${random.pick(QUEUE_DRIVERS)}/${random.pick(['unbind', 'bind'])}`;
  return ['write', `${BUS}/drivers/${file}`, `${scene.queue()}${random.pick(['', '\n'])}`];
};

const override: Make = (scene) => {
  const text = scene.random.weighted([
    [6, 'vfio_ap\n'],
    [2, 'cex4queue\n'],
    [5, '\n'],
  ]);
  return ['write', `${scene.device(scene.queue())}/driver_override`, text];
};

const life: Make = (scene) =>
  scene.random.chance(50)
    ? ['write', `${MDEV_TYPE}/create`, `${scene.uuid()}\n`]
    : ['write', `${scene.mdev()}/remove`, '1\n'];

/** What an operator does to an adapter that the partition has, and the scan after it. */
const operator = (...actions: OperatorAction[]) => {
  return (scene: Scene): readonly RecordedOperation[] => {
    const { adapters } = scene.partition;
    if (adapters.length === 0) return [SCAN];
    return [['host', { [scene.random.pick(actions)]: scene.random.pick(adapters) }], SCAN];
  };
};

const partition = (scene: Scene): readonly RecordedOperation[] =>
  scene.random.chance(80) ? [scene.change(), SCAN] : [SCAN];

const MALFORMED: readonly Make[] = [
  (scene) => [
    'write',
    `${scene.mdev()}/${scene.random.weighted(ASSIGNMENTS)}`,
    scene.random.pick(BAD_NUMBERS),
  ],
  (scene) => ['write', `${scene.mdev()}/ap_config`, scene.random.pick(BAD_CONFIGS)],
  ({ random }) => ['write', `${BUS}/${random.pick(['apmask', 'aqmask'])}`, random.pick(BAD_MASKS)],
  (scene) => ['write', `${MDEV_TYPE}/create`, scene.random.pick(uuidTexts(scene.uuid()))],
  (scene) => ['write', `${scene.mdev()}/remove`, scene.random.pick(REMOVE_TEXTS)],
  (scene) => [
    'write',
    `${BUS}/drivers/${scene.random.pick([...QUEUE_DRIVERS, 'cex4card'])}/${scene.random.pick(['bind', 'unbind'])}`,
    scene.random.pick(nameTexts(scene.queue())),
  ],
  (scene) => ['write', `${BUS}/drivers_probe`, scene.random.pick(nameTexts(scene.queue()))],
  (scene) => [
    'write',
    `${scene.device(scene.queue())}/driver_override`,
    scene.random.pick(OVERRIDE_TEXTS),
  ],
];

const bus: Make = ({ random }) => {
  const file = random.pick(Object.keys(BUS_TEXTS));
  return ['write', `${BUS}/${file}`, random.pick(BUS_TEXTS[file])];
};

/** Devices and drivers with a file `uevent`. */
const withEvents = (scene: Scene): string =>
  scene.random.pick([
    scene.device(scene.queue()),
    scene.device(scene.card()),
    scene.mdev(),
    MATRIX,
    `${BUS}/drivers/${scene.random.pick(['vfio_ap', 'cex4queue'])}`,
    BUS,
  ]);

const ATTRIBUTES: readonly Make[] = [
  (scene) => [
    'write',
    `${scene.device(scene.queue())}/online`,
    scene.random.pick(QUEUE_ONLINE_TEXTS),
  ],
  (scene) => [
    'write',
    `${scene.device(scene.card())}/online`,
    scene.random.pick(CARD_ONLINE_TEXTS),
  ],
  (scene) => ['write', `${withEvents(scene)}/uevent`, scene.random.pick(eventTexts(scene.uuid()))],
  (scene) => [
    'write',
    `${scene.device(scene.random.pick([scene.queue(), scene.card()]))}/request_count`,
    scene.random.pick(COUNT_TEXTS),
  ],
  (scene) => ['write', `${scene.device(scene.queue())}/reset`, scene.random.pick(COUNT_TEXTS)],
  (scene) => {
    const { random } = scene;
    const path = random.pick([
      `${scene.device(scene.queue())}/${random.pick(UNWRITABLE.queue)}`,
      `${scene.device(scene.card())}/${random.pick(UNWRITABLE.card)}`,
      `${BUS}/${random.pick(UNWRITABLE.bus)}`,
      `${MDEV_TYPE}/${random.pick(UNWRITABLE.type)}`,
      `${MATRIX}/${random.pick(UNWRITABLE.matrix)}`,
    ]);
    return ['write', path, '1\n'];
  },
];

const READS: readonly Make[] = [
  (scene) => ['files', scene.device(scene.queue())],
  (scene) => ['files', scene.device(scene.card())],
  (scene) => ['files', scene.mdev()],
  ({ random }) => ['files', random.pick([MDEV_TYPE, MATRIX, BUS])],
  (scene) => [
    'list',
    scene.random.pick([
      BUS,
      MATRIX,
      MDEV_TYPE,
      `${BUS}/devices`,
      `${BUS}/drivers/vfio_ap`,
      `${BUS}/drivers/cex4queue`,
      '/sys/bus/mdev/devices',
      '/sys/class/mdev_bus',
      `${MDEV_TYPE}/devices`,
      scene.mdev(),
      `${scene.mdev()}/vfio-dev`,
      scene.device(scene.queue()),
      scene.device(scene.card()),
      '/sys/kernel/iommu_groups',
    ]),
  ],
  (scene) => [
    'link',
    scene.random.pick([
      `${scene.mdev()}/${scene.random.pick(['driver', 'subsystem', 'mdev_type', 'iommu_group'])}`,
      scene.device(scene.queue()),
      `${scene.device(scene.queue())}/subsystem`,
      `${MATRIX}/driver`,
      `/sys/bus/mdev/devices/${scene.uuid()}`,
      '/sys/class/mdev_bus/matrix',
    ]),
  ],
  // Files that are written only, and a directory.
  (scene) => [
    'read',
    scene.random.pick([
      `${scene.mdev()}/${scene.random.pick(['assign_adapter', 'remove', 'uevent', 'nosuch'])}`,
      `${MDEV_TYPE}/create`,
      `${BUS}/drivers/vfio_ap/${scene.random.pick(['bind', 'unbind', 'uevent'])}`,
      `${BUS}/uevent`,
      BUS,
    ]),
  ],
];

/** What happens to the drivers of cards: kernels fall over it (docs/linux-findings.md 1). */
const CARDS: readonly Make[] = [
  (scene) => [
    'write',
    `${BUS}/drivers/cex4card/${scene.random.pick(['bind', 'unbind'])}`,
    `${scene.card()}\n`,
  ],
  ({ random }) => ['write', `${BUS}/drivers_autoprobe`, random.pick(['0\n', '1\n'])],
  (scene) => ['write', `${BUS}/drivers_probe`, scene.random.pick([scene.card(), scene.queue()])],
];

/**
 * Cards and queues that come while the bus gives nobody a driver, and queues that are bound by hand: the same end of a kernel, which
 * needs nobody to take a card's driver away.
 */
const AUTOPROBE: readonly OperationKind['make'][] = [
  ({ random }) => [['write', `${BUS}/drivers_autoprobe`, random.pick(['0\n', '0\n', '1\n'])]],
  (scene) => [scene.change(), SCAN],
  (scene) => [scene.change(), SCAN],
  (scene) => [['write', `${BUS}/drivers/cex4queue/bind`, `${scene.queue()}\n`]],
];

const one = (make: Make) => (scene: Scene) => [make(scene)];
const oneOf =
  (makes: readonly Make[]) =>
  (scene: Scene): readonly RecordedOperation[] => [scene.random.pick(makes)(scene)];

export const KINDS: readonly OperationKind[] = [
  {
    name: 'assignment',
    what: 'adapters, domains and control domains of mdevs',
    weight: 35,
    make: one(assign),
  },
  { name: 'ap-config', what: 'all of an mdev at once', weight: 4, make: one(configure) },
  { name: 'masks', what: 'apmask and aqmask', weight: 12, make: one(mask) },
  { name: 'bind', what: 'drivers of queues', weight: 9, make: one(bind) },
  { name: 'override', what: 'driver_override of queues', weight: 4, make: one(override) },
  { name: 'life', what: 'mdevs come and go', weight: 6, make: one(life) },
  { name: 'partition', what: 'the activation profile changes', weight: 8, make: partition },
  {
    name: 'configure',
    what: 'adapters are deconfigured and configured',
    weight: 6,
    make: operator('deconfigure', 'configure'),
  },
  {
    name: 'checkstop',
    what: 'adapters stop and recover',
    weight: 4,
    make: operator('checkstop', 'recover'),
  },
  { name: 'attributes', what: 'other files of devices', weight: 10, make: oneOf(ATTRIBUTES) },
  { name: 'bus', what: 'files of the bus', weight: 5, make: one(bus) },
  { name: 'malformed', what: 'texts no file takes', weight: 10, make: oneOf(MALFORMED) },
  { name: 'reads', what: 'files, lists and links', weight: 12, make: oneOf(READS) },
  { name: 'cards', what: "drivers of cards (a kernel's end)", weight: 0, make: oneOf(CARDS) },
  {
    name: 'autoprobe',
    what: "devices that come without a driver (a kernel's end, too)",
    weight: 0,
    make: (scene) => scene.random.pick(AUTOPROBE)(scene),
  },
];
