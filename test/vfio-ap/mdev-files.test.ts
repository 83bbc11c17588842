// SPDX-License-Identifier: Apache-2.0
// Sections 3.5 to 3.7: files of the matrix device, the type and an mdev; the errno matrix row by row.
import { describe, expect, it } from 'vitest';
import { adapter, CCA, FakePartition, goldenPartition } from './fake-partition.ts';
import { BUS, CREATE, MATRIX, TypedHost, UUID1, UUID2 } from './typed.ts';

const TYPE = `${MATRIX}/mdev_supported_types/vfio_ap-passthrough`;
const M1 = `${MATRIX}/${UUID1}`;

/** Adapters 5 and 6 belong to vfio_ap; two mdevs, the second has 06.0047. */
function twoMdevs(options = {}): TypedHost {
  const host = new TypedHost(options);
  host.echo('-5,-6', `${BUS}/apmask`);
  host.echo(UUID1, CREATE);
  host.setUp(UUID2, { assign_adapter: [6], assign_domain: [0x47], assign_control_domain: [9] });
  return host;
}

describe('the matrix device and its type', () => {
  it.each<[string, string]>([
    [`${MATRIX}/features`, 'guest_matrix hotplug ap_config\n'],
    [`${TYPE}/name`, 'VFIO AP Passthrough Device\n'],
    [`${TYPE}/device_api`, 'vfio-ap\n'],
    [`${TYPE}/available_instances`, '65536\n'],
    [`${TYPE}/create`, 'EACCES'],
    ['/sys/class/mdev_bus/matrix/features', 'guest_matrix hotplug ap_config\n'],
    ['/sys/bus/matrix/devices/matrix/features', 'guest_matrix hotplug ap_config\n'],
    ['/sys/devices/ap_matrix/matrix/features', 'guest_matrix hotplug ap_config\n'],
  ])('%s reads %j', (path, text) => {
    expect(new TypedHost().cat(path)).toBe(text);
  });

  it('features is not there in linux-6.1, nor ap_config', () => {
    const host = new TypedHost({ profile: 'linux-6.1' });
    host.echo(UUID1, CREATE);
    expect(host.cat(`${MATRIX}/features`)).toBe('ENOENT');
    expect(host.cat(`${M1}/ap_config`)).toBe('ENOENT');
  });

  it('vfio_ap has no bind and unbind files on the matrix bus', () => {
    const listing = new TypedHost().host.sysfs.list('/sys/bus/matrix/drivers/vfio_ap');
    expect(listing).toEqual({ ok: true, names: ['matrix', 'uevent'] });
  });
});

describe('create', () => {
  it.each<[string, string]>([
    [UUID1, 'ok'],
    [`${UUID1}\n`, 'ok'],
    [`${UUID1}x`, 'ok'],
    ['AAAAAAAA-0000-4000-8000-00000000000F\n', 'ok'],
    [`${UUID1}\n\n`, 'EINVAL'],
    [UUID1.slice(1), 'EINVAL'],
    ['x', 'EINVAL'],
    ['g1111111-1111-1111-1111-111111111111', 'EINVAL'],
    ['11111111111111111111111111111111-111', 'EINVAL'],
    ['', 'ok'],
  ])('with %j: %s', (text, outcome) => {
    expect(new TypedHost().write(CREATE, text)).toBe(outcome);
  });

  it('of a UUID that is there is EEXIST, in whatever case', () => {
    const host = new TypedHost();
    host.echo('aaaaaaaa-0000-4000-8000-00000000000f', CREATE);
    expect(host.echo('AAAAAAAA-0000-4000-8000-00000000000F', CREATE)).toBe('EEXIST');
    expect(host.host.sysfs.exists(`${MATRIX}/aaaaaaaa-0000-4000-8000-00000000000f`)).toBe(true);
  });

  it('takes an instance, and EUSERS when none is left', () => {
    const host = new TypedHost();
    host.echo(UUID1, CREATE);
    expect(host.cat(`${TYPE}/available_instances`)).toBe('65535\n');
    host.host.matrix.instances = 65536;
    expect(host.echo(UUID2, CREATE)).toBe('EUSERS');
  });

  it('makes links on the mdev bus and in the type', () => {
    const { sysfs } = new (class extends TypedHost {})().host;
    expect(sysfs.exists(`/sys/bus/mdev/devices/${UUID1}`)).toBe(false);
    const host = new TypedHost();
    host.echo(UUID1, CREATE);
    for (const path of [
      '/sys/bus/mdev/devices',
      '/sys/bus/mdev/drivers/vfio_ap_mdev',
      `${TYPE}/devices`,
    ]) {
      expect(host.host.sysfs.realpath(`${path}/${UUID1}`)).toEqual({ ok: true, text: M1 });
    }
    expect(host.host.sysfs.realpath(`${M1}/mdev_type`)).toEqual({ ok: true, text: TYPE });
    expect(host.host.sysfs.exists(`${M1}/iommu_group/devices/${UUID1}/matrix`)).toBe(true);
  });
});

describe('remove', () => {
  it.each<[string, string, boolean]>([
    ['1', 'ok', false],
    ['0x10', 'ok', false],
    ['0', 'ok', true],
    ['x', 'EINVAL', true],
    ['', 'EINVAL', true],
    ['0x1ffffffffffffffff', 'EINVAL', true],
  ])('with %j: %s; the mdev is there afterwards: %s', (text, outcome, there) => {
    const host = new TypedHost();
    host.echo(UUID1, CREATE);
    expect(host.echo(text, `${M1}/remove`)).toBe(outcome);
    expect(host.host.sysfs.exists(M1)).toBe(there);
    expect(host.cat(`${TYPE}/available_instances`)).toBe(there ? '65535\n' : '65536\n');
  });
});

const NUMBER_FILES = ['adapter', 'domain', 'control_domain'].flatMap((what) => [
  `assign_${what}`,
  `unassign_${what}`,
]);

describe.each(NUMBER_FILES)('%s', (file) => {
  it.each<[string, string]>([
    ['x', 'EINVAL'],
    ['-1', 'EINVAL'],
    [' 5', 'EINVAL'],
    ['0x', 'EINVAL'],
    ['08', 'EINVAL'],
    ['', 'EINVAL'],
    ['0x1ffffffffffffffff', 'ERANGE'],
    ['256', 'ENODEV'],
    ['0xffffffffffffffff', 'ENODEV'],
    ['5', 'ok'],
    ['0377', 'ok'],
  ])('with %j: %s', (text, outcome) => {
    const host = twoMdevs();
    expect(host.echo(text, `${M1}/${file}`)).toBe(outcome);
  });

  it('cannot be read', () => {
    expect(twoMdevs().cat(`${M1}/${file}`)).toBe('EACCES');
  });

  it('twice is a success without action', () => {
    const host = twoMdevs();
    host.echo('5', `${M1}/${file}`);
    const before = host.host.matrix.guestUpdates;
    expect(host.echo('5', `${M1}/${file}`)).toBe('ok');
    expect(host.host.matrix.guestUpdates).toBe(before);
  });
});

describe('limits without APXA', () => {
  it.each<[string, string, string]>([
    ['assign_adapter', '63', 'ok'],
    ['assign_adapter', '64', 'ENODEV'],
    ['assign_domain', '15', 'ok'],
    ['assign_domain', '16', 'ENODEV'],
    ['assign_control_domain', '16', 'ENODEV'],
    ['ap_config', `0x${'0'.repeat(16)}8,0x,0x`, 'ENODEV'],
    ['ap_config', '0x,0x00008,0x', 'ENODEV'],
    ['ap_config', '0x,0x,0x00008', 'ENODEV'],
    ['ap_config', '0x8,0x8,0x8', 'ok'],
  ])('%s with %j: %s', (file, text, outcome) => {
    const partition = new FakePartition({ flags: 0x80000000 });
    partition.hardware[1] = adapter(CCA);
    partition.setConfiguration([1], [1], [1]);
    const host = new TypedHost({}, partition);
    host.echo('0x0', `${BUS}/apmask`);
    host.echo(UUID1, CREATE);
    expect(host.echo(text, `${M1}/${file}`)).toBe(outcome);
  });
});

describe('reservation and sharing', () => {
  it.each<[string, string, string, string]>([
    ['assign_domain', '71', 'assign_adapter', '6'],
    ['assign_adapter', '6', 'assign_domain', '71'],
  ])('an APQN of another mdev is EADDRINUSE: %s %s, then %s %s', (first, a, second, b) => {
    const host = twoMdevs();
    expect(host.echo(a, `${M1}/${first}`)).toBe('ok');
    expect(host.echo(b, `${M1}/${second}`)).toBe('EADDRINUSE');
    expect(host.log()).toContain(
      `vfio_ap_mdev ${UUID1}: Userspace may not assign queue 06.0047 to mdev: already assigned to ${UUID2}`,
    );
    expect(host.cat(`${M1}/matrix`)).toBe(first === 'assign_adapter' ? '06.\n' : '.0047\n');
  });

  it('the older message says re-assign', () => {
    const host = twoMdevs({ profile: 'linux-6.12' });
    host.setUp(UUID1, { assign_domain: [0x47] });
    host.echo('6', `${M1}/assign_adapter`);
    expect(host.log().join()).toContain(
      `Userspace may not re-assign queue 06.0047 already assigned to ${UUID2}`,
    );
  });

  it.each<[string, string, string, string]>([
    ['assign_domain', '4', 'assign_adapter', '0xa'],
    ['assign_adapter', '0xa', 'assign_domain', '4'],
  ])('an APQN of the host is EADDRNOTAVAIL: %s %s, then %s %s', (first, a, second, b) => {
    const host = twoMdevs();
    expect(host.echo(a, `${M1}/${first}`)).toBe('ok');
    expect(host.echo(b, `${M1}/${second}`)).toBe('EADDRNOTAVAIL');
  });

  it('reservation is checked before sharing', () => {
    const host = twoMdevs();
    host.setUp(UUID1, { assign_domain: [0x47] });
    host.host.bus.apmask[0] = 0xffffffff;
    expect(host.echo('6', `${M1}/assign_adapter`)).toBe('EADDRNOTAVAIL');
  });

  it('control domains may be shared', () => {
    expect(twoMdevs().echo('9', `${M1}/assign_control_domain`)).toBe('ok');
  });

  it('numbers without device or outside the host configuration are accepted', () => {
    const host = twoMdevs();
    host.echo('-7', `${BUS}/apmask`);
    host.setUp(UUID1, { assign_adapter: [5, 7], assign_domain: [4, 9] });
    expect(host.cat(`${M1}/matrix`)).toBe('05.0004\n05.0009\n07.0004\n07.0009\n');
    expect(host.cat(`${M1}/guest_matrix`)).toBe('05.0004\n');
  });

  it('strict-bound refuses them with EADDRNOTAVAIL', () => {
    const host = twoMdevs({ switches: { strictBound: true } });
    expect(host.echo('9', `${M1}/assign_domain`)).toBe('ok');
    expect(host.echo('5', `${M1}/assign_adapter`)).toBe('EADDRNOTAVAIL');
  });
});

describe('ap_config', () => {
  const hex = (digits: string): string => `0x${digits.padEnd(64, '0')}`;
  it.each<[string, string, string]>([
    [`${hex('04')},${hex('08')},${hex('')}`, 'ok', `${hex('04')},${hex('08')},${hex('')}\n`],
    ['0x04,0x08,0x', 'ok', `${hex('04')},${hex('08')},${hex('')}\n`],
    ['04\n08\n', 'ok', `${hex('04')},${hex('08')},${hex('')}\n`],
    [',,', 'ok', `${hex('')},${hex('')},${hex('')}\n`],
    ['0x,0x,0x,rubbish', 'ok', `${hex('')},${hex('')},${hex('')}\n`],
    [
      `${hex('')},${hex('')},${hex('')}\nrubbish beyond 201 characters`,
      'ok',
      `${hex('')},${hex('')},${hex('')}\n`,
    ],
    ['0x\n', 'EINVAL', ''],
    ['0x,', 'ok', `${hex('')},${hex('')},${hex('')}\n`],
    ['0x', 'EINVAL', ''],
    ['x y,,', 'EINVAL', ''],
    ['+5,,', 'EINVAL', ''],
    [`${hex('04')}0,0x,0x`, 'EINVAL', ''],
    ['0x02,0x0000000000000000010,0x', 'EADDRINUSE', ''],
    ['0x0020,0x08,0x', 'EADDRNOTAVAIL', ''],
  ])('with %j: %s', (text, outcome, after) => {
    const host = twoMdevs();
    host.setUp(UUID1, { assign_adapter: [5], assign_domain: [4], assign_control_domain: [4] });
    const before = host.cat(`${M1}/ap_config`);
    const given =
      text === '0x\n' ? host.write(`${M1}/ap_config`, text) : host.echo(text, `${M1}/ap_config`);
    expect(given).toBe(outcome);
    expect(host.cat(`${M1}/ap_config`)).toBe(outcome === 'ok' ? after : before);
  });
});

describe('what an mdev reads', () => {
  it.each<[string, Record<string, number[]>, string]>([
    ['nothing', {}, ''],
    ['adapters only', { assign_adapter: [6, 5] }, '05.\n06.\n'],
    ['domains only', { assign_domain: [0xab, 4] }, '.0004\n.00ab\n'],
    ['both', { assign_adapter: [5], assign_domain: [4, 255] }, '05.0004\n05.00ff\n'],
  ])('matrix with %s', (_, lines, text) => {
    const host = twoMdevs();
    host.setUp(UUID1, lines);
    expect(host.cat(`${M1}/matrix`)).toBe(text);
  });

  it('control_domains, ascending', () => {
    const host = twoMdevs();
    host.setUp(UUID1, { assign_control_domain: [0xab, 4] });
    expect(host.cat(`${M1}/control_domains`)).toBe('0004\n00ab\n');
    expect(host.echo('1', `${M1}/control_domains`)).toBe('EACCES');
  });

  it('a matrix of more than 512 APQNs is cut at a page', () => {
    const partition = goldenPartition();
    const host = new TypedHost({}, partition);
    host.echo('0x0', `${BUS}/apmask`);
    host.echo(UUID1, CREATE);
    host.echo(`0x${'f'.repeat(64)},0x${'f'.repeat(64)},0x`, `${M1}/ap_config`);
    expect(host.cat(`${M1}/matrix`)).toHaveLength(4096);
    expect(host.cat(`${M1}/matrix`).slice(-8)).toBe('01.00ff\n');
  });
});

describe('a profile', () => {
  it('doc-v6 makes a usage domain a control domain, and wants bound queues', () => {
    const host = new TypedHost({ profile: 'doc-v6' });
    host.echo(UUID1, CREATE);
    expect(host.echo('4', `${M1}/assign_domain`)).toBe('ok');
    expect(host.cat(`${M1}/control_domains`)).toBe('0004\n');
    expect(host.echo('5', `${M1}/assign_adapter`)).toBe('EADDRNOTAVAIL');
    host.echo('05.0004', `${BUS}/drivers/cex4queue/unbind`);
    host.echo('05.0004', `${BUS}/drivers/vfio_ap/bind`);
    expect(host.echo('5', `${M1}/assign_adapter`)).toBe('ok');
  });

  it('v13 answers EAGAIN while another operation holds the locks; current waits', () => {
    for (const [profile, outcome] of [
      ['v13', 'EAGAIN'],
      ['current', 'ok'],
    ] as const) {
      const host = twoMdevs({ profile });
      host.host.matrix.mdevsLock.held = true;
      host.timers.after(5_000_000, () => host.host.matrix.mdevsLock.release());
      expect(host.echo('5', `${M1}/assign_adapter`), profile).toBe(outcome);
    }
  });
});
