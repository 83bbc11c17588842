// SPDX-License-Identifier: Apache-2.0
// Section 3.1: files behave as files do; links lead where they should; the snapshot is complete.
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportSnapshot, snapshot } from '../../src/sysfs/export.ts';
import { BUS, CREATE, MATRIX, TypedHost, UUID1 } from '../vfio-ap/typed.ts';

const M1 = `${MATRIX}/${UUID1}`;

function withMdev(): TypedHost {
  const host = new TypedHost();
  host.echo('-5', `${BUS}/apmask`);
  host.setUp(UUID1, { assign_adapter: [5] });
  return host;
}

describe('a path', () => {
  it.each<[string, string]>([
    ['/sys/bus/ap/devices/05.0004/status', 'unassigned\n'],
    ['/sys/bus/ap/devices/card05/05.0004/status', 'unassigned\n'],
    ['/sys/devices/ap/card05/05.0004/status', 'unassigned\n'],
    ['/sys/bus/ap/drivers/vfio_ap/05.0004/status', 'unassigned\n'],
    ['/sys/bus/ap/devices/05.0004/../hwtype', '14\n'],
    ['/sys//bus/./ap/scans', '1\n'],
    ['/sys/bus/ap/devices/05.0004/subsystem/scans', '1\n'],
    [`/sys/bus/mdev/devices/${UUID1}/matrix`, '05.\n'],
    [`/sys/class/mdev_bus/matrix/${UUID1}/mdev_type/device_api`, 'vfio-ap\n'],
    ['/sys/bus/ap/devices/05.0004', 'EISDIR'],
    ['/sys/bus/ap/scans/x', 'ENOTDIR'],
    ['/sys/bus/ap/scans/', 'ENOTDIR'],
    ['/sys/bus/ap/devices/05.0004 ', 'ENOENT'],
    ['/sys/bus/ap/devices/card5/hwtype', 'ENOENT'],
    ['/sys/devices/ap/card06/05.0004/status', 'ENOENT'],
    ['/etc/passwd', 'ENOENT'],
    ['/sys/../etc', 'ENOENT'],
    ['sys/bus/ap/scans', 'ENOENT'],
  ])('%s reads %j', (path, text) => {
    expect(withMdev().cat(path)).toBe(text);
  });

  it('knows links from files', () => {
    const { sysfs } = withMdev().host;
    expect(sysfs.lstat('/sys/bus/ap/devices/05.0004')).toMatchObject({ kind: 'link' });
    expect(sysfs.stat('/sys/bus/ap/devices/05.0004')).toMatchObject({ kind: 'dir' });
    expect(sysfs.stat(`${M1}/assign_adapter`)).toMatchObject({ kind: 'file', mode: 0o200 });
    expect(sysfs.readlink('/sys/bus/ap/scans')).toEqual({ ok: false, errno: 'EINVAL' });
    expect(sysfs.readlink('/sys/bus/ap/devices/05.0004/driver')).toEqual({
      ok: true,
      text: '../../../../bus/ap/drivers/vfio_ap',
    });
    expect(sysfs.list('/sys/bus/ap/scans')).toEqual({ ok: false, errno: 'ENOTDIR' });
  });

  it('lists what ls shows', () => {
    const { sysfs } = withMdev().host;
    expect(sysfs.list(`${BUS}/drivers`)).toEqual({
      ok: true,
      names: ['cex4card', 'cex4queue', 'vfio_ap'],
    });
    expect(sysfs.list(`${BUS}/drivers/vfio_ap`)).toEqual({
      ok: true,
      names: ['05.0004', '05.0047', '05.00ab', '05.00ff', 'bind', 'uevent', 'unbind'],
    });
    const devices = sysfs.list('/sys/devices');
    expect(devices).toEqual({ ok: true, names: ['ap', 'vfio_ap', 'virtual'] });
  });
});

describe('a write', () => {
  it('of nothing is a success without action', () => {
    const host = withMdev();
    expect(host.write(`${M1}/assign_adapter`, '')).toBe('ok');
    expect(host.write(`${M1}/remove`, '')).toBe('ok');
    expect(host.host.sysfs.exists(M1)).toBe(true);
    expect(host.write('/sys/bus/ap/nothing', '')).toBe('ENOENT');
    expect(host.write(`${M1}/matrix`, '')).toBe('EACCES');
  });

  it('of more than a page is several operations, the first that fails ends it', () => {
    const host = withMdev();
    const scans = (): string => host.cat(`${BUS}/scans`);
    expect(host.write(`${BUS}/scans`, '1'.repeat(4097))).toBe('ok');
    expect(scans()).toBe('3\n');
    expect(host.write(`${M1}/assign_domain`, `${'0'.repeat(5000)}4`)).toBe('ok');
    expect(host.cat(`${M1}/matrix`)).toBe('05.0000\n05.0004\n');
  });

  it('takes bytes as they are', () => {
    const host = withMdev();
    const { sysfs } = host.host;
    const bytes = (...b: number[]): string =>
      host.timers.run(sysfs.write(`${M1}/assign_domain`, Uint8Array.from(b)));
    expect(bytes(0x34, 0x0a)).toBe('ok');
    expect(bytes(0x37, 0x31, 0x00, 0xff)).toBe('ok');
    expect(bytes(0xff)).toBe('EINVAL');
    expect(host.write(`${M1}/assign_domain`, '５')).toBe('EINVAL');
  });

  it('sees the other side of a link', () => {
    const host = withMdev();
    expect(host.echo('05.0004', `${BUS}/devices/05.0004/driver/unbind`)).toBe('ok');
    expect(host.driver('05.0004')).toBeNull();
  });
});

describe('the snapshot', () => {
  it('holds every directory, file and link, and every link leads somewhere', () => {
    const { sysfs } = withMdev().host;
    const entries = [...snapshot(sysfs)];
    expect(entries.length).toBeGreaterThan(400);
    for (const entry of entries) {
      if (entry.kind === 'link') expect(sysfs.exists(entry.path), entry.path).toBe(true);
    }
  });

  it('is written as a directory unmodified programs can read', () => {
    const { sysfs } = withMdev().host;
    const target = mkdtempSync(join(tmpdir(), 'apemu-sysfs-'));
    try {
      const entries = exportSnapshot(sysfs, target);
      expect(entries).toBe([...snapshot(sysfs)].length);
      const read = (path: string): string => readFileSync(join(target, 'sys', path), 'utf8');
      expect(read('bus/ap/devices/05.0004/status')).toBe('unassigned\n');
      expect(read('devices/ap/card06/type')).toBe('CEX8A\n');
      expect(read(`bus/mdev/devices/${UUID1}/matrix`)).toBe('05.\n');
      expect(readlinkSync(join(target, 'sys/bus/ap/devices/card05'))).toBe(
        '../../../devices/ap/card05',
      );
    } finally {
      rmSync(target, { recursive: true });
    }
  });
});

describe('the example of the documentation (S4-22 to S4-27)', () => {
  const [UUID_1, UUID_2] = [UUID1, '22222222-2222-2222-2222-222222222222'];
  const queues = ['05.0004', '05.0047', '05.00ab', '05.00ff', '06.0004', '06.00ab'];

  it.each(['doc-v6', 'current'] as const)('works as typed there, in %s', (profile) => {
    const host = new TypedHost({ profile });
    if (profile === 'doc-v6') {
      for (const queue of queues) {
        expect(host.echo(queue, `${BUS}/drivers/cex4queue/unbind`)).toBe('ok');
        expect(host.echo(queue, `${BUS}/drivers/vfio_ap/bind`)).toBe('ok');
      }
    } else expect(host.echo('-5,-6', `${BUS}/apmask`)).toBe('ok');
    expect(host.echo(UUID_1, CREATE)).toBe('ok');
    expect(host.echo(UUID_2, CREATE)).toBe('ok');
    host.setUp(UUID_1, { assign_adapter: [5, 6], assign_domain: [4, 0xab] });
    host.setUp(UUID_2, { assign_adapter: [5], assign_domain: [0x47, 0xff] });
    expect(host.cat(`${MATRIX}/${UUID_1}/matrix`)).toBe('05.0004\n05.00ab\n06.0004\n06.00ab\n');
    expect(host.cat(`${MATRIX}/${UUID_2}/matrix`)).toBe('05.0047\n05.00ff\n');
    expect(host.guestMatrix(UUID_1)).toEqual(['05.0004', '05.00ab', '06.0004', '06.00ab']);
    host.setUp(UUID_1, { unassign_domain: [0xab], assign_domain: [0xab] });
    for (const uuid of [UUID_1, UUID_2]) {
      expect(host.echo('1', `${MATRIX}/${uuid}/remove`)).toBe('ok');
      expect(host.host.sysfs.exists(`${MATRIX}/${uuid}`)).toBe(false);
    }
    // Back to the default driver: unbind, then the bus decides.
    expect(host.echo('05.0004', `${BUS}/drivers/vfio_ap/unbind`)).toBe('ok');
    host.echo('+5,+6', `${BUS}/apmask`);
    expect(host.echo('05.0004', `${BUS}/drivers_probe`)).toBe('ok');
    expect(host.driver('05.0004')).toBe('cex4queue');
  });
});
