// SPDX-License-Identifier: Apache-2.0
// A guest moves from one machine to another: steps, what moves and what does not, and every way it can fail.
// Source: docs/reference/migration.md sections 1, 3, 5, 7, 8 and 9.
import { afterEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { ClusterForPrograms } from '../../src/program/cluster-adapter.ts';
import { PROGRAM_HEADER, parseProgram } from '../../src/program/parse.ts';
import { RunnableProgram } from '../../src/program/run.ts';
import { createTwoMachines, guestMatrix, type Parts } from './support.ts';

const open: Cluster[] = [];
afterEach(() => {
  for (const cluster of open.splice(0)) cluster.close();
});

const create = async (parts: Parts = {}): Promise<Cluster> => {
  const cluster = await createTwoMachines(parts);
  open.push(cluster);
  return cluster;
};

/** Runs lines of a program; what differs, a text a line. */
const run = (cluster: Cluster, ...lines: readonly string[]): string[] => {
  const program = parseProgram([PROGRAM_HEADER, ...lines].join('\n'), 'test.ap');
  const { mismatches } = new RunnableProgram(program, new ClusterForPrograms(cluster)).run();
  return mismatches.map(
    ({ operation, differences: [one] }) => `${operation}: ${one.expected}, got ${one.got}`,
  );
};

const MESSAGE = 'psmid=1 addr=0x4000 len=64';
const ALL = ['05.0004', '05.0047', '06.0004', '06.0047'];

describe('a migration', () => {
  it('takes the steps of libvirt and QEMU in their order', async () => {
    const cluster = await create();
    const { steps, ...report } = cluster.migrate('Guest1', 'B', { chunkBytes: 64 });
    expect(report).toMatchObject({
      guest: 'Guest1',
      from: 'A',
      to: 'B',
      outcome: 'ok',
      bytes: 112,
    });
    expect(steps.map(({ step }) => step)).toEqual([
      'destination opened',
      'destination reset',
      'vCPUs stopped',
      'source STOP',
      'source STOP_COPY',
      'destination RESUMING',
      '64 bytes read',
      '64 bytes written',
      '48 bytes read',
      '112 bytes written',
      'destination STOP',
      'destination RUNNING',
      'source closed',
    ]);
  });

  it("gives the destination the source's masks, its control domains too, and the source none", async () => {
    const cluster = await create();
    cluster.migrate('Guest1', 'B');
    expect(guestMatrix(cluster, 'B')).toEqual(ALL);
    const wanted = ['Guest1.0: tapq 05.0047 => rc=00', 'Guest1.0: qci addr=0x1000 => cc=0'];
    expect(run(cluster, ...wanted)).toEqual([]);
    const { machine } = cluster.place('Guest1', 'A');
    expect(machine.isAttached('Guest1')).toBe(false);
    expect(cluster.machine('A').guest('Guest1').cpu().tapq(0x0547).status?.rc).toBe(1);
  });

  it("loses over-provisioned numbers: what moves is the guest's configuration, not the matrix", async () => {
    const cluster = await create();
    const matrix = '/sys/devices/vfio_ap/matrix/$Guest1';
    expect(run(cluster, 'A/lpar: remove-adapter 5 => ok', 'clock: advance 40s')).toEqual([]);
    expect(cluster.migrate('Guest1', 'B').outcome).toBe('ok');
    const lines = [`B/sysfs: cat ${matrix}/matrix => "06.0004\\n06.0047\\n"`];
    expect(run(cluster, ...lines)).toEqual([]);
  });

  it('moves storage, registers, PSW and CR6', async () => {
    const cluster = await create();
    const before = [
      'Guest1.0: mem 0x8000 = 0102030405060708',
      'Guest1.0: psw key=3 cr6=0x10000000 io=1',
      'Guest1.0: tapq 05.0004 gr9=0x123456789abcdef0',
    ];
    expect(run(cluster, ...before)).toEqual([]);
    cluster.migrate('Guest1', 'B');
    const cpu = cluster.guest('Guest1').cpu().cpu;
    expect([cpu.grHigh(9), cpu.grLow(9) >>> 0]).toEqual([0x12345678, 0x9abcdef0]);
    const after = ['Guest1.0: mem 0x8000 8 => 0102030405060708', 'Guest1.0: psw => key=3 io=1'];
    expect(run(cluster, ...after)).toEqual([]);
  });

  it('moves an interruption that is pending, and leaves none behind', async () => {
    const cluster = await create();
    const before = [
      'Guest1.0: aqic 06.0004 ir=1 isc=3 nib=0x2000 => rc=00',
      'clock: run',
      `Guest1.0: nqap 06.0004 ${MESSAGE} => rc=00`,
      'clock: run',
    ];
    expect(run(cluster, ...before)).toEqual([]);
    cluster.migrate('Guest1', 'B');
    const after = [
      'Guest1.0: psw io=1 cr6=0xff000000',
      'Guest1.0: io => isc=3',
      'Guest1.0: io => none',
    ];
    expect(run(cluster, ...after)).toEqual([]);
    cluster.migrate('Guest1', 'A');
    expect(run(cluster, 'Guest1.0: io => none')).toEqual([]);
  });

  it('leaves messages, notification and interruptions of queues behind: they are zeroized at the source', async () => {
    const cluster = await create();
    const before = [
      'Guest1.0: aqic 05.0004 ir=1 isc=3 nib=0x2000 => rc=00',
      'clock: run',
      `Guest1.0: nqap 05.0004 ${MESSAGE} => rc=00`,
      'migrate: Guest1 B => ok',
      // Reply bit clear, queue empty, no interruption enabled.
      'Guest1.0: tapq 05.0004 => status=0x80000000',
      'Guest1.0: dqap 05.0004 addr=0x5000 len=0x3000 => rc=10',
      'migrate: Guest1 A => ok',
      'Guest1.0: tapq 05.0004 => status=0x80000000',
    ];
    expect(run(cluster, ...before)).toEqual([]);
  });

  const ENABLED = [
    'Guest1.0: aqic 06.0004 ir=1 isc=3 nib=0x2000 => rc=00',
    'clock: run',
    `Guest1.0: nqap 05.0004 ${MESSAGE} => rc=00`,
    'Guest1.0: tapq 06.0004 gr9=7',
  ];
  const SENT_THERE = [
    'Guest1.0: psw io=1 cr6=0xff000000',
    'clock: run',
    'Guest1.0: io => none',
    `Guest1.0: nqap 06.0004 ${MESSAGE} => rc=00`,
    'clock: run',
  ];

  it.each<[string, string, readonly string[]]>([
    ['lost', 'a reply comes without', [...SENT_THERE, 'Guest1.0: io => none']],
    [
      'redone',
      'a reply comes with one, as the guest has asked at the source, and none before',
      ['Guest1.0: mem 0x2000 1 => 00', ...SENT_THERE, 'Guest1.0: io => isc=3'],
    ],
    [
      'told',
      'one is pending at once, so that the guest looks at its queues',
      [
        'Guest1.0: mem 0x2000 1 => 01',
        'Guest1.0: psw io=1 cr6=0xff000000',
        'Guest1.0: io => isc=3',
        ...SENT_THERE,
        'Guest1.0: io => isc=3',
      ],
    ],
  ])('interruptions of queues are %s: %s', async (interruptions, _what, after) => {
    const cluster = await create();
    const lines = [...ENABLED, `migrate: Guest1 B interruptions=${interruptions} => ok`, ...after];
    expect(run(cluster, ...lines)).toEqual([]);
    const { cpu } = cluster.guest('Guest1').cpu();
    expect([cpu.grHigh(9), cpu.grLow(9)]).toEqual([0, 7]);
  });

  it('interruptions of a queue that the destination does not take stay lost, the others are redone', async () => {
    const cluster = await create();
    const lines = [
      'Guest1.0: aqic 06.0004 ir=1 isc=3 nib=0x2000 => rc=00',
      'Guest1.0: aqic 05.0004 ir=1 isc=3 nib=0x2001 => rc=00',
      'clock: run',
      'B/fault: 06.0004 rc=04 on=aqic',
      'migrate: Guest1 B interruptions=redone => ok',
      'clock: run',
      'Guest1.0: tapq 05.0004 => status=0x81000000',
      'Guest1.0: tapq 06.0004 => status=0x80000000',
    ];
    expect(run(cluster, ...lines)).toEqual([]);
  });

  it('lets nothing execute while vCPUs are stopped', async () => {
    const cluster = await create();
    const seen: boolean[] = [];
    cluster.migrate('Guest1', 'B', {
      onStep: () => seen.push(cluster.isStopped('Guest1')),
    });
    expect(seen).toEqual([false, false, ...new Array(seen.length - 4).fill(true), false, false]);
    const other = await create();
    const onStep = (step: string) => {
      if (step === 'source STOP')
        expect(() => run(other, 'Guest1.0: tapq 05.0004')).toThrow('its vCPUs are stopped');
    };
    expect(other.migrate('Guest1', 'B', { onStep }).outcome).toBe('ok');
  });

  it('keeps the guest still for as long as was asked', async () => {
    const cluster = await create();
    expect(cluster.migrate('Guest1', 'B', { downtimeNs: 5e6 }).downtimeNs).toBe(5e6);
  });
});

interface Failure {
  readonly name: string;
  readonly parts?: Parts;
  readonly before?: readonly string[];
  readonly outcome: string;
  readonly text: RegExp;
  /** What the destination's kernel says. */
  readonly log?: RegExp;
}

/** Rows of section 8, and errors of sections 2, 5 and 6 as an administrator meets them. */
const FAILURES: readonly Failure[] = [
  {
    name: 'the mdev does not exist there',
    parts: { mdevOfB: null },
    outcome: 'ENODEV',
    text: /device not found: mediated device '.*1' not found/,
  },
  {
    name: 'the kernel has no migration',
    parts: { migration: 'off' },
    outcome: 'ENOTTY',
    text: /not supported in kernel/,
  },
  {
    name: 'a queue belongs to the host there',
    parts: { apmaskOfB: '-5' },
    outcome: 'ENODEV',
    text: /load of migration failed: No such device/,
    log: /Queue 06\.0004 not available to vfio_ap driver on target host/,
  },
  {
    name: 'a card is not there',
    parts: { cardsOfB: { 5: { mode: 'cca' } } },
    outcome: 'ENODEV',
    text: /No such device/,
    log: /Queue 06\.0004 not available/,
  },
  {
    name: 'a control domain is not there',
    before: ['B/lpar: remove-control-domain 0x47 => ok', 'clock: advance 40s'],
    outcome: 'ENODEV',
    text: /No such device/,
    log: /Control domain 0047 not available on the destination host/,
  },
  {
    name: 'a card is older there',
    parts: { cardsOfB: { 5: { mode: 'cca' }, 6: { mode: 'accelerator', type: 'CEX7' } } },
    outcome: 'EINVAL',
    text: /Invalid argument/,
    log: /AP type of source \(0e\) not compatible with target \(0d\)/,
  },
  {
    name: 'a card has another mode there',
    parts: { cardsOfB: { 5: { mode: 'cca' }, 6: { mode: 'ep11' } } },
    outcome: 'EINVAL',
    text: /Invalid argument/,
    log: /Source and target queue \(06\.0004\) not compatible/,
  },
  {
    name: 'another mdev has a queue there',
    parts: { guestsOfB: { Other: { memory: '64KiB', mdev: { adapters: [6], domains: [4] } } } },
    outcome: 'EADDRINUSE',
    text: /Address already in use/,
  },
  {
    name: 'somebody has the mdev open there',
    before: ['B/sysfs: attach Guest1 => ok'],
    outcome: 'EBUSY',
    text: /Device or resource busy/,
  },
  {
    name: 'the guest has no device open',
    before: ['A/sysfs: detach Guest1 => ok'],
    outcome: 'ENODEV',
    text: /has no vfio device open/,
  },
];

describe('a migration fails, and the guest goes on where it was, when', () => {
  it.each(FAILURES)('$name', async ({ parts, before = [], outcome, text, log }) => {
    const cluster = await create(parts);
    expect(run(cluster, ...before)).toEqual([]);
    const attached = cluster.machine('A').isAttached('Guest1');
    const onB = cluster.machine('B').isAttached('Guest1');
    const report = cluster.migrate('Guest1', 'B', { chunkBytes: 16 });
    expect(report).toMatchObject({ outcome, text: expect.stringMatching(text) });
    if (log !== undefined) {
      const lines = cluster.machine('B').host.bus.journal.log.map((line) => line.text);
      expect(lines.filter((line) => log.test(line))).not.toEqual([]);
    }
    expect(cluster.whereIs('Guest1')).toBe('A');
    expect(cluster.isStopped('Guest1')).toBe(false);
    expect(cluster.machine('A').isAttached('Guest1')).toBe(attached);
    expect(cluster.machine('B').isAttached('Guest1')).toBe(onB);
    if (attached) expect(run(cluster, `Guest1.0: nqap 05.0004 ${MESSAGE} => rc=00`)).toEqual([]);
  });

  it('it is cancelled at any step before the guest has gone', async () => {
    const ends = [
      'destination opened',
      'source STOP_COPY',
      '112 bytes written',
      'destination STOP',
    ];
    for (const end of ends) {
      const cluster = await create();
      const onStep = (step: string) => {
        if (step === end) expect(cluster.cancel('Guest1')).toBe(true);
      };
      const report = cluster.migrate('Guest1', 'B', { onStep });
      expect(report).toMatchObject({ outcome: 'ECANCELED' });
      expect(run(cluster, 'Guest1.0: tapq 05.0004 => rc=00')).toEqual([]);
      expect(cluster.migrate('Guest1', 'B').outcome).toBe('ok');
    }
  });

  it('it is asked for what cannot be: an unknown machine, guest, or where it is', async () => {
    const cluster = await create();
    expect(() => cluster.migrate('Guest1', 'C')).toThrow('no machine C (expected one of A, B)');
    expect(() => cluster.migrate('Guest7', 'B')).toThrow('no guest Guest7');
    expect(() => cluster.migrate('Guest1', 'A')).toThrow('on machine A already');
    expect(cluster.cancel('Guest1')).toBe(false);
  });
});
