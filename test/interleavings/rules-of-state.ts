// SPDX-License-Identifier: Apache-2.0
// Of those about queues: resets, what is left in them, who is interrupted, what a guest sees.

import { G_PINS } from '../../native-like/machine/layout.ts';
import { completed } from '../../src/host/api/results.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import {
  AQIC_A,
  AQIC_B,
  DETACHED,
  DQAP_A,
  ENABLED,
  EXCHANGED,
  echo,
  FREE_GUEST2,
  GUEST1,
  GUEST2,
  matrixIs,
  NQAP_A,
  NQAP_B,
  type Rule,
  VFIO,
} from './words.ts';

const RESET = 'sysfs: reset Guest1';
const REMOVE_05 = ['lpar: remove-adapter 0x05', 'clock: run'];

/** An enable that is answered 07 at the end leaves the pages of Guest1 as they are. */
const pinsAfter07 = (machine: Machine) => (): string | undefined => {
  const pins = (): number => machine.image.word(machine.image.guest(1) + G_PINS);
  const before = pins();
  const enable = { enable: true, isc: 6, nib: 0x2000 };
  const { rc } = completed(machine.guest('Guest1').cpu(0).aqic(0x0504, enable)).status;
  return rc === 7 && pins() !== before
    ? 'a page is held for an enable that was refused'
    : undefined;
};

export const STATE_RULES: readonly Rule[] = [
  {
    id: 'R-09',
    subject: 'the next user finds an empty queue',
    before: EXCHANGED,
    concurrent: [
      [echo('5', `${GUEST1}/unassign_adapter`)],
      [echo('5', `${GUEST2}/assign_adapter`)],
      [NQAP_A],
      ['Guest2.0: dqap 05.0004 addr=0x5000 len=0x3000'],
    ],
    mutation: { file: 'vfio-ap/assign.js', find: 'toReset.length > 0', put: 'false' },
  },
  {
    id: 'R-10',
    subject: 'what the host loses the guest loses',
    concurrent: [REMOVE_05, [NQAP_A, NQAP_B]],
    after: [matrixIs('Guest1', '.0004', '.0047'), 'Guest1.0: tapq 05.0004 => rc=01'],
    mutation: { file: 'vfio-ap/host-config.js', find: 'mdev.shadow[part] = left;', put: '' },
  },
  {
    id: 'R-12',
    subject: 'a reset answered 00 is looked at until it is over',
    before: ['fault: 05.0004 on=tapq rc=02 count=4'],
    concurrent: [[RESET], [AQIC_A]],
    after: ['host: tapq 05.0004 => rc=00'],
    mutation: { file: 'vfio-ap/reset.js', find: "if (check === 'busy') {", put: 'if (false) {' },
  },
  {
    id: 'R-13',
    subject: 'a reset that ends with 03 frees page and sub-class',
    before: [...ENABLED, 'lpar: deconfigure 0x05', 'clock: run'],
    concurrent: [[RESET], ['Guest1.0: tapq 05.0004']],
    mutation: {
      file: 'vfio-ap/reset.js',
      find: 'rc === AP_RESPONSE_CHECKSTOPPED) {\n        device.interrupts.freeResources(queue.apqn);',
      put: 'rc === AP_RESPONSE_CHECKSTOPPED) {',
    },
  },
  {
    id: 'R-14',
    subject: 'a deconfigured queue stays with its guest',
    before: ['lpar: deconfigure 0x05', 'clock: run'],
    concurrent: [
      [RESET],
      [echo('0x47', `${GUEST1}/unassign_domain`), echo('0x47', `${GUEST1}/assign_domain`)],
      ['Guest1.0: tapq 05.0004'],
    ],
    after: [matrixIs('Guest1', '05.0004', '05.0047')],
    mutation: { file: 'vfio-ap/mdev.js', find: '(off && deconfiguredPassable)', put: 'false' },
  },
  {
    id: 'R-15',
    subject: 'a queue busy for long is waited for',
    before: ['fault: 05.0004 on=tapq rc=05 count=8'],
    concurrent: [[RESET]],
    after: ['host: tapq 05.0004 => rc=00'],
    mutation: {
      file: 'vfio-ap/reset.js',
      find: 'rc === AP_RESPONSE_RESET_IN_PROGRESS || rc === AP_RESPONSE_BUSY)',
      put: 'rc === AP_RESPONSE_RESET_IN_PROGRESS)',
    },
  },
  {
    id: 'R-16',
    subject: 'there is no limit to the wait, and the result is kept',
    before: ['fault: 05.0004 on=tapq rc=02 count=200'],
    concurrent: [[`${RESET} => ok`]],
    after: ['host: tapq 05.0004 => rc=00'],
    mutation: {
      file: 'vfio-ap/reset.js',
      find: 'pending.length > 0; elapsedNs',
      put: 'pending.length > 0 && elapsedNs < 1e9; elapsedNs',
    },
  },
  {
    id: 'R-17',
    subject: 'many queues are reset in the time of one',
    concurrent: [[RESET, 'clock: advance 1us => now=20001us']],
    mutation: {
      file: 'vfio-ap/reset.js',
      find: '                yield { waitNs: RESET_INTERVAL_NS };',
      put: '                for (const _ of pending) yield { waitNs: RESET_INTERVAL_NS };',
    },
  },
  {
    id: 'R-18',
    subject: 'a sub-class that cannot be registered leaves no page pinned',
    config: { guest1: { gisaFormat: 'none' } },
    concurrent: [[echo('0x47', `${GUEST1}/unassign_domain`)], [`${AQIC_A} => rc=06`, AQIC_B]],
    mutation: {
      file: 'vfio-ap/aqic.js',
      find: 'this.#held.unpin(guest);\n            const old',
      put: 'const old',
    },
  },
  {
    id: 'R-20',
    subject: 'the whole matrix is filtered, whatever was assigned',
    config: { guest1: { mdev: { adapters: [5, 6], domains: [4] } }, guest2: { mdev: undefined } },
    before: [echo('06.0047', `${VFIO}/unbind`)],
    concurrent: [
      [echo('0x47', `${GUEST1}/assign_domain`)],
      [NQAP_A, 'Guest1.0: nqap 06.0004 psmid=1 addr=0x4000 len=64'],
    ],
    after: [matrixIs('Guest1', '05.0004', '05.0047')],
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
    before: REMOVE_05,
    concurrent: [
      ['lpar: add-adapter 0x05', 'lpar: add-domain 0x50', 'clock: advance 100ms'],
      [NQAP_A],
    ],
    after: [matrixIs('Guest1', '05.0004', '05.0047', '05.0050')],
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
    before: [echo('05.0004', `${VFIO}/unbind`)],
    concurrent: [
      [echo('05.0004', `${VFIO}/bind`)],
      [
        'Guest1.0: nqap 06.0004 psmid=1 addr=0x4000 len=64 => rc=00',
        'Guest1.0: dqap 06.0004 addr=0x5000 len=0x3000 => rc=00',
      ],
    ],
    after: [matrixIs('Guest1', '05.0004', '05.0047', '06.0004', '06.0047')],
    mutation: {
      file: 'vfio-ap/filter.js',
      find: 'yield* resetAdapters(device, mdev, bitsOf(filtered));',
      put: 'yield* resetAdapters(device, mdev, bitsOf(mdev.shadow.apm));',
    },
  },
  {
    id: 'R-25',
    subject: 'a sibling that is unbound takes the messages of the adapter along',
    before: EXCHANGED,
    concurrent: [[echo('05.0047', `${VFIO}/unbind`)], [NQAP_A, NQAP_A]],
    after: ['host: tapq 05.0004 => status=80000000'],
    mutation: {
      file: 'vfio-ap/queue.js',
      find: 'yield* resetAdapters(device, mdev, [apid]);',
      put: '',
    },
  },
  {
    id: 'R-26',
    subject: 'a queue the host lost is not reset',
    concurrent: [REMOVE_05, [AQIC_A]],
    watch: (machine) => () =>
      machine.host.journal.log.find((line) => line.text.includes('failed'))?.text,
    mutation: {
      file: 'vfio-ap/queue.js',
      find: 'testBit(device.info.apm, apid) && testBit(device.info.aqm, apqi)',
      put: 'true',
    },
  },
  {
    id: 'R-31',
    subject: 'an mdev the host change does not hit gets no write',
    concurrent: [REMOVE_05, ['Guest2.0: nqap 06.0004 psmid=1 addr=0x4000 len=64']],
    note: 'a flag that sticks changes nothing here as long as a removal without effect writes nothing: that rule is broken',
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'if (hit)\n            unplugFromShadow(device, mdev, removed);',
      put: 'unplugFromShadow(device, mdev, removed), device.updateGuest(mdev);',
    },
  },
  {
    id: 'R-32',
    subject: 'a host change with a detached mdev',
    before: DETACHED,
    concurrent: [REMOVE_05],
    after: [matrixIs('Guest1', '.0004', '.0047')],
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'if (update)\n        device.updateGuest(mdev);',
      put: 'if (update) { mdev.kvm.name; device.updateGuest(mdev); }',
    },
  },
  {
    id: 'R-35',
    subject: 'of the control domains exactly the removed one leaves',
    config: { guest1: { mdev: { adapters: [5], domains: [4], controlDomains: [4, 0x47] } } },
    concurrent: [['lpar: remove-control-domain 0x47', 'clock: run']],
    // The ADM of a QCI block is at 0x50: bit 4 is left of 4 and 0x47.
    after: ['Guest1.0: qci addr=0x3000 => cc=0', 'Guest1.0: mem 0x3050 10 => 08000000000000000000'],
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
    before: EXCHANGED,
    concurrent: [['lpar: add-control-domain 0x50', 'clock: run'], ['Guest1.0: tapq 05.0004']],
    after: [`${DQAP_A} => rc=00 psmid=9`],
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'yield* resetAdapters(device, mdev, bitsOf(filtered));',
      put: 'yield* resetAdapters(device, mdev, bitsOf(mdev.shadow.apm));',
    },
  },
  {
    id: 'R-37',
    subject: 'the last adapter leaves the guest too',
    concurrent: [REMOVE_05, [NQAP_A]],
    mutation: {
      file: 'vfio-ap/host-config.js',
      find: 'device.bus.switches.removalOfLastSkipsUpdate ? !isEmpty(left) : changed',
      put: '!isEmpty(left)',
    },
  },
  {
    id: 'R-40',
    subject: 'CC 0 after a successful PQAP',
    before: ['Guest1.0: nqap 42.0004 psmid=1 addr=0x4000 len=64 => cc=3'],
    concurrent: [[echo('0x47', `${GUEST1}/unassign_domain`)], [`${AQIC_A} => cc=0 rc=00`]],
    mutation: {
      file: 'kvm/intercept.js',
      find: '(this.#image.word(C_HOST_SWITCHES) & HOST_KEEPS_CC) !== 0',
      put: 'true',
    },
  },
  {
    id: 'R-41',
    subject:
      'the reset of a new queue by the bus and a guest that is plugged it: no wrong owner of interruptions',
    before: REMOVE_05,
    concurrent: [
      ['lpar: add-adapter 0x05', 'clock: advance 45ms', 'clock: advance 100ms'],
      [AQIC_A, NQAP_A, AQIC_A],
    ],
    note: 'the bus sets up its interruptions on any new queue: a guest that comes later is told 07 and gets no page',
    after: ['Guest1.0: tapq 05.0004 => rc=00'],
    watch: pinsAfter07,
    mutation: {
      file: 'vfio-ap/aqic.js',
      find: 'if (rc !== AP_RESPONSE_NORMAL)\n            return this.#undo',
      put: 'if (rc !== AP_RESPONSE_NORMAL && rc !== AP_RESPONSE_OTHERWISE_CHANGED)\n            return this.#undo',
    },
  },
  {
    id: 'R-42',
    subject:
      'a mask edit gives away a queue with a request of the host in it: its reply reaches no guest',
    config: { guest1: { mdev: { adapters: [], domains: [4] } } },
    before: ['host: nqap 05.0004 psmid=7 addr=0x4000 len=64 => rc=00'],
    concurrent: [
      [echo('-5', '/sys/bus/ap/apmask'), echo('5', `${GUEST1}/assign_adapter`)],
      [DQAP_A, DQAP_A],
    ],
    note: "the default driver sends no requests of its own: the host's instructions do, and the end with EAGAIN is not seen",
    mutation: {
      file: 'ap-bus/queue-state.js',
      find: 'this.#bus.partition.zapq(queue.apqn);',
      put: '',
    },
  },
  {
    id: 'R-44',
    subject: "root's reset of a guest's queue: 02, then empty, interruptions off",
    // A queue that vfio_ap got as a new device is one the bus has initiated (4.4); any other is left alone by the file.
    before: [
      ...REMOVE_05,
      'lpar: add-adapter 0x05',
      'clock: advance 10ms',
      `${AQIC_A} => rc=00`,
      'clock: advance 100ms',
      ...EXCHANGED,
      'Guest1.0: io => isc=6',
    ],
    concurrent: [
      [echo('1', '/sys/devices/ap/card05/05.0004/reset')],
      [NQAP_A, 'Guest1.0: tapq 05.0004'],
    ],
    after: [
      'Guest1.0: io',
      `${DQAP_A} => rc=10`,
      NQAP_A,
      'clock: advance 1ms',
      'Guest1.0: io => none',
    ],
    mutation: {
      file: 'ap-bus/queue-files.js',
      find: 'bus.queueStates.reset(queue);',
      put: '',
    },
  },
  {
    id: 'VD-33',
    subject: 'nothing is set up on a queue the host is resetting',
    concurrent: [[RESET], [AQIC_A, AQIC_A]],
    mutation: {
      file: 'vfio-ap/aqic.js',
      find: 'image.word(image.cold(q) + K_HOST_RESET) !== 0',
      put: 'false',
    },
  },
];
