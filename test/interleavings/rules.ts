// SPDX-License-Identifier: Apache-2.0
// of docs/reference/vfio-ap.md section 6.2 as cases for the explorer, with the patch that breaks each rule.
import { bitsOf } from '../../src/ap-bus/mask.ts';
import type { Machine } from '../../src/host/machine.ts';
import { guestWords, hostWords, type Rule, type World } from './world.ts';

const A = 0x0504;
const B = 0x0547;
const MS = 1_000_000;
const VFIO = '/sys/bus/ap/drivers/vfio_ap';

const shadow = (machine: Machine, guest: string) =>
  machine.host.matrix.mdevs.find((mdev) => mdev.uuid === machine.guest(guest).uuid)?.shadow;
const isShadow = (
  machine: Machine,
  guest: string,
  apm: number[],
  aqm: number[],
): string | undefined => {
  const now = shadow(machine, guest);
  const seen = now === undefined ? 'none' : `${bitsOf(now.apm)}/${bitsOf(now.aqm)}`;
  return seen === `${apm}/${aqm}` ? undefined : `the shadow of ${guest} is ${seen}`;
};
const has = (world: World, text: string): string | undefined =>
  world.log.some((line) => line.includes(text))
    ? undefined
    : `nothing says ${text}: ${world.log.join('; ')}`;
const hasNot = (world: World, text: string): string | undefined =>
  world.log.find((line) => line.includes(text));
const first = (...texts: readonly (string | undefined)[]): string | undefined =>
  texts.find((text) => text !== undefined);
const took = (
  world: World,
  atLeastNs: number,
  atMostNs = Number.POSITIVE_INFINITY,
): string | undefined => {
  const ns = world.machine.nowNs() - world.startNs;
  return ns >= atLeastNs && ns <= atMostNs ? undefined : `it took ${ns} ns`;
};
const fault = (
  machine: Machine,
  apqn: number,
  on: 'tapq' | 'zapq',
  rc: number,
  count: number,
): void =>
  machine.fault({
    guest: undefined,
    apqn,
    on,
    effect: { kind: 'rc', rc },
    trigger: { kind: 'count', count },
  });
const enabled = (machine: Machine): void => {
  machine.guest('Guest1').cpu(0).aqic(A, { enable: true, isc: 6, nib: 0x2000 });
  machine.advance(MS);
};
const exchanged = (machine: Machine): void => {
  machine.guest('Guest1').cpu(0).nqap(A, { psmid: 9n, address: 0x4000, length: 64 });
};
const writes = (world: World, guest: string): number =>
  world.steps.filter((step) => step === `${guest}: after CRYCB write`).length;
const FREE_GUEST2 = { mdev: { adapters: [6], domains: [4] } };

export const RULES: readonly Rule[] = [
  {
    id: 'R-01',
    subject: 'hook before masks',
    before: (m) => m.detach('Guest1'),
    concurrent: (w) => {
      const g = guestWords(w, 'Guest1');
      return {
        host: [hostWords(w).attach('Guest1')],
        guests: [[g.nqap(A), g.enable(A), g.nqap(A)]],
      };
    },
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'kvm.setPqapHook(mdev);\n        mdev.kvm = kvm;',
      put: 'mdev.kvm = kvm; device.updateGuest(mdev); kvm.setPqapHook(mdev);',
    },
  },
  {
    id: 'R-02',
    subject: 'the hook goes with the guest',
    concurrent: (w) => {
      const g = guestWords(w, 'Guest1');
      return {
        host: [hostWords(w).detach('Guest1')],
        guests: [[g.enable(A), g.nqap(A), g.enable(B)]],
      };
    },
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'kvm.setPqapHook(null);\n        kvm.clearCryptoMasks();',
      put: 'kvm.clearCryptoMasks();',
    },
  },
  {
    id: 'R-03',
    subject: 'sub-classes are unregistered while the KVM is there',
    before: enabled,
    concurrent: (w) => ({
      host: [hostWords(w).detach('Guest1'), hostWords(w).write('Guest1', 'remove', '1')],
      guests: [[guestWords(w, 'Guest1').enable(B)]],
    }),
    note: 'no pointer can dangle: the count of the guest is looked at',
    mutation: {
      file: 'vfio-ap/aqic.js',
      find: 'unregisterIsc(this.#image, guest, (saved & SAVED_ISC_MASK) - 1);',
      put: '',
    },
  },
  {
    id: 'R-04',
    subject: 'AQIC and attach do not wait for each other',
    before: (m) => m.detach('Guest1'),
    concurrent: (w) => ({
      host: [hostWords(w).attach('Guest1'), hostWords(w).write('Guest1', 'unassign_domain', '4')],
      guests: [[guestWords(w, 'Guest1').enable(B), guestWords(w, 'Guest1').disable(B)]],
    }),
    note: 'the hook never sleeps for a lock of the host side',
  },
  {
    id: 'R-05',
    subject: 'the kvm pointer is stable during an update',
    concurrent: (w) => ({
      host: [hostWords(w).detach('Guest1'), hostWords(w).write('Guest1', 'unassign_domain', '4')],
      guests: [[guestWords(w, 'Guest1').nqap(A)]],
    }),
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'withLocks(device.updateLocks, function* () {\n        kvm.setPqapHook(null)',
      put: 'withLocks([], function* () {\n        kvm.setPqapHook(null)',
    },
  },
  {
    id: 'R-06',
    subject: 'attach, assign and AQIC in any order',
    before: (m) => m.detach('Guest1'),
    concurrent: (w) => ({
      host: [
        hostWords(w).attach('Guest1'),
        hostWords(w).write('Guest1', 'unassign_domain', '0x47'),
      ],
      guests: [[guestWords(w, 'Guest1').enable(B), guestWords(w, 'Guest1').enable(A)]],
    }),
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'return yield* withLocks(device.updateLocks, () => {',
      put: 'return yield* withLocks([], () => {',
    },
  },
  {
    id: 'R-07',
    subject: 'a mask edit and an assignment of one APQN: exactly one wins',
    before: (m) => {
      m.write(`/sys/devices/vfio_ap/matrix/${m.guest('Guest1').uuid}/unassign_adapter`, '5');
    },
    concurrent: (w) => ({
      host: [
        hostWords(w).echo('+5', '/sys/bus/ap/apmask'),
        hostWords(w).write('Guest1', 'assign_adapter', '5'),
      ],
      guests: [],
    }),
    mutation: { file: 'vfio-ap/assign.js', find: '[device.bus.permsLock]', put: '[]' },
  },
  {
    id: 'R-08',
    subject: 'in_use and assign do not wait for each other',
    before: (m) => {
      m.write(`/sys/devices/vfio_ap/matrix/${m.guest('Guest1').uuid}/unassign_adapter`, '5');
    },
    concurrent: (w) => ({
      host: [
        hostWords(w).echo('+5', '/sys/bus/ap/apmask'),
        hostWords(w).write('Guest2', 'assign_adapter', '5'),
      ],
      guests: [],
    }),
    atEnd: (w) => hasNot(w, 'EAGAIN'),
    mutation: {
      file: 'vfio-ap/matrix-device.js',
      find: '[...before, ...this.updateLocks]',
      put: '[...this.updateLocks, ...before]',
    },
  },
  {
    id: 'R-09',
    subject: 'the next user finds an empty queue',
    before: exchanged,
    concurrent: (w) => ({
      host: [
        hostWords(w).write('Guest1', 'unassign_adapter', '5'),
        hostWords(w).write('Guest2', 'assign_adapter', '5'),
      ],
      guests: [[guestWords(w, 'Guest1').nqap(A)], [guestWords(w, 'Guest2').dqap(A)]],
    }),
    atEnd: (w) => hasNot(w, 'Guest2 dqap 05.0004 addr=0x5000 len=0x3000 -> 0'),
    mutation: { file: 'vfio-ap/assign.js', find: 'toReset.length > 0', put: 'false' },
  },
  {
    id: 'R-10',
    subject: 'what the host loses the guest loses',
    concurrent: (w) => ({
      host: [hostWords(w).lpar('remove-adapter 0x05', (m) => m.partition.removeAdapter(5))],
      guests: [[guestWords(w, 'Guest1').nqap(A), guestWords(w, 'Guest1').nqap(B)]],
    }),
    atEnd: (w) =>
      first(
        isShadow(w.machine, 'Guest1', [], [4, 0x47]),
        writes(w, 'Guest1') === 1
          ? undefined
          : `O-7: ${writes(w, 'Guest1')} writes for one removal`,
      ),
    mutation: { file: 'vfio-ap/host-config.js', find: 'mdev.shadow[part] = left;', put: '' },
  },
  {
    id: 'R-11',
    subject: 'links are bound and assigned',
    concurrent: (w) => ({
      host: [
        hostWords(w).echo('05.0004', `${VFIO}/unbind`),
        hostWords(w).write('Guest1', 'unassign_domain', '0x47'),
        hostWords(w).echo('05.0004', `${VFIO}/bind`),
      ],
      guests: [],
    }),
    mutation: {
      file: 'vfio-ap/queue.js',
      find: 'device.unlink(mdev, queue);',
      put: '{}',
    },
  },
  {
    id: 'R-12',
    subject: 'a reset answered 00 is looked at until it is over',
    before: (m) => fault(m, A, 'tapq', 2, 4),
    concurrent: (w) => ({
      host: [hostWords(w).reset('Guest1')],
      guests: [[guestWords(w, 'Guest1').enable(A)]],
    }),
    atEnd: (w) => took(w, 60 * MS),
    mutation: { file: 'vfio-ap/reset.js', find: "if (check === 'busy') {", put: 'if (false) {' },
  },
  {
    id: 'R-13',
    subject: 'a reset that ends with 03 frees page and sub-class',
    before: (m) => {
      enabled(m);
      m.partition.deconfigure(5);
      m.run();
    },
    concurrent: (w) => ({
      host: [hostWords(w).reset('Guest1')],
      guests: [[guestWords(w, 'Guest1').tapq(A)]],
    }),
    atEnd: (w) =>
      w.machine.aqic.nibPage(w.machine.image.queue(A)) === undefined
        ? undefined
        : 'the page is still held',
    mutation: {
      file: 'vfio-ap/reset.js',
      find: 'rc === RC_CHECKSTOPPED) {\n        device.interrupts.freeResources(queue.apqn);',
      put: 'rc === RC_CHECKSTOPPED) {',
    },
  },
  {
    id: 'R-14',
    subject: 'a deconfigured queue stays with its guest',
    before: (m) => {
      m.partition.deconfigure(5);
      m.run();
    },
    concurrent: (w) => ({
      host: [hostWords(w).reset('Guest1'), hostWords(w).write('Guest1', 'unassign_domain', '0x47')],
      guests: [[guestWords(w, 'Guest1').tapq(A)]],
    }),
    atEnd: (w) => isShadow(w.machine, 'Guest1', [5], [4]),
    note: 'the filter runs again at a later assignment',
  },
  {
    id: 'R-15',
    subject: 'a queue busy for long is waited for',
    before: (m) => fault(m, A, 'tapq', 5, 8),
    concurrent: (w) => ({ host: [hostWords(w).reset('Guest1')], guests: [] }),
    atEnd: (w) => took(w, 140 * MS),
    mutation: {
      file: 'vfio-ap/reset.js',
      find: 'rc === RC_RESET_IN_PROGRESS || rc === RC_BUSY)',
      put: 'rc === RC_RESET_IN_PROGRESS)',
    },
  },
  {
    id: 'R-16',
    subject: 'there is no limit to the wait, and the result is kept',
    before: (m) => fault(m, A, 'tapq', 2, 200),
    concurrent: (w) => ({ host: [hostWords(w).reset('Guest1')], guests: [] }),
    atEnd: (w) => first(took(w, 3_900 * MS), has(w, '-> ok')),
    mutation: {
      file: 'vfio-ap/reset.js',
      find: 'pending.length > 0; elapsedNs',
      put: 'pending.length > 0 && elapsedNs < 1e9; elapsedNs',
    },
  },
  {
    id: 'R-17',
    subject: 'many queues are reset in the time of one',
    concurrent: (w) => ({ host: [hostWords(w).reset('Guest1')], guests: [] }),
    atEnd: (w) => took(w, 0, 20 * MS),
    mutation: {
      file: 'vfio-ap/reset.js',
      find: 'yield { waitNs: RESET_INTERVAL_NS };',
      put: 'for (const _ of pending) yield { waitNs: RESET_INTERVAL_NS };',
    },
  },
  {
    id: 'R-18',
    subject: 'a sub-class that cannot be registered leaves no page pinned',
    before: (m) => {
      m.image.i32[m.image.guest(1) + 9] = -1;
    },
    concurrent: (w) => ({
      host: [hostWords(w).write('Guest1', 'unassign_domain', '0x47')],
      guests: [[guestWords(w, 'Guest1').enable(A), guestWords(w, 'Guest1').enable(B)]],
    }),
    mutation: {
      file: 'vfio-ap/aqic.js',
      find: 'this.#unpin(guest);\n            const old',
      put: 'const old',
    },
  },
  {
    id: 'R-19',
    subject: 'a queue knows no mdev that is gone',
    before: (m) => {
      m.detach('Guest1');
      m.write(`${VFIO}/unbind`, '05.0047');
    },
    concurrent: (w) => ({
      host: [
        hostWords(w).write('Guest1', 'unassign_adapter', '5'),
        hostWords(w).write('Guest1', 'remove', '1'),
        hostWords(w).echo('05.0047', `${VFIO}/bind`),
      ],
      guests: [],
    }),
    mutation: { file: 'vfio-ap/mdev.js', find: 'queue.mdev = null;', put: '' },
  },
  {
    id: 'R-20',
    subject: 'the whole matrix is filtered, whatever was assigned',
    config: { guest1: { mdev: { adapters: [5, 6], domains: [4] } }, guest2: { mdev: undefined } },
    before: (m) => {
      m.write(`${VFIO}/unbind`, '06.0047');
    },
    concurrent: (w) => ({
      host: [hostWords(w).write('Guest1', 'assign_domain', '0x47')],
      guests: [[guestWords(w, 'Guest1').nqap(A), guestWords(w, 'Guest1').nqap(0x0604)]],
    }),
    atEnd: (w) => isShadow(w.machine, 'Guest1', [5], [4, 0x47]),
    mutation: {
      file: 'vfio-ap/filter.js',
      find: 'if (mdev.allPassable(apid, aqm))',
      put: 'if (true)',
    },
  },
  {
    id: 'R-21',
    subject: 'an adapter and a domain that come together are one write',
    config: { guest1: { mdev: { adapters: [5], domains: [4, 0x47, 0x50] } }, guest2: FREE_GUEST2 },
    before: (m) => {
      m.partition.removeAdapter(5);
      m.run();
    },
    concurrent: (w) => ({
      host: [
        hostWords(w).lpar('add-domain 0x50', (m) => {
          const profile = { ...(m.partition.adapters.get(6) as object), apid: 5 };
          m.partition.addAdapter(profile as Parameters<Machine['partition']['addAdapter']>[0]);
        }),
      ],
      guests: [[guestWords(w, 'Guest1').nqap(A)]],
    }),
    atEnd: (w) =>
      first(
        isShadow(w.machine, 'Guest1', [5], [4, 0x47]),
        writes(w, 'Guest1') === 1 ? undefined : `${writes(w, 'Guest1')} writes`,
      ),
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'device.updateGuest(mdev);\n    yield* resetAdapters',
      put: 'device.updateGuest(mdev), device.updateGuest(mdev);\n    yield* resetAdapters',
    },
  },
  {
    id: 'R-23',
    subject: 'binding a queue of one adapter takes none of another',
    config: {
      guest1: { mdev: { adapters: [5, 6], domains: [4, 0x47] } },
      guest2: { mdev: undefined },
    },
    before: (m) => {
      m.write(`${VFIO}/unbind`, '05.0004');
    },
    concurrent: (w) => ({
      host: [hostWords(w).echo('05.0004', `${VFIO}/bind`)],
      guests: [[guestWords(w, 'Guest1').nqap(0x0604), guestWords(w, 'Guest1').dqap(0x0604)]],
    }),
    atEnd: (w) =>
      first(
        has(w, 'nqap 06.0004 psmid=1 addr=0x4000 len=64 -> 0'),
        has(w, 'dqap 06.0004 addr=0x5000 len=0x3000 -> 0'),
        isShadow(w.machine, 'Guest1', [5, 6], [4, 0x47]),
      ),
    mutation: {
      file: 'vfio-ap/filter.js',
      find: 'yield* resetAdapters(device, mdev, bitsOf(filtered));',
      put: 'yield* resetAdapters(device, mdev, bitsOf(mdev.shadow.apm));',
    },
  },
  {
    id: 'R-24',
    subject: 'a mask edit that fails releases its lock',
    concurrent: (w) => ({
      host: [
        hostWords(w).echo('+5,zz', '/sys/bus/ap/apmask'),
        hostWords(w).echo('+5', '/sys/bus/ap/apmask'),
        hostWords(w).echo('+7', '/sys/bus/ap/apmask'),
      ],
      guests: [],
    }),
    atEnd: (w) =>
      first(
        has(w, 'echo +5,zz > /sys/bus/ap/apmask -> EINVAL'),
        has(w, 'echo +5 > /sys/bus/ap/apmask -> EBUSY'),
      ),
    mutation: {
      file: 'ap-bus/operation.js',
      find: 'const lock = locks[--taken];',
      put: "const lock = locks[--taken]; if (value === 'EBUSY') continue;",
    },
  },
  {
    id: 'R-25',
    subject: 'a sibling that is unbound takes the messages of the adapter along',
    before: exchanged,
    concurrent: (w) => ({
      host: [hostWords(w).echo('05.0047', `${VFIO}/unbind`)],
      guests: [[guestWords(w, 'Guest1').nqap(A), guestWords(w, 'Guest1').nqap(A)]],
    }),
    atEnd: (w) =>
      w.machine.hostCpu && w.machine.image.word(w.machine.image.queue(A)) === (0x80000000 | 0)
        ? undefined
        : '05.0004 was not zeroized',
    mutation: {
      file: 'vfio-ap/queue.js',
      find: 'yield* resetAdapters(device, mdev, [apid]);',
      put: '',
    },
  },
  {
    id: 'R-26',
    subject: 'a queue the host lost is not reset',
    concurrent: (w) => ({
      host: [hostWords(w).lpar('remove-adapter 0x05', (m) => m.partition.removeAdapter(5))],
      guests: [[guestWords(w, 'Guest1').enable(A)]],
    }),
    atEnd: (w) => w.machine.host.journal.log.find((line) => line.text.includes('failed'))?.text,
    mutation: {
      file: 'vfio-ap/queue.js',
      find: 'testBit(device.info.apm, apid) && testBit(device.info.aqm, apqi)',
      put: 'true',
    },
  },
  {
    id: 'R-27',
    subject: 'each write is one cfg_chg event',
    before: (m) => {
      const file = m.files.get('Guest1');
      if (file !== undefined) file.mdev.configChangeTrigger = () => void events++;
      events = 0;
    },
    concurrent: (w) => ({
      host: [
        hostWords(w).write('Guest1', 'unassign_domain', '4'),
        hostWords(w).write('Guest1', 'unassign_adapter', '5'),
      ],
      guests: [],
    }),
    atEnd: (w) => (events === writes(w, 'Guest1') && events > 0 ? undefined : `${events} events`),
    mutation: {
      file: 'vfio-ap/matrix-device.js',
      find: 'maskToBytes(adm));\n        this.signalConfigChange(mdev);',
      put: 'maskToBytes(adm));',
    },
  },
  {
    id: 'R-28',
    subject: 'removal while open takes the masks, under the locks, for good',
    before: (m) => {
      const file = m.files.get('Guest1');
      if (file !== undefined) file.mdev.requestTrigger = () => {};
    },
    concurrent: (w) => ({
      host: [
        hostWords(w).write('Guest1', 'unassign_domain', '4'),
        hostWords(w).write('Guest1', 'remove', '1'),
        hostWords(w).detach('Guest1'),
      ],
      guests: [[guestWords(w, 'Guest1').tapq(B)]],
    }),
    mutation: {
      file: 'vfio-ap/mdev-core.js',
      find: 'withLocks(device.updateLocks, () => {\n            if (mdev.kvm',
      put: 'withLocks([], () => {\n            if (mdev.kvm',
    },
  },
  {
    id: 'R-30',
    subject: 'a second mdev on a VM is refused and leaves its hook nowhere',
    config: { guest2: { mdev: FREE_GUEST2.mdev } },
    before: (m) => m.detach('Guest2'),
    concurrent: (w) => ({
      host: [hostWords(w).attachTo('Guest2', 'Guest1')],
      guests: [[guestWords(w, 'Guest1').enable(A), guestWords(w, 'Guest1').nqap(A)]],
    }),
    atEnd: (w) => first(has(w, '-> EPERM'), has(w, 'aqic 05.0004 ir=1 isc=6 nib=0x2000 -> 0')),
    mutation: {
      file: 'vfio-ap/guest.js',
      find: 'const early = device.bus.switches.hookBeforeCheck;',
      put: 'const early = true;',
    },
  },
  {
    id: 'R-31',
    subject: 'an mdev the host change does not hit gets no write',
    concurrent: (w) => ({
      host: [hostWords(w).lpar('remove-adapter 0x05', (m) => m.partition.removeAdapter(5))],
      guests: [[guestWords(w, 'Guest2').nqap(0x0604)]],
    }),
    atEnd: (w) => (writes(w, 'Guest2') === 0 ? undefined : 'Guest2 was written'),
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'if (hit)\n            unplugFromShadow(device, mdev, removed);',
      put: 'unplugFromShadow(device, mdev, removed), device.updateGuest(mdev);',
    },
    note: 'a flag that sticks changes nothing here as long as a removal without effect writes nothing: that rule is broken',
  },
  {
    id: 'R-32',
    subject: 'a host change with a detached mdev',
    before: (m) => m.detach('Guest1'),
    concurrent: (w) => ({
      host: [hostWords(w).lpar('remove-adapter 0x05', (m) => m.partition.removeAdapter(5))],
      guests: [],
    }),
    atEnd: (w) => isShadow(w.machine, 'Guest1', [], [4, 0x47]),
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'if (update)\n        device.updateGuest(mdev);',
      put: 'if (update) { mdev.kvm.name; device.updateGuest(mdev); }',
    },
  },
  {
    id: 'R-33',
    subject: 'create, scan and assign in any order',
    concurrent: (w) => ({
      host: [
        hostWords(w).echo(
          '99999999-0000-4000-8000-000000000000',
          '/sys/devices/vfio_ap/matrix/mdev_supported_types/vfio_ap-passthrough/create',
        ),
        hostWords(w).echo('1', '/sys/bus/ap/scans'),
        hostWords(w).write('Guest1', 'unassign_domain', '4'),
      ],
      guests: [],
    }),
    note: 'lists of one thread cannot break: the operations end and the links are right',
  },
  {
    id: 'R-34',
    subject: 'a read of the guest matrix and an unassign during a scan',
    concurrent: (w) => ({
      host: [
        hostWords(w).echo('1', '/sys/bus/ap/scans'),
        hostWords(w).write('Guest1', 'unassign_adapter', '5'),
        hostWords(w).write('Guest1', 'assign_adapter', '5'),
      ],
      guests: [[guestWords(w, 'Guest1').nqap(A)]],
    }),
    note: 'a mask is never read half written',
  },
  {
    id: 'R-35',
    subject: 'of the control domains exactly the removed one leaves',
    config: { guest1: { mdev: { adapters: [5], domains: [4], controlDomains: [4, 0x47] } } },
    concurrent: (w) => ({
      host: [
        hostWords(w).lpar('remove-control-domain 0x47', (m) =>
          m.partition.removeControlDomain(0x47),
        ),
      ],
      guests: [],
    }),
    atEnd: (w) => {
      const left = bitsOf(shadow(w.machine, 'Guest1')?.adm ?? new Uint32Array(8));
      return `${left}` === '4' ? undefined : `control domains ${left} are left`;
    },
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: '(removalReversesControlDomains ? andNot : and)',
      put: 'andNot',
    },
  },
  {
    id: 'R-36',
    subject: 'control domains alone reset no queue',
    config: { guest1: { mdev: { adapters: [5], domains: [4], controlDomains: [4, 0x50] } } },
    before: exchanged,
    concurrent: (w) => ({
      host: [
        hostWords(w).lpar('add-control-domain 0x50', (m) => m.partition.addControlDomain(0x50)),
      ],
      guests: [[guestWords(w, 'Guest1').tapq(A)]],
    }),
    atEnd: (w) =>
      w.machine.image.word(w.machine.image.queue(A)) === (0x80000000 | 0)
        ? 'the queue was reset'
        : undefined,
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'yield* resetAdapters(device, mdev, bitsOf(filtered));',
      put: 'yield* resetAdapters(device, mdev, bitsOf(mdev.shadow.apm));',
    },
  },
  {
    id: 'R-37',
    subject: 'the last adapter leaves the guest too',
    concurrent: (w) => ({
      host: [hostWords(w).lpar('remove-adapter 0x05', (m) => m.partition.removeAdapter(5))],
      guests: [[guestWords(w, 'Guest1').nqap(A)]],
    }),
    atEnd: (w) => (writes(w, 'Guest1') > 0 ? undefined : 'Guest1 was not written'),
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'device.bus.switches.removalOfLastSkipsUpdate ? !isEmpty(left) : changed',
      put: '!isEmpty(left)',
    },
  },
  {
    id: 'R-40',
    subject: 'CC 0 after a successful PQAP',
    before: (m) => {
      m.guest('Guest1').cpu(0).nqap(0x2a04, { psmid: 1n, address: 0x4000, length: 64 });
    },
    concurrent: (w) => ({ host: [], guests: [[guestWords(w, 'Guest1').enable(A)]] }),
    atEnd: (w) => {
      const cc = w.machine.guest('Guest1').cpu(0).cpu.conditionCode();
      return cc === 0 ? undefined : `CC ${cc}`;
    },
    mutation: {
      file: 'kvm/intercept.js',
      find: '(this.#image.word(C_HOST_SWITCHES) & HOST_KEEPS_CC) !== 0',
      put: 'true',
    },
  },
  {
    id: 'R-43',
    subject: 'ap_config and the assignment of another mdev',
    before: (m) => {
      m.write(`/sys/devices/vfio_ap/matrix/${m.guest('Guest1').uuid}/unassign_adapter`, '5');
    },
    concurrent: (w) => ({
      host: [
        hostWords(w).write('Guest1', 'ap_config', '0x04,0x08,0x0'),
        hostWords(w).write('Guest2', 'assign_adapter', '5'),
      ],
      guests: [],
    }),
    mutation: {
      file: 'vfio-ap/ap-config.js',
      find: "if (outcome !== 'ok')\n            return outcome;",
      put: '',
    },
  },
  {
    id: 'R-44',
    subject: "root's reset of a guest's queue: 02, then empty, interruptions off",
    before: enabled,
    concurrent: (w) => ({
      host: [hostWords(w).echo('1', '/sys/devices/ap/card05/05.0004/reset')],
      guests: [[guestWords(w, 'Guest1').nqap(A), guestWords(w, 'Guest1').tapq(A)]],
    }),
    note: 'the bus resets whatever driver has the queue',
  },
  {
    id: 'VD-33',
    subject: 'nothing is set up on a queue the host is resetting',
    concurrent: (w) => ({
      host: [hostWords(w).reset('Guest1')],
      guests: [[guestWords(w, 'Guest1').enable(A), guestWords(w, 'Guest1').enable(A)]],
    }),
    mutation: {
      file: 'vfio-ap/aqic.js',
      find: 'image.word(image.cold(q) + K_HOST_RESET) !== 0',
      put: 'false',
    },
  },
];

let events = 0;

/** Rules whose defect has no counterpart here, and why. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  'R-22': 'test/vfio-ap/host-config.test.ts: a bind inside the window is deferred',
  'R-29': 'test/vfio-ap/mdev-files.test.ts: text of the message',
  'R-38': 'test/vfio-ap: status is read while a probe sleeps; there is no pointer to be null',
  'R-39': 'test/vfio-ap/sequences.test.ts draws override writes with probes and mask edits',
  'R-41':
    'the bus starts its reset in the same step as the plug: no guest instruction between them',
  'R-42': 'host requests are not modelled: the host has no default driver that enqueues',
};
