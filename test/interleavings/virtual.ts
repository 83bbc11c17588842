// SPDX-License-Identifier: Apache-2.0
// Guests that share real queues, as cases for the explorer: what administrators, operators and guests do at the same time, and the patch
// that breaks what each case is about.
// Source: docs/reference/vfio-ap.md V-02, V-04, V-06 to V-11, V-14; decisions VD-51, VD-52.
import * as L from '../../native-like/machine/layout.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import type { Raw } from '../kvm/bench.ts';
import type { ExploreCase } from './explore.ts';
import { MessageBooks } from './message-books.ts';
import type { Create } from './words.ts';

export interface SharingCase {
  readonly id: string;
  readonly subject: string;
  readonly before?: readonly string[];
  readonly concurrent: readonly (readonly string[])[];
  readonly after?: readonly string[];
  /** Guests whose virtual queues can be without any candidate: what is in them then is gone. */
  readonly mayLose?: readonly string[];
  /** No message may end with an error of the engine's own. */
  readonly allAnswered?: boolean;
  /** Below dist/src. */
  readonly mutation: { readonly file: string; readonly find: string; readonly put: string };
}

/** Each card works on one request at a time for a millisecond. */
const card = { mode: 'loopback', service: { model: 'fixed', time: '1ms', engines: 1 } };
const guest = (adapters: Raw, domains: Raw): Raw => ({
  memory: '128KiB',
  mdev: { type: 'virtual', adapters, domains },
});

/** A: 01.0000 on 03 and 05. B: 02.0009 on 05 alone. C has no mdev. */
export const SHARING: Raw = {
  apemu: 1,
  machine: { adapters: { 3: card, 5: card, 6: card }, usageDomains: [4] },
  host: { apmask: '-3,-5,-6', switches: { virtualMdevs: 'exclusive' } },
  guests: {
    A: guest({ 1: [3, 5] }, { 0: [4] }),
    B: guest({ 2: [5] }, { 9: [4] }),
    C: { memory: '128KiB' },
  },
};

const MATRIX = '/sys/devices/vfio_ap/matrix';
const VFIO = '/sys/bus/ap/drivers/vfio_ap';
const TYPES = `${MATRIX}/mdev_supported_types`;
const echo = (text: string, file: string): string => `sysfs: echo ${text} > ${file}`;
const APQN = { A: '01.0000', B: '02.0009' } as const;
type Name = keyof typeof APQN;

const sends = (name: Name, ...psmids: readonly number[]): string[] =>
  psmids.map((psmid) => `${name}.0: nqap ${APQN[name]} psmid=${psmid} addr=0x4000 len=64`);
const accepted = (lines: readonly string[]): string[] => lines.map((line) => `${line} => rc=00`);
const fetches = (name: Name, count: number): string[] =>
  Array.from({ length: count }, () => `${name}.0: dqap ${APQN[name]} addr=0x8000 len=0x100`);
const PASSES = Array.from({ length: 3 }, () => 'clock: advance 700us');
const depth = (name: Name, field: string): string =>
  `${name}.0: tapq ${APQN[name]} t=1 => rc=00 gr2=928000000E54030${field}`;
/** Depths of one card and of two. */
const [ONE, TWO] = ['7', 'F'];

export const SHARING_CASES: readonly SharingCase[] = [
  {
    id: 'S-01',
    subject: 'two guests send and fetch on a card that both use',
    concurrent: [
      [...accepted(sends('A', 1, 2, 3)), ...fetches('A', 2)],
      [...accepted(sends('B', 1, 2)), ...fetches('B', 2)],
      PASSES,
    ],
    allAnswered: true,
    mutation: {
      file: 'vfio-ap/virtual/hook.js',
      find: 'findVirtualQueue(this.#image, guest, gr0 & GR0_APQN)',
      put: 'findVirtualQueue(this.#image, 1, gr0 & GR0_APQN)',
    },
  },
  {
    id: 'S-02',
    subject: 'a reply comes once, to the guest whose request it answers',
    concurrent: [
      [...sends('A', 1, 2, 3), ...fetches('A', 1)],
      [...sends('B', 1, 2, 3), ...fetches('B', 1)],
      PASSES,
    ],
    allAnswered: true,
    mutation: {
      file: 'vfio-ap/virtual/engine.js',
      find: 'this.#kernel.offerReply(this.#word(entry + E_QUEUE), slot);',
      put: 'for (let n = 0; n < 2; n++) this.#kernel.offerReply(this.#word(entry + E_QUEUE), slot);',
    },
  },
  {
    id: 'S-03',
    subject: 'assign: a card more under running guests',
    concurrent: [
      [echo('2:3', `${MATRIX}/$B/assign_adapter`)],
      [...sends('A', 1, 2), ...fetches('A', 1)],
      [...accepted(sends('B', 1, 2, 3)), ...fetches('B', 1)],
    ],
    after: [depth('B', TWO)],
    allAnswered: true,
    mutation: {
      file: 'vfio-ap/virtual/guest-queues.js',
      find: 'write(behind(mdev.map.adapter, apqn >>> 8), entry + E_APM);',
      put: 'if (this.#word(entry + E_APM) === 0) write(behind(mdev.map.adapter, apqn >>> 8), entry + E_APM);',
    },
  },
  {
    id: 'S-04',
    subject: 'unassign: messages that were sent finish on the old card',
    concurrent: [
      [echo('1:3', `${MATRIX}/$A/unassign_adapter`)],
      [...accepted(sends('A', 1, 2, 3)), ...fetches('A', 2)],
      [...sends('B', 1), ...fetches('B', 1)],
    ],
    after: [depth('A', ONE)],
    allAnswered: true,
    mutation: {
      file: 'vfio-ap/virtual/assign.js',
      find: 'busy() && waited < DRAIN_LIMIT_NS',
      put: 'false',
    },
  },
  {
    id: 'S-05',
    subject: 'the last user of a card lets go of it while another takes it',
    concurrent: [
      [echo('1:3', `${MATRIX}/$A/unassign_adapter`)],
      [echo('2:3', `${MATRIX}/$B/assign_adapter`)],
      [...sends('A', 1, 2), ...fetches('A', 1)],
      [...sends('B', 1, 2), ...fetches('B', 1)],
    ],
    after: [depth('A', ONE), depth('B', TWO)],
    mutation: {
      file: 'vfio-ap/virtual/assign.js',
      find: 'device.updateVirtual(mdev);\n        yield* releaseReal',
      put: 'yield* releaseReal',
    },
  },
  {
    id: 'S-06',
    subject: 'a reset discards what is its guest’s, wherever it is, and nothing else',
    concurrent: [
      [...sends('A', 1, 2, 3), 'A.0: rapq 01.0000', ...sends('A', 4), ...fetches('A', 1)],
      [...accepted(sends('B', 1, 2)), ...fetches('B', 1)],
      PASSES,
    ],
    allAnswered: true,
    mutation: {
      file: 'vfio-ap/virtual/hook.js',
      find: 'this.#engine.discard(entry);',
      put: '',
    },
  },
  {
    id: 'S-07',
    subject: 'a card dies: what it had ends with an error, the rest goes to the other one',
    concurrent: [
      ['lpar: checkstop 3'],
      [...accepted(sends('A', 1, 2, 3)), ...fetches('A', 2)],
      [...sends('B', 1), ...fetches('B', 1)],
      PASSES,
    ],
    mutation: {
      file: 'vfio-ap/virtual/engine.js',
      find: 'if (where === TAG_GONE)\n                this.#answer(entry, message.slot, LOST_ON_CARD);',
      put: 'if (where === TAG_GONE)\n                setUnderWay(this.#image, entry, message.slot, false);',
    },
  },
  {
    id: 'S-08',
    subject: 'the only card of a guest goes and comes back: what was in the queue is gone for good',
    concurrent: [
      ['lpar: deconfigure 5', 'lpar: configure 5'],
      [...sends('B', 1, 2), 'B.0: tapq 02.0009', ...sends('B', 3), ...fetches('B', 1)],
      [...accepted(sends('A', 1, 2)), ...fetches('A', 1)],
      PASSES,
    ],
    mayLose: ['B'],
    mutation: {
      file: 'vfio-ap/virtual/engine.js',
      find: 'this.#kernel.flush(q);',
      put: '',
    },
  },
  {
    id: 'S-09',
    subject: 'the driver is unbound from a card: its guests go on with the other one',
    concurrent: [
      [echo('03.0004', `${VFIO}/unbind`)],
      [...accepted(sends('A', 1, 2, 3)), ...fetches('A', 2)],
      [...sends('B', 1), ...fetches('B', 1)],
    ],
    after: [depth('A', ONE)],
    mutation: {
      file: 'vfio-ap/virtual/candidates.js',
      find: '(image.word(q + Q_ATTENTION) & ATTENTION_POOL) !== 0',
      put: 'true',
    },
  },
  {
    id: 'S-10',
    subject: 'a guest is detached: nothing of it stays on cards that others use',
    concurrent: [
      ['sysfs: detach A'],
      [...sends('A', 1, 2)],
      [...accepted(sends('B', 1, 2)), ...fetches('B', 1)],
      PASSES,
    ],
    after: ['A.0: tapq 01.0000 => cc=3 rc=01'],
    mayLose: ['A'],
    allAnswered: true,
    mutation: {
      file: 'vfio-ap/virtual/guest-queues.js',
      find: '#remove(entry) {\n        this.#empty(entry);',
      put: '#remove(entry) {',
    },
  },
  {
    id: 'S-11',
    subject: 'a notification reaches the guest whose reply is there, and no other',
    before: ['A.0: aqic 01.0000 ir=1 isc=5 nib=0x2000 => rc=00', 'clock: advance 1ms'],
    concurrent: [
      [...sends('A', 1), 'A.0: aqic 01.0000 ir=0'],
      ['B.0: aqic 02.0009 ir=1 isc=3 nib=0x2000', ...sends('B', 1)],
      PASSES,
    ],
    after: ['clock: advance 5ms', 'B.0: io => isc=3', 'B.0: mem 0x2000 1 => 01'],
    allAnswered: true,
    mutation: {
      file: 'vfio-ap/virtual/hook.js',
      find: 'image.gisa(guest), isc, record',
      put: 'image.gisa(1), isc, record',
    },
  },
  {
    id: 'S-12',
    subject: 'the two types exclude each other, whoever comes first (V-02)',
    before: [
      'sysfs: detach A',
      'sysfs: detach B',
      ...['A', 'B'].map((name) => echo('1', `${MATRIX}/$${name}/remove`)),
    ],
    concurrent: [
      [echo('$A', `${TYPES}/vfio_ap-virtual/create`)],
      [echo('$C', `${TYPES}/vfio_ap-passthrough/create`)],
    ],
    mutation: {
      file: 'vfio-ap/mdev-core.js',
      find: "=== 'exclusive' && device.instances > 0)",
      put: "=== 'exclusive' && device.mdevs.length > 0)",
    },
  },
];

/** Messages that a real queue holds. */
const onRealQueues = (machine: Machine): number => {
  const { image } = machine;
  return [3, 5, 6]
    .map((apid) => image.queue(apid * 256 + 4))
    .map((q) => image.word(q + L.Q_ALL_FREE) & ~image.word(q + L.Q_FREE))
    .filter((used) => used !== 0).length;
};

/** Fetches what is left, then asks the books, the cards and the list of mdevs. */
const atTheEnd = (machine: Machine, books: MessageBooks, one: SharingCase): string | undefined => {
  machine.advance(20_000_000);
  for (const [name, apqn] of Object.entries(APQN)) {
    const cpu = machine.guest(name).cpu(0);
    for (let n = 0; n < 20 && cpu.dqap(apqn, { address: 0x8000, length: 0x100 }).cc === 0; n++);
  }
  const left = onRealQueues(machine);
  const { mdevs, virtualMdevs } = machine.host.matrix;
  return (
    books.broken(one) ??
    (left > 0 ? `${left} real queues hold messages of nobody` : undefined) ??
    (mdevs.length > 0 && virtualMdevs.length > 0 ? 'mdevs of both types live' : undefined)
  );
};

export const sharingCase = (one: SharingCase, create: Create): ExploreCase => ({
  create: () => create(SHARING),
  config: `${one.id}.yaml`,
  before: one.before ?? [],
  concurrent: one.concurrent,
  after: one.after ?? [],
  watch: (machine) => {
    for (const name of Object.keys(APQN))
      machine.guest(name).write(0x4000, new Uint8Array(64).fill(name.charCodeAt(0)));
    const books = new MessageBooks(machine);
    return () => atTheEnd(machine, books, one);
  },
});
