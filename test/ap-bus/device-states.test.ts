// SPDX-License-Identifier: Apache-2.0
// What cards and queues show of their states, kernel by kernel.
// Source: docs/reference/vfio-ap.md section 3.4a; the extended recordings show the same on three kernels.
import { describe, expect, it } from 'vitest';
import { STATUS_IRQ } from '../../native-like/arch/status-word.ts';
import type { HostSideOptions } from '../../src/sysfs/host-side.ts';
import { goldenPartition } from '../vfio-ap/fake-partition.ts';
import { BUS, MATRIX, TypedHost, UUID1 } from '../vfio-ap/typed.ts';

const CARD = '/sys/devices/ap/card05';
const QUEUE = `${CARD}/05.0004`;
const MS = 1_000_000;
const settled = (
  options: Partial<HostSideOptions> = {},
  partition = goldenPartition(),
): TypedHost => {
  const host = new TypedHost(options, partition);
  host.timers.advance(100 * MS);
  return host;
};
/** A partition whose queues show their interrupts. */
function withInterrupts() {
  const partition = goldenPartition({ facilities: [12, 15, 65] });
  const [tapq, rapq] = [partition.tapq.bind(partition), partition.rapq.bind(partition)];
  const enabled = new Set<number>();
  return Object.assign(partition, {
    tapq: (apqn: number) => {
      const test = tapq(apqn);
      return enabled.has(apqn) ? { ...test, status: test.status | STATUS_IRQ } : test;
    },
    rapq: (apqn: number) => {
      enabled.delete(apqn);
      return rapq(apqn);
    },
    aqic: (apqn: number) => {
      enabled.add(apqn);
      return 0x80000000 | 0;
    },
  });
}
const stop = (host: TypedHost, on: boolean): void => {
  const card = host.partition.hardware[5];
  if (card === undefined) throw new Error('no card');
  card.checkstop = on;
  host.echo('1', `${BUS}/scans`);
};

describe('14.A5: the file interrupt', () => {
  it.each([
    ['current', 'Interrupts disabled.\n'],
    ['linux-6.12', 'Interrupts disabled.\n'],
    ['linux-6.1', 'Interrupts enabled.\n'],
  ] as const)('in %s shows interrupts that somebody has taken away as %j', (profile, text) => {
    const partition = withInterrupts();
    const host = settled({ profile }, partition);
    expect(host.cat(`${QUEUE}/interrupt`)).toBe('Interrupts enabled.\n');
    // The queue is reset behind the bus's back.
    partition.rapq(0x0504);
    expect(host.cat(`${QUEUE}/interrupt`)).toBe(text);
  });
});

describe('14.A5: a checkstop', () => {
  it('that lasts has its queues initialised again by the next scan', () => {
    const host = settled();
    stop(host, true);
    expect(host.cat(`${QUEUE}/states`)).toBe('ERROR [IDLE]\n');
    expect(host.cat(`${QUEUE}/last_err_rc`)).toBe('CHECKSTOPPED\n');
    host.echo('1', `${BUS}/scans`);
    expect(host.cat(`${QUEUE}/states`)).toBe('OPERATING [RESET_START]\n');
  });

  it.each([
    ['current', ['0\n', '0\n'], 'ENODEV'],
    ['linux-6.1', ['1\n', '1\n'], 'ok'],
  ] as const)('is seen by the files online in %s as %j', (profile, shown, outcome) => {
    const host = settled({ profile });
    stop(host, true);
    expect([host.cat(`${CARD}/online`), host.cat(`${QUEUE}/online`)]).toEqual(shown);
    expect(host.echo('1', `${QUEUE}/online`)).toBe(outcome);
  });

  it('of the card is not that of the queue, which shows its own', () => {
    const host = settled();
    const queue = host.host.bus.queues[0x0504];
    const card = host.host.bus.cards[5];
    if (queue === undefined || card === undefined) throw new Error('no queue');
    card.checkstop = true;
    expect(host.cat(`${QUEUE}/online`)).toBe('1\n');
    card.checkstop = false;
    queue.checkstop = true;
    expect(host.cat(`${QUEUE}/online`)).toBe('0\n');
  });
});

describe('14.A5: requests of the driver itself', () => {
  it('count: two for the serial number of a CCA card', () => {
    const host = settled();
    const { requests } = host.host.bus;
    requests.answers = { cca: () => ({ serial: '93AAABCD', keys: '' }) };
    const before = Number(host.cat(`${CARD}/request_count`));
    expect(host.cat(`${CARD}/serialnr`)).toBe('93AAABCD\n');
    expect(Number(host.cat(`${CARD}/request_count`))).toBe(before + 2);
  });

  it.each([
    ['current', '2\n'],
    ['linux-6.12', '2\n'],
    ['linux-6.1', '1\n'],
  ] as const)('that find no device have the bus scanned in %s: scans is %j', (profile, scans) => {
    const host = settled({ profile });
    host.echo('0', `${CARD}/online`);
    expect(host.cat(`${BUS}/scans`)).toBe('1\n');
    host.cat(`${CARD}/serialnr`);
    expect(host.cat(`${BUS}/scans`)).toBe(scans);
  });
});

describe('14.A5: files and timers', () => {
  it('queues have ap_functions, but not in linux-6.1', () => {
    expect(settled().cat(`${QUEUE}/ap_functions`)).toBe('0xF2000000\n');
    expect(settled({ profile: 'linux-6.1' }).cat(`${QUEUE}/ap_functions`)).toBe('ENOENT');
  });

  it('a long poll_timeout holds back a queue whose interrupts are awaited', () => {
    const host = settled({}, withInterrupts());
    host.echo('1', `${QUEUE}/reset`);
    host.echo('120000000000', `${BUS}/poll_timeout`);
    host.timers.advance(1_000 * MS);
    expect(host.cat(`${QUEUE}/states`)).not.toBe('OPERATING [IDLE]\n');
    host.timers.advance(120_000 * MS);
    expect(host.cat(`${QUEUE}/states`)).toBe('OPERATING [IDLE]\n');
  });

  it('an mdev has a folder vfio-dev', () => {
    const host = settled();
    host.setUp(UUID1, {});
    const { sysfs } = host.host;
    expect(sysfs.stat(`${MATRIX}/${UUID1}/vfio-dev`)).toMatchObject({ kind: 'dir' });
  });
});
