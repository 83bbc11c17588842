// SPDX-License-Identifier: Apache-2.0
// The data and their streams: docs/reference/migration.md sections 4, 5 and 9, each row and each errno; 100,000 mutated streams.
import { describe, expect, it } from 'vitest';
import { STATE_RESUMING, STATE_STOP_COPY } from '../../src/vfio-ap/migration/states.ts';
import { BUS, MATRIX, UUID1, UUID2 } from '../vfio-ap/typed.ts';
import { GUEST, Side } from './support.ts';

const M1 = `${MATRIX}/${UUID1}`;
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const ADM_4_AB = '0800000000000000000000000000000000000000001000000000000000000000';

describe('the layout', () => {
  const QUEUES =
    'f20000000e5500070504000000000000' +
    'f20000000e5500070547000000000000' +
    'e60000000e5500070a04000000000000' +
    'e60000000e5500070a47000000000000';
  it.each([
    ['posted-a', `0000000400000000${ADM_4_AB}${QUEUES}`],
    ['posted-b', `76666170000000010000000400000000${ADM_4_AB}${QUEUES}`],
    ['strict', `76666170000000010000000400000000${ADM_4_AB}${QUEUES}`],
  ] as const)('%s: header, ADM, queues by APID, then APQI', (migration, bytes) => {
    expect(hexOf(new Side(migration, GUEST).data())).toBe(bytes);
  });

  it('of a guest without queues is the header', () => {
    expect(new Side('strict').data()).toHaveLength(48);
  });

  it.each([1, 3, 7, 16, 47, 49, 1000])('reads the same in pieces of %i bytes', (piece) => {
    const whole = hexOf(new Side('strict', GUEST).data());
    expect(hexOf(new Side('strict', GUEST).data(piece))).toBe(whole);
  });
});

describe('read', () => {
  it('captures at the first read, not at the transition, and then is frozen', () => {
    const side = new Side('strict', GUEST);
    const file = side.stream(STATE_STOP_COPY);
    side.host.echo('0xa', `${M1}/unassign_adapter`);
    const first = side.read(file, 16);
    side.host.echo('5', `${M1}/unassign_adapter`);
    const rest = side.read(file, 1000);
    expect([first, rest].map((r) => (r.errno === undefined ? r.bytes.length : 0))).toEqual([
      16, 64,
    ]);
    expect(side.read(file, 10)).toEqual({ bytes: new Uint8Array(0) });
  });

  it.each([
    [0, undefined],
    [2, undefined],
    [3, undefined],
    [4, undefined],
    [5, undefined],
    [1, 'ENODEV'],
    [6, 'EIO'],
    [0x36, 'EIO'],
  ])('TAPQ result %i: %s; nothing is kept, the next read tries again', (rc, errno) => {
    const side = new Side('strict', GUEST);
    const file = side.stream(STATE_STOP_COPY);
    side.partition.tapqScript = (apqn) => (apqn === 0x0547 ? rc : undefined);
    expect(side.read(file, 8).errno).toBe(errno);
    if (errno === undefined) return;
    const line = `vfio_ap_mdev ${UUID1}: Failed to get hwinfo for queue 05.0047: TAPQ rc=${rc}`;
    expect(side.host.log()).toContain(line);
    side.partition.tapqScript = () => undefined;
    const again = side.read(file, 1000);
    expect(again.errno === undefined && again.bytes.length).toBe(112);
  });

  it.each<[string, number, object, object]>([
    ['pread is ESPIPE', 8, { positioned: true }, { errno: 'ESPIPE' }],
    ['an overflow of the position is EIO', 2 ** 63, {}, { errno: 'EIO' }],
    ['a bad buffer is EFAULT', 8, { badMemory: true }, { errno: 'EFAULT' }],
  ])('%s', (_, length, options, answer) => {
    const side = new Side('strict', GUEST);
    expect(side.read(side.stream(STATE_STOP_COPY), length, options)).toEqual(answer);
  });

  it('a bad buffer moves the position', () => {
    const side = new Side('strict', GUEST);
    const file = side.stream(STATE_STOP_COPY);
    side.read(file, 100, { badMemory: true });
    const rest = side.read(file, 100);
    expect(rest.errno === undefined && rest.bytes.length).toBe(12);
  });

  it('of a file that a second STOP_COPY has replaced is EINVAL; one left for STOP stays valid', () => {
    const side = new Side('strict', GUEST);
    const first = side.stream(STATE_STOP_COPY);
    side.set(1);
    expect(side.read(first, 4).errno).toBeUndefined();
    side.stream(STATE_STOP_COPY);
    expect(side.read(first, 4)).toEqual({ errno: 'EINVAL' });
  });

  it('a file of one direction does not do the other: EBADF', () => {
    const side = new Side('strict', GUEST);
    expect(side.write(side.stream(STATE_STOP_COPY), new Uint8Array(4))).toEqual({ errno: 'EBADF' });
    side.set(1);
    expect(side.read(side.stream(STATE_RESUMING), 4)).toEqual({ errno: 'EBADF' });
  });
});

const DATA = new Side('strict', GUEST).data();
const changed = (at: number, ...bytes: number[]): Uint8Array => {
  const copy = DATA.slice();
  copy.set(bytes, at);
  return copy;
};

describe('write', () => {
  it.each([1, 5, 12, 13, 48, 50, 111, 112])(
    'in pieces of %i bytes takes effect with the last byte, not at STOP',
    (piece) => {
      const to = new Side('strict');
      to.set(1);
      const file = to.stream(STATE_RESUMING);
      for (let at = 0; at < 112; at += piece) {
        expect(to.vm.apqns()).toEqual([]);
        const bytes = DATA.subarray(at, at + piece);
        expect(to.write(file, bytes)).toEqual({ written: bytes.length });
      }
      expect([to.vm.apqns(), to.vm.adm]).toEqual([
        [0x0504, 0x0547, 0x0a04, 0x0a47],
        [4, 0xab],
      ]);
      expect(to.vm.calls).toEqual(['set']);
      expect(to.host.cat(`${M1}/matrix`)).toBe('05.0004\n05.0047\n0a.0004\n0a.0047\n');
    },
  );

  it('incomplete data are silently forgotten at STOP', () => {
    const to = new Side('strict');
    expect(to.resume(DATA.subarray(0, 111))).toBe('ok');
    expect(to.vm.calls).toEqual([]);
  });

  it.each<[string, (to: Side) => object, object]>([
    [
      'pwrite is ESPIPE',
      (to) => to.write(to.stream(4), DATA, { positioned: true }),
      { errno: 'ESPIPE' },
    ],
    ['length 0 is EINVAL', (to) => to.write(to.stream(4), new Uint8Array(0)), { errno: 'EINVAL' }],
    [
      'an overflow of the position is ERANGE',
      (to) => to.host.timers.run(to.stream(4).writeLength(2 ** 63, DATA)),
      { errno: 'ERANGE' },
    ],
    [
      'bad memory is EFAULT',
      (to) => to.write(to.stream(4), DATA, { badMemory: true }),
      { errno: 'EFAULT' },
    ],
    [
      'of a file that another RESUMING has replaced is ENXIO',
      (to) => {
        const file = to.stream(4);
        to.set(1);
        to.stream(4);
        return to.write(file, DATA);
      },
      { errno: 'ENXIO' },
    ],
    [
      'more than the total is EIO, nothing taken',
      (to) => {
        const file = to.stream(4);
        expect(to.write(file, new Uint8Array([...DATA, 0]))).toEqual({ errno: 'EIO' });
        to.write(file, DATA.subarray(0, 100));
        expect(to.write(file, DATA.subarray(99))).toEqual({ errno: 'EIO' });
        return to.write(file, DATA.subarray(100));
      },
      { written: 12 },
    ],
    [
      'after the data are complete is EIO',
      (to) => {
        const file = to.stream(4);
        to.write(file, DATA);
        return to.write(file, Uint8Array.of(0));
      },
      { errno: 'EIO' },
    ],
    [
      'while another write runs is EBUSY',
      (to) => {
        to.host.setUp(UUID1, { assign_adapter: [0x21], assign_domain: [4] });
        const file = to.stream(4);
        to.partition.tapqScript = (apqn) => (apqn === 0x2104 ? 2 : undefined);
        const first = file.write(DATA);
        expect(first.next().done).toBe(false); // it waits for a reset
        const second = to.host.timers.run(file.write(DATA));
        to.partition.tapqScript = () => undefined;
        expect(to.host.timers.run(first)).toEqual({ written: 112 });
        return second;
      },
      { errno: 'EBUSY' },
    ],
    [
      'more than 65536 queues is EINVAL',
      (to) => to.write(to.stream(4), changed(8, 0, 1, 0, 1)),
      { errno: 'EINVAL' },
    ],
  ])('%s', (_, act, answer) => {
    expect(act(new Side('strict'))).toEqual(answer);
  });

  it('form A: the first write must hold the number of queues (EINVAL), bad memory is EIO', () => {
    const to = new Side('posted-a');
    const file = to.stream(STATE_RESUMING);
    expect(to.write(file, Uint8Array.of(0, 0, 0))).toEqual({ errno: 'EINVAL' });
    expect(to.write(file, DATA, { badMemory: true })).toEqual({ errno: 'EIO' });
  });

  it.each<[string, (to: Side) => Uint8Array | undefined, string, string[]]>([
    [
      'a queue not bound to vfio_ap is ENODEV; all are reported',
      (to) => {
        to.host.echo('05.0004', `${BUS}/drivers/vfio_ap/unbind`);
        to.host.echo('0a.0047', `${BUS}/drivers/vfio_ap/unbind`);
        return undefined;
      },
      'ENODEV',
      [
        `vfio_ap_mdev ${UUID1}: Queue 05.0004 not available to vfio_ap driver on target host`,
        `vfio_ap_mdev ${UUID1}: Queue 0a.0047 not available to vfio_ap driver on target host`,
      ],
    ],
    [
      'a control domain the host does not have is ENODEV',
      () => changed(16, 0x80),
      'ENODEV',
      [
        `vfio_ap_mdev: ${UUID1}: Control domain 0000 not available on the destination host`,
        `vfio_ap_mdev: ${UUID1}: Control domain 0004 not available on the destination host`,
      ].slice(0, 1),
    ],
    [
      'TAPQ failing has its errno, the last one wins',
      (to) => {
        to.partition.tapqScript = (apqn) => (apqn === 0x0504 ? 1 : apqn === 0x0a47 ? 6 : undefined);
        return undefined;
      },
      'EIO',
      [
        `vfio_ap_mdev ${UUID1}: Failed to get hwinfo for queue 05.0004: TAPQ rc=1`,
        `vfio_ap_mdev ${UUID1}: Failed to get hwinfo for queue 0a.0047: TAPQ rc=6`,
      ],
    ],
    [
      'a queue of another mdev is EADDRINUSE',
      (to) => {
        to.host.setUp(UUID2, { assign_adapter: [5], assign_domain: [4] });
        return undefined;
      },
      'EADDRINUSE',
      [],
    ],
    [
      'a queue of the host is EADDRNOTAVAIL',
      (to) => {
        // Still bound, while the mask gives the queue to the host.
        to.host.host.bus.apmask[0] |= 0x04000000;
        to.host.host.bus.aqmask[0] |= 0x08000000;
        return undefined;
      },
      'EADDRNOTAVAIL',
      [],
    ],
  ])('%s', (_, prepare, errno, lines) => {
    const to = new Side('strict', { assign_adapter: [0x21], assign_domain: [0xff] });
    const data = prepare(to) ?? DATA;
    const before = to.configuration;
    to.vm.calls.length = 0;
    expect(to.resume(data)).toBe(errno);
    expect(to.host.log()).toEqual(expect.arrayContaining(lines));
    expect([to.configuration, to.vm.calls]).toEqual([before, []]);
  });

  it('a number above the maximum of a fresh QCI is ENODEV', () => {
    const to = new Side('strict');
    Object.assign(to.partition, { na: 9 });
    expect(to.resume(DATA)).toBe('ENODEV');
  });

  it('a device closed while the data are taken is ENODEV', () => {
    const to = new Side('strict');
    const file = to.stream(STATE_RESUMING);
    to.host.host.bus.permsLock.held = true;
    const write = file.write(DATA);
    expect(write.next().done).toBe(false);
    to.host.timers.run(to.file.close());
    to.host.host.bus.permsLock.held = false;
    expect(to.host.timers.run(write)).toEqual({ errno: 'ENODEV' });
  });

  it('replaces the whole matrix, in one write of the masks, and resets what has left', () => {
    const to = new Side('strict', {
      assign_adapter: [5, 0x21],
      assign_domain: [4, 0xff],
      assign_control_domain: [0x47],
    });
    expect(to.resume(DATA)).toBe('ok');
    expect(to.vm.calls).toEqual(['set']);
    expect([...new Set(to.partition.zapqs)].sort()).toEqual([0x05ff, 0x2104, 0x21ff]);
    const source = new Side('strict', GUEST);
    for (const file of ['matrix', 'guest_matrix', 'control_domains'])
      expect(to.host.cat(`${M1}/${file}`)).toBe(source.host.cat(`${M1}/${file}`));
  });
});

describe('the open points of section 9', () => {
  const wrongMagic = changed(0, 0);

  it.each([
    ['posted-b', 112, 'ok'],
    ['posted-b', 56, 'EINVAL'],
    ['strict', 112, 'EINVAL'],
    ['strict', 12, 'EINVAL'],
  ] as const)(
    'a wrong magic in %s, written %i bytes at a time: %s',
    (migration, piece, outcome) => {
      expect(new Side(migration).resume(wrongMagic, piece)).toBe(outcome);
    },
  );

  it.each([
    ['posted-b', 'ok', [0x0504, 0x0547, 0x0a04, 0x0a47]],
    ['strict', 'EINVAL', []],
  ] as const)('a list that is no full product in %s: %s', (migration, outcome, apqns) => {
    const short = DATA.slice(0, 112 - 16);
    short[11] = 3;
    const to = new Side(migration);
    expect([to.resume(short), to.vm.apqns()]).toEqual([outcome, [...apqns]]);
  });

  it.each([
    ['posted-b', false],
    ['strict', true],
  ] as const)('a refused matrix in %s leaves other mdevs their queues: %s', (migration, kept) => {
    const to = new Side(migration);
    to.host.setUp(UUID2, { assign_adapter: [5], assign_domain: [4] });
    expect(to.resume(DATA)).toBe('EADDRINUSE');
    expect(to.host.mdev(UUID2).table.has(0x0504)).toBe(kept);
  });

  it.each([
    ['posted-b', []],
    ['strict', [0x05ff, 0x0aff]],
  ] as const)('domains alone that leave the guest in %s: %j are reset', (migration, zapqs) => {
    const to = new Side(migration, { assign_adapter: [5, 0xa], assign_domain: [4, 0x47, 0xff] });
    expect(to.resume(DATA)).toBe('ok');
    expect(to.partition.zapqs).toEqual([...zapqs]);
  });
});

it('100,000 mutated streams: no crash, and the destination is unchanged or exactly as sent', () => {
  let seed = 0x2545f491;
  const random = (below: number): number => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) % below;
  };
  const to = new Side('strict', { assign_adapter: [0x21], assign_domain: [0xff] });
  const start = to.configuration;
  const outcomes = new Map<string, number>();
  const own = structuredClone(to.host.mdev().matrix);
  to.set(1);
  for (let n = 0; n < 100_000; n++) {
    let bytes = DATA.slice();
    const edits = 1 + random(3);
    for (let e = 0; e < edits; e++) {
      const kind = random(4);
      if (kind === 0) bytes[random(bytes.length)] = random(256);
      else if (kind === 1) bytes[random(bytes.length)] ^= 1 << random(8);
      else if (kind === 2) bytes = bytes.slice(0, 1 + random(bytes.length));
      else bytes = Uint8Array.from([...bytes, random(256)]);
    }
    const file = to.stream(STATE_RESUMING);
    let outcome = 'ok';
    const piece = 1 + random(bytes.length);
    for (let at = 0; at < bytes.length && outcome === 'ok'; at += piece)
      outcome = to.write(file, bytes.subarray(at, at + piece)).errno ?? 'ok';
    file.close();
    to.set(1);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    const now = to.configuration;
    if (now === start) continue;
    const { apqn, adm } = sentBy(bytes);
    // What follows complete data in another write is refused, and they have been taken.
    const surplus = bytes.length > 48 + 16 * apqn.length;
    expect(outcome, `stream ${n}: ${hexOf(bytes)}`).toBe(surplus ? 'EIO' : 'ok');
    expect(to.vm.apqns(), `stream ${n}: ${hexOf(bytes)}`).toEqual(apqn);
    expect(to.vm.adm, `stream ${n}: ${hexOf(bytes)}`).toEqual(adm);
    // Back to where it was, for the next stream.
    to.host.echo(apConfig(own), `${M1}/ap_config`);
    const { journal } = to.host.host;
    journal.restore({ ...journal.save(), uevents: [], log: [], once: [] });
    expect(to.configuration).toBe(start);
  }
  expect([...outcomes.keys()].sort()).toEqual(['EINVAL', 'EIO', 'ENODEV', 'ok']);
}, 600_000);

/** What a stream names, by a reader of its own. */
const sentBy = (bytes: Uint8Array): { apqn: number[]; adm: number[] } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const apqn = Array.from({ length: view.getUint32(8) }, (_, n) => view.getUint16(48 + 16 * n + 8));
  const adm = Array.from({ length: 256 }, (_, n) => n).filter(
    (n) => (bytes[16 + (n >> 3)] & (0x80 >> (n & 7))) !== 0,
  );
  return { apqn: apqn.sort((a, b) => a - b), adm };
};

const apConfig = (matrix: { apm: Uint32Array; aqm: Uint32Array; adm: Uint32Array }): string =>
  [matrix.apm, matrix.aqm, matrix.adm]
    .map(
      (mask) => `0x${[...mask].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')}`,
    )
    .join(',');
