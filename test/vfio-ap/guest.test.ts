// SPDX-License-Identifier: Apache-2.0
// Sections 4.6 and 4.8: attach, detach, the file of the vfio device, removal while it is open.
import { describe, expect, it } from 'vitest';
import {
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_DATA_EVENTFD,
  type VfioRequest,
} from '../../src/vfio-ap/fd.ts';
import { FakeVm } from './fake-vm.ts';
import { BUS, CREATE, MATRIX, TypedHost, UUID1, UUID2 } from './typed.ts';

const M1 = `${MATRIX}/${UUID1}`;
const EVENTFD = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;

function ready(options = {}): TypedHost {
  const host = new TypedHost(options);
  host.echo('-5,-6', `${BUS}/apmask`);
  host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4], assign_control_domain: [4] });
  host.setUp(UUID2, { assign_adapter: [6], assign_domain: [4] });
  return host;
}

describe('attach', () => {
  it('sets the hook before the masks, and gives the shadow', () => {
    const host = ready();
    const vm = new FakeVm('Guest1');
    host.start(vm);
    expect(vm.calls).toEqual(['hook=1', 'set']);
    expect([vm.apqns(), vm.adm]).toEqual([[0x0504], [4]]);
    expect(host.cat(`${BUS}/devices/05.0004/status`)).toBe('in use\n');
    expect(host.cat(`${BUS}/devices/05.0047/status`)).toBe('unassigned\n');
  });

  it.each<[string, (host: TypedHost) => unknown, string]>([
    ['without a VM is EINVAL', (h) => h.open(null), 'EINVAL'],
    [
      'of an mdev that is not there is ENODEV',
      (h) => h.open(new FakeVm('x'), '3'.repeat(36)),
      'ENODEV',
    ],
    [
      'of a second mdev to one VM is EPERM (S0-09)',
      (h) => {
        const vm = new FakeVm('x');
        h.start(vm);
        return h.open(vm, UUID2);
      },
      'EPERM',
    ],
  ])('%s', (_, act, outcome) => {
    expect(act(ready())).toBe(outcome);
  });

  it('to a VM without CRYCB is a success that sets nothing', () => {
    const host = ready();
    const vm = new FakeVm('none', 0);
    host.start(vm);
    expect(vm.calls).toEqual([]);
    expect(host.mdev().kvm).toBeNull();
  });

  it('refused leaves the first hook alone in current, and a stale one in linux-6.12 (R-30)', () => {
    for (const [profile, hook] of [
      ['current', 1],
      ['linux-6.1', 1],
      ['linux-6.12', 2],
    ] as const) {
      const host = ready({ profile });
      const vm = new FakeVm('Guest1');
      host.start(vm);
      expect(host.open(vm, UUID2)).toBe('EPERM');
      expect(vm.hook?.number, profile).toBe(hook);
      expect(vm.apqns()).toEqual([0x0504]);
    }
  });

  it('a second open of the same device attaches nothing and keeps it attached', () => {
    const host = ready();
    const vm = new FakeVm('Guest1');
    const first = host.start(vm);
    const second = host.start(vm);
    host.timers.run(first.close());
    expect(vm.apqns()).toEqual([0x0504]);
    host.timers.run(second.close());
    expect(vm.apqns()).toEqual([]);
  });
});

describe('detach', () => {
  it('takes hook, masks and reference, resets every queue, and can be done twice', () => {
    const host = ready();
    const vm = new FakeVm('Guest1');
    const file = host.start(vm);
    vm.calls.length = 0;
    host.partition.zapqs = [];
    host.timers.run(file.close());
    expect(vm.calls).toEqual(['hook=null', 'clear']);
    expect(host.partition.zapqs).toEqual([0x0504]);
    expect([vm.hook, host.mdev().kvm]).toEqual([null, null]);
    host.timers.run(file.close());
    expect(host.mdev().opens).toBe(0);
    host.start(vm);
    expect(vm.apqns()).toEqual([0x0504]);
  });
});

describe('the file of the device takes', () => {
  const irqs = (over: object): VfioRequest => ({
    name: 'VFIO_DEVICE_SET_IRQS',
    argsz: 24,
    flags: EVENTFD,
    index: 0,
    start: 0,
    count: 1,
    fd: () => {},
    ...over,
  });
  it.each<[string, VfioRequest, object]>([
    [
      'GET_INFO',
      { name: 'VFIO_DEVICE_GET_INFO', argsz: 20 },
      { argsz: 20, flags: 0x21, num_regions: 0, num_irqs: 2 },
    ],
    [
      'GET_INFO with a short argsz',
      { name: 'VFIO_DEVICE_GET_INFO', argsz: 19 },
      { errno: 'EINVAL' },
    ],
    [
      'GET_IRQ_INFO 0',
      { name: 'VFIO_DEVICE_GET_IRQ_INFO', argsz: 16, index: 0 },
      { argsz: 16, flags: 1, index: 0, count: 1 },
    ],
    [
      'GET_IRQ_INFO 1',
      { name: 'VFIO_DEVICE_GET_IRQ_INFO', argsz: 16, index: 1 },
      { argsz: 16, flags: 1, index: 1, count: 1 },
    ],
    [
      'GET_IRQ_INFO 2',
      { name: 'VFIO_DEVICE_GET_IRQ_INFO', argsz: 16, index: 2 },
      { errno: 'EINVAL' },
    ],
    [
      'GET_IRQ_INFO short',
      { name: 'VFIO_DEVICE_GET_IRQ_INFO', argsz: 15, index: 0 },
      { errno: 'EINVAL' },
    ],
    ['SET_IRQS with an eventfd', irqs({}), {}],
    ['SET_IRQS -1', irqs({ fd: -1 }), {}],
    ['SET_IRQS -2', irqs({ fd: -2 }), { errno: 'EINVAL' }],
    ['SET_IRQS index 2', irqs({ index: 2 }), { errno: 'EINVAL' }],
    ['SET_IRQS start 1', irqs({ start: 1 }), { errno: 'EINVAL' }],
    ['SET_IRQS count 2', irqs({ count: 2 }), { errno: 'EINVAL' }],
    ['SET_IRQS with another data type', irqs({ flags: 1 | 32 }), { errno: 'EINVAL' }],
    ['SET_IRQS with mask action', irqs({ flags: 4 | 8 }), { errno: 'EINVAL' }],
    ['SET_IRQS short', irqs({ argsz: 19 }), { errno: 'EINVAL' }],
    ['RESET', { name: 'VFIO_DEVICE_RESET' }, {}],
    ['GET_REGION_INFO', { name: 'VFIO_DEVICE_GET_REGION_INFO' }, { errno: 'EOPNOTSUPP' }],
    ['FEATURE: the core says ENOTTY', { name: 'VFIO_DEVICE_FEATURE' }, { errno: 'ENOTTY' }],
  ])('%s', (_, request, answer) => {
    const host = ready();
    const file = host.start(new FakeVm('Guest1'));
    expect(host.timers.run(file.ioctl(request))).toEqual(answer);
  });

  it('one interrupt only before 6.15', () => {
    const host = ready({ profile: 'linux-6.12' });
    const file = host.start(new FakeVm('Guest1'));
    const info = host.timers.run(file.ioctl({ name: 'VFIO_DEVICE_GET_INFO', argsz: 20 }));
    expect(info).toMatchObject({ num_irqs: 1 });
    expect(host.timers.run(file.ioctl(irqs({ index: 1 })))).toEqual({ errno: 'EINVAL' });
  });

  it('RESET with EIO if a queue is deconfigured', () => {
    const host = ready();
    const file = host.start(new FakeVm('Guest1'));
    host.partition.deconfigure(5);
    expect(host.timers.run(file.ioctl({ name: 'VFIO_DEVICE_RESET' }))).toEqual({ errno: 'EIO' });
  });

  it('nothing once it is closed', () => {
    const host = ready();
    const file = host.start(new FakeVm('Guest1'));
    host.timers.run(file.close());
    expect(host.timers.run(file.ioctl({ name: 'VFIO_DEVICE_RESET' }))).toEqual({ errno: 'ENODEV' });
  });

  it('cfg_chg is signalled on each guest mask update and on no other (R-27)', () => {
    const host = ready();
    const file = host.start(new FakeVm('Guest1'));
    let events = 0;
    host.timers.run(file.ioctl(irqs({ index: 1, fd: () => events++ })));
    host.echo('6', `${M1}/assign_adapter`); // another mdev's: refused
    expect(events).toBe(0);
    host.echo('71', `${M1}/assign_domain`);
    expect(events).toBe(1);
    host.timers.run(file.close());
    host.echo('71', `${M1}/unassign_domain`);
    expect(events).toBe(1);
  });

  it('dma_unmap: interrupts of queues with a NIB in the range end', () => {
    const ended: number[] = [];
    const interrupts = {
      freeResources: () => {},
      disable: (apqn: number) => {
        ended.push(apqn);
        return (function* () {})();
      },
      nibPage: (apqn: number) => (apqn === 0x0504 ? 0x2000 : undefined),
    };
    const host = ready({ interrupts });
    const file = host.start(new FakeVm('Guest1'));
    host.timers.run(file.dmaUnmap(0x3000, 0x1000));
    expect(ended).toEqual([]);
    host.timers.run(file.dmaUnmap(0x2800, 0x100));
    expect(ended).toEqual([0x0504]);
  });
});

describe('remove while the device is open', () => {
  it('waits for the last close, relaying the request at once and every ten seconds', () => {
    const host = ready();
    const vm = new FakeVm('Guest1');
    const file = host.start(vm);
    const events: string[] = [];
    for (const index of [0, 1]) {
      const request = {
        name: 'VFIO_DEVICE_SET_IRQS',
        argsz: 24,
        flags: EVENTFD,
        index,
        start: 0,
        count: 1,
        fd: () => events.push(`${index === 0 ? 'req' : 'cfg_chg'} masks=${vm.apm.length}`),
      };
      host.timers.run(file.ioctl(request));
    }
    const removal = host.host.sysfs.write(`${M1}/remove`, '1\n');
    const step = removal.next();
    expect(step.value).toMatchObject({ pending: true });
    // Masks first, then cfg_chg, then req.
    expect(events).toEqual(['cfg_chg masks=0', 'req masks=0']);
    expect(host.log()).toContain(`vfio_ap_mdev ${UUID1}: Relaying device request to user (#0)`);
    expect(host.echo('1', `${M1}/remove`)).toBe('EAGAIN');
    for (let i = 0; i < 1000; i++) removal.next();
    expect(events.filter((e) => e.startsWith('req'))).toHaveLength(2);
    host.timers.run(file.close());
    expect(removal.next()).toEqual({ done: true, value: 'ok' });
    expect(host.host.sysfs.exists(M1)).toBe(false);
  });

  it('says once that nobody was told if there is no eventfd', () => {
    const host = ready({ profile: 'linux-6.12' });
    const file = host.start(new FakeVm('Guest1'));
    const removal = host.host.sysfs.write(`${M1}/remove`, '1\n');
    for (let i = 0; i < 2001; i++) removal.next();
    const text = 'No device request registered, blocked until released by user';
    expect(host.log().filter((line) => line.endsWith(text))).toHaveLength(1);
    host.timers.run(file.close());
    expect(removal.next().done).toBe(true);
  });

  it('is EBUSY with the switch removeInUse=ebusy', () => {
    const host = ready({ switches: { removeInUse: 'ebusy' } });
    host.start(new FakeVm('Guest1'));
    expect(host.echo('1', `${M1}/remove`)).toBe('EBUSY');
    expect(host.host.sysfs.exists(M1)).toBe(true);
  });
});

it('numbers and links of the machine image follow the mdev', () => {
  const links: string[] = [];
  const host = new TypedHost({
    links: {
      link: (apqn, mdev) => links.push(`${apqn.toString(16)}->${mdev}`),
      unlink: (apqn) => links.push(`${apqn.toString(16)}->0`),
      guest: (mdev, attached) => links.push(`${mdev}:${attached}`),
    },
  });
  host.echo('-5', `${BUS}/apmask`);
  host.echo(UUID2, CREATE);
  host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4] });
  const file = host.start(new FakeVm('Guest1'));
  host.timers.run(file.close());
  host.echo('1', `${M1}/remove`);
  expect(links).toEqual(['504->2', '2:true', '2:false', '504->0']);
});
