// SPDX-License-Identifier: Apache-2.0
// of docs/reference/vfio-ap.md section 6.2 as cases for the explorer, in lines of AP programs, each with the patch that
// breaks the rule in a copy of the build.
import type { Machine } from '../../src/host/machine/machine.ts';
import { STATE_RULES } from './rules-of-state.ts';
import {
  AQIC_A,
  AQIC_B,
  attached,
  DETACHED,
  ENABLED,
  echo,
  FREE_GUEST2,
  GUEST1,
  GUEST2,
  matrixIs,
  NQAP_A,
  type Rule,
  VFIO,
} from './words.ts';

/** CRYCB writes and change events of Guest1 in the concurrent part. */
const countEvents = (machine: Machine): (() => string | undefined) => {
  let events = 0;
  let writes = 0;
  const { vm } = machine.guest('Guest1');
  const { onStep } = vm;
  vm.onStep = (what) => {
    if (what === 'after CRYCB write') writes++;
    onStep(what);
  };
  const file = machine.files.get('Guest1');
  if (file !== undefined) file.mdev.configChangeTrigger = () => void events++;
  return () => (events === writes && events > 0 ? undefined : `${events} events, ${writes} writes`);
};

const logOf = (machine: Machine): string =>
  machine.host.journal.log.map((line) => line.text).join('\n');

/** Rules about locks, hooks, ownership and the order of operations. */
const ORDER_RULES: readonly Rule[] = [
  {
    id: 'R-01',
    subject: 'hook before masks',
    before: DETACHED,
    concurrent: [['sysfs: attach Guest1'], [NQAP_A, AQIC_A, NQAP_A]],
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'kvm.setPqapHook(mdev);\n        mdev.kvm = kvm;',
      put: 'mdev.kvm = kvm; device.updateGuest(mdev); kvm.setPqapHook(mdev);',
    },
  },
  {
    id: 'R-02',
    subject: 'the hook goes with the guest',
    concurrent: [['sysfs: detach Guest1'], [AQIC_A, NQAP_A, AQIC_B]],
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'kvm.setPqapHook(null);\n        kvm.clearCryptoMasks();',
      put: 'kvm.clearCryptoMasks();',
    },
  },
  {
    id: 'R-03',
    subject: 'sub-classes are unregistered while the KVM is there',
    before: ENABLED,
    concurrent: [['sysfs: detach Guest1'], [echo('1', `${GUEST1}/remove`)], [AQIC_B]],
    note: 'no pointer can dangle: the count of the guest is looked at',
    mutation: {
      file: 'vfio-ap/aqic-resources.js',
      find: 'unregisterIsc(this.#image, saved.guest, saved.isc);',
      put: '',
    },
  },
  {
    id: 'R-04',
    subject: 'AQIC, attach and an update of the matrix do not wait for each other',
    before: DETACHED,
    concurrent: [
      ['sysfs: attach Guest1'],
      [echo('4', `${GUEST1}/unassign_domain`)],
      [AQIC_B, 'Guest1.0: aqic 05.0047 ir=0'],
    ],
    note: 'the hook never sleeps for a lock of the host side: the circle is closed between two operations of the host',
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'return yield* withLocks(device.updateLocks, () => {',
      put: 'return yield* withLocks([...device.updateLocks].reverse(), () => {',
    },
  },
  {
    id: 'R-05',
    subject: 'the kvm pointer is stable during an update',
    concurrent: [['sysfs: detach Guest1'], [echo('4', `${GUEST1}/unassign_domain`)], [NQAP_A]],
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'withLocks(device.updateLocks, function* () {\n        kvm.setPqapHook(null)',
      put: 'withLocks([], function* () {\n        kvm.setPqapHook(null)',
    },
  },
  {
    id: 'R-06',
    subject: 'attach, assign and AQIC in any order',
    before: DETACHED,
    concurrent: [
      ['sysfs: attach Guest1'],
      [echo('0x47', `${GUEST1}/unassign_domain`)],
      [AQIC_B, AQIC_A],
    ],
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'return yield* withLocks(device.updateLocks, () => {',
      put: 'return yield* withLocks([], () => {',
    },
  },
  {
    id: 'R-07',
    subject: 'a mask edit and an assignment of one APQN: exactly one wins',
    before: [echo('5', `${GUEST1}/unassign_adapter`)],
    concurrent: [[echo('+5', '/sys/bus/ap/apmask')], [echo('5', `${GUEST1}/assign_adapter`)]],
    mutation: { file: 'vfio-ap/assign.js', find: '[device.bus.permsLock]', put: '[]' },
  },
  {
    id: 'R-08',
    subject: 'in_use and assign do not wait for each other',
    before: [echo('5', `${GUEST1}/unassign_adapter`)],
    concurrent: [[echo('+5', '/sys/bus/ap/apmask')], [echo('5', `${GUEST2}/assign_adapter`)]],
    mutation: {
      file: 'vfio-ap/matrix-device.js',
      find: '[...before, ...this.updateLocks]',
      put: '[...this.updateLocks, ...before]',
    },
  },
  {
    id: 'R-11',
    subject: 'links are bound and assigned',
    concurrent: [
      [echo('05.0004', `${VFIO}/unbind`)],
      [echo('0x47', `${GUEST1}/unassign_domain`)],
      [echo('05.0004', `${VFIO}/bind`)],
    ],
    mutation: { file: 'vfio-ap/queue.js', find: 'device.unlink(mdev, queue);', put: '{}' },
  },
  {
    id: 'R-19',
    subject: 'a queue knows no mdev that is gone',
    before: [...DETACHED, echo('05.0047', `${VFIO}/unbind`)],
    concurrent: [
      [echo('5', `${GUEST1}/unassign_adapter`)],
      [echo('1', `${GUEST1}/remove`)],
      [echo('05.0047', `${VFIO}/bind`)],
    ],
    mutation: { file: 'vfio-ap/mdev.js', find: 'queue.mdev = null;', put: '' },
  },
  {
    id: 'R-22',
    subject: 'a bind in the window of a host change is deferred, then included',
    config: { guest1: { mdev: { adapters: [5], domains: [4, 0x47, 0x50] } }, guest2: FREE_GUEST2 },
    before: [echo('05.0047', `${VFIO}/unbind`)],
    concurrent: [
      ['lpar: add-domain 0x50', 'clock: advance 100ms'],
      [echo('05.0047', `${VFIO}/bind`)],
    ],
    after: [matrixIs('Guest1', '05.0004', '05.0047', '05.0050')],
    mutation: {
      file: 'vfio-ap/queue.js',
      find: 'device.link(mdev, queue);',
      put: 'if (isEmpty(mdev.apmAdd) && isEmpty(mdev.aqmAdd)) device.link(mdev, queue);',
    },
  },
  {
    id: 'R-24',
    subject: 'a mask edit that fails releases its lock',
    concurrent: [
      [`${echo('+5,zz', '/sys/bus/ap/apmask')} => EINVAL`],
      [`${echo('+5', '/sys/bus/ap/apmask')} => EBUSY`],
      [echo('+7', '/sys/bus/ap/apmask')],
    ],
    mutation: {
      file: 'ap-bus/operation.js',
      find: 'const lock = locks[--taken];',
      put: "const lock = locks[--taken]; if (value === 'EBUSY') continue;",
    },
  },
  {
    id: 'R-27',
    subject: 'each write is one cfg_chg event',
    concurrent: [
      [echo('4', `${GUEST1}/unassign_domain`)],
      [echo('5', `${GUEST1}/unassign_adapter`)],
    ],
    watch: countEvents,
    mutation: {
      file: 'vfio-ap/matrix-device.js',
      find: 'maskToBytes(adm));\n        this.signalConfigChange(mdev);',
      put: 'maskToBytes(adm));',
    },
  },
  {
    id: 'R-28',
    subject: 'removal while open takes the masks, under the locks, for good',
    concurrent: [
      [echo('4', `${GUEST1}/unassign_domain`)],
      [echo('1', `${GUEST1}/remove`)],
      ['sysfs: detach Guest1'],
      ['Guest1.0: tapq 05.0047'],
    ],
    mutation: {
      file: 'vfio-ap/mdev-core.js',
      find: 'withLocks(device.updateLocks, () => {\n            if (mdev.kvm',
      put: 'withLocks([], () => {\n            if (mdev.kvm',
    },
  },
  {
    id: 'R-29',
    subject:
      'an assignment that is refused names the queue and its owner, one that is not says nothing',
    concurrent: [
      [echo('6', `${GUEST1}/assign_adapter`)],
      [echo('6', `${GUEST2}/unassign_adapter`)],
    ],
    watch: (machine) => () => {
      const owner = machine.guest('Guest2').uuid;
      const text = `Userspace may not assign queue 06.0004 to mdev: already assigned to ${owner}`;
      const refused = !attached(machine, 'Guest1', 6);
      return logOf(machine).includes(text) === refused ? undefined : 'the log is wrong';
    },
    mutation: {
      file: 'vfio-ap/assign.js',
      find: 'device.bus.switches.sharingMessageCorrected',
      put: 'false',
    },
  },
  {
    id: 'R-30',
    subject: 'a second mdev on a VM is refused and leaves its hook nowhere',
    config: { guest2: FREE_GUEST2 },
    before: ['sysfs: detach Guest2'],
    concurrent: [['sysfs: attach Guest1 Guest2 => EPERM'], [`${AQIC_A} => rc=00`, NQAP_A]],
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'const early = device.bus.switches.hookBeforeCheck;',
      put: 'const early = true;',
    },
  },
  {
    id: 'R-33',
    subject: 'create, scan and assign in any order',
    concurrent: [
      [
        echo(
          '99999999-0000-4000-8000-000000000000',
          '/sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create',
        ),
      ],
      [echo('1', '/sys/bus/ap/scans')],
      [echo('4', `${GUEST1}/unassign_domain`)],
    ],
    note: 'a list of one thread cannot break while somebody walks through it: that it changes under its lock is looked at',
    mutation: {
      file: 'vfio-ap/mdev-core.js',
      find: 'withLocks(device.updateLocks, () => list())',
      put: 'withLocks([], () => list())',
    },
  },
  {
    id: 'R-34',
    subject: 'the end of a scan, a read of the guest matrix and an unassign in any order',
    before: ['lpar: remove-adapter 0x05', 'clock: run'],
    concurrent: [
      ['lpar: add-adapter 0x05', 'clock: advance 100ms'],
      [`sysfs: cat ${GUEST1}/guest_matrix`],
      [echo('0x47', `${GUEST1}/unassign_domain`)],
    ],
    note: 'a mask of one thread is never read half written: that it changes under the locks is looked at',
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'withLocks(device.updateLocks, function* () {',
      put: 'withLocks([], function* () {',
    },
  },
  {
    id: 'R-38',
    subject: 'status is read while a queue is probed',
    before: [echo('05.0004', `${VFIO}/unbind`)],
    concurrent: [
      [echo('05.0004', `${VFIO}/bind`)],
      ['sysfs: cat /sys/devices/ap/card05/05.0004/status'],
      ['sysfs: cat /sys/devices/ap/card05/05.0004/status'],
    ],
    note: 'the answer does not depend on what the probe has not set yet; it is read again when the bind has ended',
    after: ['sysfs: cat /sys/devices/ap/card05/05.0004/status => "in use\\n"'],
    mutation: {
      file: 'vfio-ap/queue.js',
      find: 'const mdev = device.mdevOf(apQueue.apqn);',
      put: 'const mdev = device.queues[apQueue.apqn].mdev ?? undefined;',
    },
  },
  {
    id: 'R-39',
    subject: 'an override, a mask edit and a probe in any order: override or mask edit, never both',
    config: { guest1: { mdev: undefined }, guest2: { mdev: undefined } },
    concurrent: [
      [echo('vfio_ap', '/sys/devices/ap/card05/05.0004/driver_override')],
      [echo('-5', '/sys/bus/ap/apmask')],
      [
        echo('05.0004', '/sys/bus/ap/drivers/cex4queue/unbind'),
        echo('05.0004', '/sys/bus/ap/drivers_probe'),
      ],
    ],
    note: 'the string of an override has no lifetime here: who owns the queue is looked at',
    mutation: { file: 'ap-bus/permissions.js', find: 'bus.overrides > 0', put: 'false' },
  },
  {
    id: 'R-43',
    subject: 'ap_config and the assignment of another mdev',
    before: [echo('5', `${GUEST1}/unassign_adapter`)],
    concurrent: [
      [echo('0x04,0x08,0x0', `${GUEST1}/ap_config`)],
      [echo('5', `${GUEST2}/assign_adapter`)],
      [`sysfs: cat ${GUEST1}/ap_config`],
    ],
    mutation: {
      file: 'vfio-ap/ap-config.js',
      find: "if (outcome !== 'ok')\n            return outcome;",
      put: '',
    },
  },
];

/** All cases in the order of the document. */
export const RULES: readonly Rule[] = [...ORDER_RULES, ...STATE_RULES].toSorted((a, b) =>
  a.id < b.id ? -1 : 1,
);
