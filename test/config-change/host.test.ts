// SPDX-License-Identifier: Apache-2.0
// VFIO_AP_CFG_CHG_IRQ_INDEX on the host: docs/reference/config-change.md section 1, the table row by row, and the places of (a).
import { describe, expect, it } from 'vitest';
import {
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  type VfioApFile,
} from '../../src/vfio-ap/fd.ts';
import { goldenPartition } from '../vfio-ap/fake-partition.ts';
import { FakeVm } from '../vfio-ap/fake-vm.ts';
import { BUS, MATRIX, TypedHost, UUID1 } from '../vfio-ap/typed.ts';

const M1 = `${MATRIX}/${UUID1}`;
const EVENTFD = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;

const setIrqs = (over: object = {}) => ({
  name: 'VFIO_DEVICE_SET_IRQS',
  argsz: 24,
  flags: EVENTFD,
  index: 1,
  start: 0,
  count: 1,
  fd: () => {},
  ...over,
});

interface Scene {
  readonly host: TypedHost;
  readonly vm: FakeVm;
  readonly file: VfioApFile;
  /** What happened in order: `set`, `clear`, `event`, `zapq N`. */
  readonly order: string[];
}

/** A guest with 05.0004 and 05.0047 of a host with adapters 5, 6, a, 21; what follows is noted in order. */
const scene = (options = {}): Scene => {
  const partition = goldenPartition();
  const host = new TypedHost(options, partition);
  host.echo('-5,-6,-0xa', `${BUS}/apmask`);
  host.setUp(UUID1, {
    assign_adapter: [5],
    assign_domain: [4, 0x47],
    assign_control_domain: [4],
  });
  const vm = new FakeVm('Guest1');
  const file = host.start(vm);
  const order: string[] = [];
  vm.calls.length = 0;
  vm.calls.push = (...calls: string[]) => order.push(...calls);
  partition.zapqScript = (apqn) => {
    order.push(`zapq ${apqn.toString(16).padStart(4, '0')}`);
    return undefined;
  };
  host.timers.run(file.ioctl(setIrqs({ fd: () => order.push('event') })));
  return { host, vm, file, order };
};

/** A new activation profile and the scan that finds it. */
const reconfigure = (s: Scene, adapters: number[], domains: number[], controls: number[]): void => {
  s.host.partition.setConfiguration(adapters, domains, controls);
  s.host.echo('1', `${BUS}/scans`);
};
const ADAPTERS = [5, 6, 0xa, 0x21];
const DOMAINS = [4, 0x47, 0xab, 0xff];

describe('indices and GET_IRQ_INFO', () => {
  it.each([
    ['REQ, index 0', 16, 0, { argsz: 16, flags: 1, index: 0, count: 1 }],
    ['CFG_CHG, index 1', 16, 1, { argsz: 16, flags: 1, index: 1, count: 1 }],
    ['index 2 is EINVAL', 16, 2, { errno: 'EINVAL' }],
    ['argsz short is EINVAL', 15, 1, { errno: 'EINVAL' }],
  ])('%s', (_, argsz, index, answer) => {
    const { host, file } = scene();
    const request = { name: 'VFIO_DEVICE_GET_IRQ_INFO', argsz, index };
    expect(host.timers.run(file.ioctl(request))).toEqual(answer);
  });

  it.each([
    ['current', 2],
    ['linux-6.12', 1],
  ])('profile %s has num_irqs %i', (profile, irqs) => {
    const host = new TypedHost({ profile: profile as 'current' });
    host.echo('-5', `${BUS}/apmask`);
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4] });
    const file = host.start(new FakeVm('Guest1'));
    const info = host.timers.run(file.ioctl({ name: 'VFIO_DEVICE_GET_INFO', argsz: 20 }));
    expect(info).toMatchObject({ num_irqs: irqs });
  });
});

describe('SET_IRQS checks, in order', () => {
  it.each<[string, object, object]>([
    ['bad pointer EFAULT, before all others', { badPointer: true, argsz: 0 }, { errno: 'EFAULT' }],
    ['argsz below the header EINVAL', { argsz: 19 }, { errno: 'EINVAL' }],
    ['index 2 EINVAL', { index: 2 }, { errno: 'EINVAL' }],
    ['unknown flag bits EINVAL', { flags: EVENTFD | 64 }, { errno: 'EINVAL' }],
    ['no data type EINVAL', { flags: VFIO_IRQ_SET_ACTION_TRIGGER }, { errno: 'EINVAL' }],
    ['two data types EINVAL', { flags: EVENTFD | VFIO_IRQ_SET_DATA_BOOL }, { errno: 'EINVAL' }],
    ['start 1 EINVAL', { start: 1, count: 0 }, { errno: 'EINVAL' }],
    ['start + count 2 EINVAL', { count: 2 }, { errno: 'EINVAL' }],
    ['data shorter than count × size EINVAL', { argsz: 23 }, { errno: 'EINVAL' }],
    [
      'no ACTION_TRIGGER EINVAL',
      { flags: VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_MASK },
      { errno: 'EINVAL' },
    ],
    [
      'UNMASK instead EINVAL',
      { flags: VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK },
      { errno: 'EINVAL' },
    ],
    [
      'data NONE EINVAL',
      { flags: VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER },
      { errno: 'EINVAL' },
    ],
    [
      'data BOOL EINVAL',
      { flags: VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER },
      { errno: 'EINVAL' },
    ],
    ['fd -1 removes, and is a success even if there is none', { fd: -1 }, {}],
    ['fd below -1 EINVAL', { fd: -2 }, { errno: 'EINVAL' }],
    ['no file EBADF', { fd: 'EBADF' }, { errno: 'EBADF' }],
    ['a file that is no eventfd EINVAL', { fd: 'EINVAL' }, { errno: 'EINVAL' }],
    ['an eventfd installs', {}, {}],
  ])('%s', (_, over, answer) => {
    const { host, file } = scene();
    expect(host.timers.run(file.ioctl(setIrqs(over)))).toEqual(answer);
  });

  it('count 0 is not refused: the fd behind the header is read anyway', () => {
    const s = scene();
    let events = 0;
    const answer = s.host.timers.run(
      s.file.ioctl(setIrqs({ count: 0, argsz: 20, fd: () => events++ })),
    );
    expect(answer).toEqual({});
    s.host.echo('71', `${M1}/unassign_domain`);
    expect([events, s.order.includes('event')]).toEqual([1, false]);
  });

  it('-1 takes the eventfd away: a change is told to nobody', () => {
    const s = scene();
    s.host.timers.run(s.file.ioctl(setIrqs({ fd: -1 })));
    s.host.echo('71', `${M1}/unassign_domain`);
    expect(s.order).not.toContain('event');
  });
});

it('lifetime: the eventfd stays registered when the guest closes and opens again', () => {
  const s = scene();
  s.host.timers.run(s.file.close());
  s.order.length = 0;
  s.host.start(s.vm);
  expect(s.order).toEqual(['hook=1', 'set', 'event']);
});

describe('signalled, in the order CRYCB, event, resets:', () => {
  const PLACES: readonly [string, (s: Scene) => void, readonly string[]][] = [
    [
      'attach (open)',
      (s) => {
        s.host.timers.run(s.file.close());
        s.order.length = 0;
        s.host.start(s.vm);
      },
      ['hook=1', 'set', 'event'],
    ],
    ['assign_adapter', (s) => s.host.echo('6', `${M1}/assign_adapter`), ['set', 'event']],
    [
      'unassign_adapter',
      (s) => s.host.echo('5', `${M1}/unassign_adapter`),
      ['set', 'event', 'zapq 0504', 'zapq 0547'],
    ],
    ['assign_domain', (s) => s.host.echo('0xab', `${M1}/assign_domain`), ['set', 'event']],
    [
      'unassign_domain',
      (s) => s.host.echo('0x47', `${M1}/unassign_domain`),
      ['set', 'event', 'zapq 0547'],
    ],
    [
      'assign_control_domain',
      (s) => s.host.echo('0x47', `${M1}/assign_control_domain`),
      ['set', 'event'],
    ],
    [
      'unassign_control_domain',
      (s) => s.host.echo('4', `${M1}/unassign_control_domain`),
      ['set', 'event'],
    ],
    [
      'ap_config, once',
      (s) => {
        const mask = (...n: number[]): string => {
          let value = 0n;
          for (const bit of n) value |= 1n << BigInt(255 - bit);
          return `0x${value.toString(16).padStart(64, '0')}`;
        };
        const text = [mask(5, 6), mask(4, 0x47, 0xab), mask(4, 0x47)].join(',');
        expect(s.host.echo(text, `${M1}/ap_config`)).toBe('ok');
      },
      ['set', 'event'],
    ],
    [
      'queue remove',
      (s) => s.host.echo('05.0047', `${BUS}/drivers/vfio_ap/unbind`),
      ['set', 'event', 'zapq 0504', 'zapq 0547'],
    ],
    [
      'queue probe',
      (s) => {
        s.host.echo('05.0047', `${BUS}/drivers/vfio_ap/unbind`);
        s.order.length = 0;
        s.host.echo('05.0047', `${BUS}/drivers/vfio_ap/bind`);
      },
      ['set', 'event'],
    ],
    [
      'host removal of an adapter, once, without a reset',
      (s) => reconfigure(s, [6, 0xa, 0x21], DOMAINS, DOMAINS),
      ['set', 'event'],
    ],
    [
      'host removal of a domain, once',
      (s) => reconfigure(s, ADAPTERS, [4, 0xab, 0xff], DOMAINS),
      ['set', 'event'],
    ],
    [
      'host removal of a control domain, once',
      (s) => reconfigure(s, ADAPTERS, DOMAINS, [0x47, 0xab, 0xff]),
      ['set', 'event'],
    ],
    [
      'host addition, once at scan complete',
      (s) => {
        reconfigure(s, ADAPTERS, [4, 0xab, 0xff], DOMAINS);
        s.order.length = 0;
        reconfigure(s, ADAPTERS, DOMAINS, DOMAINS);
      },
      ['set', 'event'],
    ],
  ];
  it.each(PLACES)('%s', (_, act, expected) => {
    const s = scene();
    act(s);
    // Resets of queues that were never in the guest, or are reset once more when they have left, are no part of it.
    const seen = s.order.filter((what) => !what.startsWith('zapq') || expected.includes(what));
    expect(seen.slice(0, expected.length)).toEqual(expected);
    expect(s.order.filter((what) => what === 'event')).toHaveLength(1);
  });

  it('removal of an open mdev: masks cleared, cfg_chg, then req', () => {
    const s = scene();
    s.host.timers.run(s.file.ioctl(setIrqs({ index: 0, fd: () => s.order.push('req') })));
    const removal = s.host.host.sysfs.write(`${M1}/remove`, '1\n');
    removal.next();
    expect(s.order).toEqual(['clear', 'event', 'req']);
    s.host.timers.run(s.file.close());
    expect(removal.next()).toEqual({ done: true, value: 'ok' });
  });
});

describe('not signalled:', () => {
  it.each<[string, (s: Scene) => void]>([
    ['detach and close', (s) => s.host.timers.run(s.file.close())],
    [
      'no guest attached',
      (s) => {
        s.host.timers.run(s.file.close());
        s.host.echo('0x47', `${M1}/unassign_domain`);
      },
    ],
    ['a number that is there already', (s) => s.host.echo('5', `${M1}/assign_adapter`)],
    [
      'a control domain the host does not have',
      (s) => s.host.echo('9', `${M1}/assign_control_domain`),
    ],
    ['an adapter whose queues are not there', (s) => s.host.echo('0x30', `${M1}/assign_adapter`)],
    [
      'an adapter configured off and on (SCLP): masks unchanged',
      (s) => {
        s.host.echo('0', `${BUS}/devices/card05/config`);
        s.host.echo('1', `${BUS}/devices/card05/config`);
      },
    ],
    [
      'a checkstop',
      (s) => {
        (s.host.partition.hardware[5] as { checkstop: boolean }).checkstop = true;
        s.host.echo('1', `${BUS}/scans`);
      },
    ],
    ['a scan that finds no difference', (s) => s.host.echo('1', `${BUS}/scans`)],
  ])('%s', (_, act) => {
    const s = scene();
    act(s);
    expect(s.order.filter((what) => what === 'event' || what === 'set')).toEqual([]);
  });

  it('on a kernel before 6.15', () => {
    const s = scene({ profile: 'linux-6.12' });
    s.host.echo('0x47', `${M1}/unassign_domain`);
    expect(s.order.slice(0, 1)).toEqual(['set']);
    expect(s.order).not.toContain('event');
  });
});

it('trap: with removalReversesControlDomains a control domain that leaves the host stays in the guest, without a signal', () => {
  const s = scene({ switches: { removalReversesControlDomains: true } });
  reconfigure(s, ADAPTERS, DOMAINS, [0x47, 0xab, 0xff]);
  expect([s.order.includes('event'), s.vm.adm]).toEqual([false, [4]]);
});
