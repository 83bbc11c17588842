// SPDX-License-Identifier: Apache-2.0
// Section 4.5: changes of the host configuration, and the defects of as switches.
import { describe, expect, it } from 'vitest';
import type { ProfileName } from '../../src/ap-bus/profile.ts';
import { adapter, CCA, goldenPartition } from './fake-partition.ts';
import { FakeVm } from './fake-vm.ts';
import { BUS, MATRIX, TypedHost, UUID1, UUID2 } from './typed.ts';

interface Started {
  host: TypedHost;
  vm: FakeVm;
  vm2: FakeVm;
  /** New activation profile and the scan that finds it. */
  change(adapters: number[], domains: number[], controls?: number[]): void;
}

function started(
  profile: ProfileName = 'current',
  adapters = [5, 6],
  domains = [4, 0x47],
): Started {
  const partition = goldenPartition();
  partition.setConfiguration(adapters, domains, [4, 5]);
  const host = new TypedHost({ profile }, partition);
  host.echo('0x0', `${BUS}/apmask`);
  host.setUp(UUID1, {
    assign_adapter: [5, 0x21],
    assign_domain: [4, 0x47],
    assign_control_domain: [4, 5],
  });
  host.setUp(UUID2, { assign_adapter: [6], assign_domain: [4] });
  const [vm, vm2] = [new FakeVm('Guest1'), new FakeVm('Guest2')];
  host.start(vm);
  host.start(vm2, UUID2);
  for (const v of [vm, vm2]) v.calls.length = 0;
  partition.zapqs = [];
  const change = (a: number[], d: number[], c = [4, 5]): void => {
    partition.setConfiguration(a, d, c);
    host.echo('1', `${BUS}/scans`);
  };
  return { host, vm, vm2, change };
}

describe('removal from the host configuration', () => {
  it('reaches the guest in one write, with no reset by vfio_ap (O-7, R-26)', () => {
    const { host, vm, vm2, change } = started();
    change([5, 6], [4]);
    expect([vm.calls, vm.apqns()]).toEqual([['set'], [0x0504]]);
    expect(vm2.calls).toEqual([]);
    // The bus itself zeroizes what it takes off a driver: RC 01, without a warning of vfio_ap.
    expect(host.log().filter((line) => line.includes('ZAPQ'))).toEqual([]);
    expect(host.driver('05.0047')).toBeNull();
  });

  it('of the only adapter is written in current, and not in linux-6.12 (R-37)', () => {
    for (const [profile, apm] of [
      ['current', []],
      ['linux-6.1', []],
      ['linux-6.12', [5]],
    ] as const) {
      const { host, vm, change } = started(profile);
      // Domains stay in the shadow; control domains are not touched.
      change([6], [4, 0x47]);
      expect(vm.apm, profile).toEqual(apm);
      expect(host.cat(`${MATRIX}/${UUID1}/guest_matrix`)).toBe('.0004\n.0047\n');
    }
  });

  it('of a control domain takes that one in current, the others not; linux-6.12 the reverse (R-35)', () => {
    for (const [profile, adm] of [
      ['current', [4]],
      ['linux-6.12', [4, 5]],
    ] as const) {
      const { vm, change } = started(profile);
      change([5, 6], [4, 0x47], [4]);
      expect(vm.adm, profile).toEqual(adm);
    }
  });

  it('that hits the first mdev only writes nothing to the second (R-31)', () => {
    const { vm2, change } = started('linux-6.12');
    change([5, 6], [4]);
    expect(vm2.calls).toEqual([]);
  });

  it('of a detached mdev changes its shadow (R-32)', () => {
    const partition = goldenPartition();
    const host = new TypedHost({}, partition);
    host.echo('-5', `${BUS}/apmask`);
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4, 0x47] });
    partition.setConfiguration([5], [4], []);
    host.echo('1', `${BUS}/scans`);
    expect(host.guestMatrix()).toEqual(['05.0004']);
  });
});

describe('addition to the host configuration', () => {
  it('of two adapters and a domain at once is one write (R-21)', () => {
    const { vm, change } = started('current', [6], [4]);
    expect(vm.apqns()).toEqual([]);
    change([5, 6, 0x21], [4, 0x47]);
    expect(vm.calls).toEqual(['set']);
    expect(vm.apqns()).toEqual([0x0504, 0x0547, 0x2104, 0x2147]);
  });

  it('of control domains only resets no queue (R-36)', () => {
    const { host, vm, change } = started();
    change([5, 6], [4, 0x47], [4]);
    vm.calls.length = 0;
    change([5, 6], [4, 0x47], [4, 5]);
    expect([vm.calls, vm.adm]).toEqual([['set'], [4, 5]]);
    expect(host.partition.zapqs).toEqual([]);
  });

  it('a queue bound inside the window is deferred, then included (R-22)', () => {
    const { host, vm, change } = started('current', [6], [4, 0x47]);
    const { matrix } = host.host;
    const seen: string[] = [];
    const update = matrix.updateGuest.bind(matrix);
    matrix.updateGuest = (mdev) => {
      seen.push(`${mdev.uuid === UUID1} scans=${host.host.bus.scans} queues=${mdev.table.size}`);
      update(mdev);
    };
    change([5, 6], [4, 0x47]);
    expect(seen).toEqual(['true scans=1 queues=2']);
    expect(vm.apqns()).toEqual([0x0504, 0x0547]);
  });

  it('of an adapter older than CEX4 gives nothing, on host or guest (VD-24)', () => {
    const partition = goldenPartition();
    partition.hardware[0x21] = adapter(CCA, { type: 9 });
    partition.setConfiguration([5], [4], []);
    for (const profile of ['current', 'linux-6.1'] as const) {
      partition.setConfiguration([5], [4], []);
      const host = new TypedHost({ profile }, partition);
      host.echo('0x0', `${BUS}/apmask`);
      host.setUp(UUID1, { assign_adapter: [5, 0x21], assign_domain: [4, 0x47] });
      partition.setConfiguration([5, 0x21], [4, 0x47], []);
      host.echo('1', `${BUS}/scans`);
      expect(host.guestMatrix(), profile).toEqual(['05.0004', '05.0047']);
      expect(host.cat(`${BUS}/devices/card21/type`)).toBe(
        profile === 'current' ? 'ENOENT' : 'CEX3C\n',
      );
      expect(host.driver('21.0004')).toBeNull();
    }
  });

  it('of an adapter that does not answer gives nothing', () => {
    const { vm, change } = started('current', [6], [4]);
    change([5, 6, 9], [4, 0x47]);
    expect(vm.apm).toEqual([5]);
  });
});

describe('without facility 12', () => {
  it('guest matrices are always empty (VD-26)', () => {
    const partition = goldenPartition({ facilities: [15] });
    partition.setConfiguration([5], [4], []);
    const host = new TypedHost({}, partition);
    host.echo('0x0', `${BUS}/apmask`);
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4] });
    expect(host.driver('05.0004')).toBe('vfio_ap');
    expect(host.cat(`${MATRIX}/${UUID1}/guest_matrix`)).toBe('');
  });
});

describe('the scan', () => {
  it('runs by itself every config_time seconds, and at once when the machine tells of a change', () => {
    const host = new TypedHost();
    // 3,000 jiffies, rounded up by the timer wheel to a multiple of 64 (VD-56).
    host.timers.advance(30_079_999_999);
    expect(host.cat(`${BUS}/scans`)).toBe('1\n');
    host.timers.advance(640_000_000);
    expect(host.cat(`${BUS}/scans`)).toBe('2\n');
    host.partition.announce();
    expect(host.cat(`${BUS}/scans`)).toBe('3\n');
    host.echo('5', `${BUS}/config_time`);
    host.timers.advance(5_080_000_000);
    expect(host.cat(`${BUS}/scans`)).toBe('4\n');
  });

  it('rebuilds a card whose type or functions changed', () => {
    const host = new TypedHost();
    host.partition.hardware[5] = adapter(0xea000000, { type: 13 });
    host.echo('1', `${BUS}/scans`);
    expect(host.cat('/sys/devices/ap/card05/type')).toBe('CEX7A\n');
    expect(host.driver('05.0004')).toBe('cex4queue');
  });

  it('makes no device without facility 15, and removes a queue whose TAPQ says 01', () => {
    const none = new TypedHost({}, goldenPartition({ facilities: [12] }));
    expect(none.cat(`${BUS}/bindings`)).toBe('0/0 (complete)\n');
    const host = new TypedHost();
    host.partition.tapqScript = (apqn) => (apqn === 0x0547 ? 1 : undefined);
    host.echo('1', `${BUS}/scans`);
    expect(host.host.sysfs.exists(`${BUS}/devices/05.0047`)).toBe(false);
    expect(host.host.sysfs.exists(`${BUS}/devices/05.0004`)).toBe(true);
  });

  it('a second writer waits for the one that runs', () => {
    const host = new TypedHost();
    host.host.bus.scanLock.held = true;
    host.timers.after(5_000_000, () => host.host.bus.scanLock.release());
    expect(host.echo('1', `${BUS}/scans`)).toBe('ok');
    expect(host.cat(`${BUS}/scans`)).toBe('1\n');
  });
});
