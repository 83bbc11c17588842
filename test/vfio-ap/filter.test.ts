// SPDX-License-Identifier: Apache-2.0
// Sections 4.1 to 4.4: the worked example of the filter, plug and unplug, probe and remove.
import { describe, expect, it } from 'vitest';
import { goldenPartition } from './fake-partition.ts';
import { FakeVm } from './fake-vm.ts';
import { BUS, CREATE, MATRIX, TypedHost, UUID1, UUID2 } from './typed.ts';

const M1 = `${MATRIX}/${UUID1}`;

/** Host configuration 5, 6 x 4, 0xab, all bound to vfio_ap but what is named. */
function example(unbound: readonly string[] = []): TypedHost {
  const partition = goldenPartition();
  partition.setConfiguration([5, 6], [4, 0xab], [4, 0xab]);
  const host = new TypedHost({}, partition);
  host.echo('0x0', `${BUS}/apmask`);
  for (const queue of unbound) host.echo(queue, `${BUS}/drivers/vfio_ap/unbind`);
  host.echo(UUID1, CREATE);
  partition.zapqs = [];
  return host;
}

describe('the worked example of section 4.3', () => {
  it('gives the guest_matrix of each line', () => {
    const host = example(['06.00ab']);
    const steps: [string, () => void, string[], number[]][] = [
      [
        'assign 5, 6, 4',
        () => host.setUp(UUID1, { assign_adapter: [5, 6], assign_domain: [4] }),
        ['05.0004', '06.0004'],
        [],
      ],
      [
        'assign 0xab',
        () => host.setUp(UUID1, { assign_domain: [0xab] }),
        ['05.0004', '05.00ab'],
        [0x0604],
      ],
      [
        'bind 06.00ab',
        () => host.echo('06.00ab', `${BUS}/drivers/vfio_ap/bind`),
        ['05.0004', '05.00ab', '06.0004', '06.00ab'],
        [],
      ],
      [
        'unbind 05.0004',
        () => host.echo('05.0004', `${BUS}/drivers/vfio_ap/unbind`),
        ['06.0004', '06.00ab'],
        // 05.00ab is reset too; the bus resets what it takes off the driver once more.
        [0x0504, 0x05ab, 0x0504],
      ],
      [
        'unassign domain 4',
        () => host.setUp(UUID1, { unassign_domain: [4] }),
        ['06.00ab'],
        [0x0604],
      ],
      [
        'assign domain 4 again',
        () => host.setUp(UUID1, { assign_domain: [4] }),
        ['06.0004', '06.00ab'],
        [],
      ],
    ];
    for (const [name, act, expected, resets] of steps) {
      host.partition.zapqs = [];
      act();
      expect(host.guestMatrix(), name).toEqual(expected);
      expect(host.partition.zapqs, name).toEqual(resets);
    }
  });
});

describe('a running guest', () => {
  it('loses access before its queues are zeroized, and gets a new adapter in one write', () => {
    const host = example();
    const vm = new FakeVm('Guest1');
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4] });
    host.start(vm);
    expect(vm.apqns()).toEqual([0x0504]);
    vm.calls.length = 0;
    host.echo('6', `${M1}/assign_adapter`);
    expect(vm.calls).toEqual(['set']);
    expect(vm.apqns()).toEqual([0x0504, 0x0604]);
    host.partition.zapqScript = () => {
      vm.calls.push('zapq');
      return undefined;
    };
    host.echo('6', `${M1}/unassign_adapter`);
    expect(vm.calls).toEqual(['set', 'set', 'zapq']);
    expect(host.cat(`${BUS}/devices/06.0004/status`)).toBe('unassigned\n');
    expect(host.cat(`${BUS}/devices/05.0004/status`)).toBe('in use\n');
  });

  it('may lose an adapter as a whole by a domain that is not bound there (R-20)', () => {
    const host = example(['05.00ab']);
    const vm = new FakeVm('Guest1');
    host.setUp(UUID1, { assign_adapter: [5, 6], assign_domain: [4] });
    host.start(vm);
    host.echo('0xab', `${M1}/assign_domain`);
    expect(vm.apqns()).toEqual([0x0604, 0x06ab]);
  });

  it('sees no write when nothing in its shadow changes', () => {
    const host = example();
    const vm = new FakeVm('Guest1');
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4] });
    host.start(vm);
    vm.calls.length = 0;
    host.echo('9', `${M1}/assign_adapter`);
    host.echo('9', `${M1}/assign_control_domain`);
    expect(vm.calls).toEqual([]);
    host.echo('4', `${M1}/assign_control_domain`);
    expect([vm.calls, vm.adm]).toEqual([['set'], [4]]);
    host.echo('4', `${M1}/unassign_control_domain`);
    expect([vm.calls, vm.adm]).toEqual([['set', 'set'], []]);
  });

  it('gets one write for a whole ap_config, after the unplug writes', () => {
    const host = example();
    const vm = new FakeVm('Guest1');
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4] });
    host.start(vm);
    vm.calls.length = 0;
    expect(host.echo('0x02,0x08,0x08', `${M1}/ap_config`)).toBe('ok');
    expect(vm.calls).toEqual(['set', 'set']);
    expect([vm.apqns(), vm.adm]).toEqual([[0x0604], [4]]);
  });

  it('is not touched by a manual bind of another adapter (R-23)', () => {
    const host = example(['06.0004']);
    const vm = new FakeVm('Guest1');
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4] });
    host.start(vm);
    vm.calls.length = 0;
    host.echo('06.0004', `${BUS}/drivers/vfio_ap/bind`);
    expect([vm.calls, vm.apqns()]).toEqual([[], [0x0504]]);
  });
});

describe('bind and unbind', () => {
  it('unbind, then drivers_probe: the mask decides who gets the queue (S4-27)', () => {
    const host = example();
    host.echo('05.0004', `${BUS}/drivers/vfio_ap/unbind`);
    expect(host.driver('05.0004')).toBeNull();
    host.echo('05.0004', `${BUS}/drivers_probe`);
    expect(host.driver('05.0004')).toBe('vfio_ap');
    host.echo('+5', `${BUS}/apmask`);
    expect(host.driver('05.0004')).toBe('cex4queue');
  });

  it('a queue that was bound later stays uninitiated; a new one is reset by the bus whatever drives it (R-41)', () => {
    const host = example();
    host.timers.advance(100_000_000);
    const before = host.partition.counts.rapq;
    host.partition.setConfiguration([5, 6], [4, 0xab, 0x47], []);
    host.echo('1', `${BUS}/scans`);
    expect(host.driver('05.0047')).toBe('vfio_ap');
    expect(host.partition.counts.rapq).toBe(before + 2);
    host.partition.rapqs = [];
    expect(host.echo('1', `${BUS}/devices/05.0047/reset`)).toBe('ok');
    expect(host.partition.rapqs).toEqual([0x0547]);
  });

  it.each([
    [{}, null, 'cex4queue'],
    [{ driverlessAtMaskEdit: 'attach-if-guest-owned' }, 'vfio_ap', null],
    [{ driverlessAtMaskEdit: 'attach' }, 'vfio_ap', 'cex4queue'],
  ] as const)(
    'a mask edit of a build %j finds a queue without driver that a guest owns as %s, one of the host as %s',
    (switches, guest, host) => {
      const typed = new TypedHost({ switches });
      typed.echo('-5', `${BUS}/apmask`);
      typed.echo('05.0004', `${BUS}/drivers/vfio_ap/unbind`);
      typed.echo('-6', `${BUS}/apmask`);
      expect(typed.driver('05.0004')).toBe(guest);
      typed.echo('05.0004', `${BUS}/drivers/vfio_ap/unbind`);
      typed.echo('+5', `${BUS}/apmask`);
      expect(typed.driver('05.0004')).toBe(host);
    },
  );

  it('a stale link after unassign of a filtered queue does no harm (R-19)', () => {
    const host = example(['06.00ab']);
    host.setUp(UUID1, { assign_adapter: [6], assign_domain: [4, 0xab], unassign_adapter: [6] });
    host.echo('1', `${M1}/remove`);
    expect(host.echo('06.0004', `${BUS}/drivers/vfio_ap/unbind`)).toBe('ok');
    expect(host.partition.zapqs).toContain(0x0604);
  });
});

describe('the examples of the documentation', () => {
  it('Example 1 is valid, Example 2 is refused with EADDRINUSE (S4-06, S4-07)', () => {
    const host = new TypedHost();
    host.echo('0x0', `${BUS}/apmask`);
    host.setUp(UUID1, { assign_adapter: [1, 2], assign_domain: [5, 6] });
    host.setUp(UUID2, { assign_adapter: [1, 2], assign_domain: [7] });
    host.setUp(UUID2, { unassign_adapter: [2] });
    expect(host.echo('6', `${MATRIX}/${UUID2}/assign_domain`)).toBe('EADDRINUSE');
  });
});
