// SPDX-License-Identifier: Apache-2.0
// /sys/kernel/debug/s390dbf: levels, pages and entries of the areas of AP.
import { describe, expect, it } from 'vitest';
import { snapshot } from '../../src/sysfs/export.ts';
import { restoreHost, saveHost } from '../../src/sysfs/host-records.ts';
import { createHostSide } from '../../src/sysfs/host-side.ts';
import { BUS, TypedHost } from '../vfio-ap/typed.ts';

const DBF = '/sys/kernel/debug/s390dbf';
const AP = `${DBF}/ap`;
const texts = (host: TypedHost, area = 'ap'): string[] =>
  host
    .cat(`${DBF}/${area}/sprintf`)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(line.indexOf('  ') + 2));

describe('s390dbf', () => {
  it('has the areas of AP with the levels and pages of their modules', () => {
    const host = new TypedHost();
    expect(host.host.sysfs.list(DBF)).toEqual({
      ok: true,
      names: ['ap', 'pkey', 'vfio_ap', 'zcrypt'],
    });
    const rows = ['ap', 'pkey', 'vfio_ap', 'zcrypt'].map((area) =>
      ['level', 'pages', 'sprintf', 'flush'].map((file) => host.cat(`${DBF}/${area}/${file}`)),
    );
    expect(rows).toEqual([
      ['3\n', '2\n', '', ''],
      ['4\n', '1\n', '', ''],
      ['4\n', '1\n', '', ''],
      ['3\n', '2\n', '', ''],
    ]);
    expect(new TypedHost({ profile: 'linux-6.1' }).cat(`${DBF}/pkey/level`)).toBe('3\n');
  });

  it('has files that only the superuser sees', () => {
    const { sysfs } = new TypedHost().host;
    const modes = ['flush', 'level', 'pages', 'sprintf'].map((file) => sysfs.stat(`${AP}/${file}`));
    expect(modes.map((status) => status.ok && status.mode)).toEqual([0o200, 0o600, 0o600, 0o400]);
    expect(sysfs.exists(`${AP}/hex_ascii`)).toBe(false);
  });

  it.each([
    ['6\n', 'ok', '6\n', undefined],
    ['0', 'ok', '0\n', undefined],
    ['  5\n', 'ok', '5\n', undefined],
    ['\n', 'ok', '0\n', undefined],
    ['-\n', 'ok', '-\n', 's390dbf: ap: switched off'],
    ['-5\n', 'ok', '-\n', 's390dbf: ap: switched off'],
    ['7\n', 'ok', '3\n', 's390dbf: ap: level 7 is out of range (0 - 6)'],
    ['4294967297\n', 'ok', '1\n', undefined],
    ['5 \n', 'EINVAL', '3\n', 's390dbf: 5  is not a valid level for a debug feature'],
    ['0x5\n', 'EINVAL', '3\n', 's390dbf: 0x5 is not a valid level for a debug feature'],
    ['info\n', 'EINVAL', '3\n', 's390dbf: info is not a valid level for a debug feature'],
  ])('level takes %j: %s', (text, outcome, after, log) => {
    const host = new TypedHost();
    expect(host.write(`${AP}/level`, text)).toBe(outcome);
    expect(host.cat(`${AP}/level`)).toBe(after);
    expect(host.log().at(-1)).toBe(log);
  });

  it.each([
    ['4\n', 'ok', '4\n', 's390dbf: ap: set new size (4 pages)'],
    ['0\n', 'ok', '0\n', 's390dbf: ap: set new size (0 pages)'],
    ['-1\n', 'EINVAL', '2\n', undefined],
    ['many\n', 'EINVAL', '2\n', undefined],
    ['2000000\n', 'EINVAL', '2\n', 's390dbf: Allocating memory for 2000000 pages failed'],
  ])('pages takes %j: %s', (text, outcome, after, log) => {
    const host = new TypedHost();
    expect(host.write(`${AP}/pages`, text)).toBe(outcome);
    expect(host.cat(`${AP}/pages`)).toBe(after);
    expect(host.log().at(-1)).toBe(log);
  });

  it('records what the bus does at a level that shows it', () => {
    const host = new TypedHost();
    host.echo('5', `${AP}/level`);
    host.partition.hardware[0x06] = undefined;
    host.echo('1', `${BUS}/scans`);
    host.echo('1', `${BUS}/devices/05.0004/reset`);
    host.echo('0x47', `${BUS}/ap_domain`);
    expect(texts(host)).toEqual([
      'scans_store force AP bus rescan',
      'ap_scan_adapter(6) no type info (no APQN found), rm card and queue devs',
      'reset_store reset queue=05.0004 triggered by user',
      'ap_domain_store stored new default domain=71',
    ]);
    host.timers.advance(1_234_567_890);
    host.echo('1', `${BUS}/scans`);
    expect(host.cat(`${AP}/sprintf`).split('\n').at(-2)).toMatch(
      /^00 0000000000[0-9]:[0-9]{6} 5 - 0000 0{16} {2}scans_store force AP bus rescan$/,
    );
  });

  it('records cards and queues that come, change and go', () => {
    const host = new TypedHost();
    host.echo('6', `${AP}/level`);
    const { partition } = host;
    partition.setConfiguration([0x05, 0x06], [0x04], [0x04]);
    const hardware = partition.hardware[0x05];
    if (hardware !== undefined) hardware.config = false;
    host.timers.run(host.host.boot());
    expect(texts(host)).toContain('ap_scan_adapter(5) card dev config off');
    expect(texts(host)).toContain('ap_scan_domains(5,71) not in config anymore, rm queue dev');
    expect(texts(host)).toContain(
      'ap_scan_adapter(33) ap not in config any more, rm card and queue devs',
    );
    host.echo('-', `${AP}/flush`);
    partition.setConfiguration([0x05, 0x06, 0x21], [0x04], [0x04]);
    host.timers.run(host.host.boot());
    expect(texts(host)).toEqual([
      'ap_scan_adapter(33) new card dev type=14 func=0xf2000000 created',
      'ap_scan_domains(33,4) new queue dev created',
    ]);
  });

  it('records at its default level only errors, and at 4 a queue whose reset fails', () => {
    const host = new TypedHost();
    const fail = (): void => {
      host.partition.rapq = () => 0x00060000;
      host.echo('1', `${BUS}/devices/05.0004/reset`);
    };
    fail();
    expect(texts(host)).toEqual([]);
    host.echo('4', `${AP}/level`);
    fail();
    expect(texts(host)).toEqual(['ap_sm_reset RC 0x06 on 0x05.0004 -> AP_DEV_STATE_ERROR']);
  });

  it('keeps as many entries as its pages have room for, and the newest when they get fewer', () => {
    const host = new TypedHost();
    host.echo('5', `${AP}/level`);
    for (let domain = 0; domain < 200; domain++) host.echo(String(domain), `${BUS}/ap_domain`);
    expect(texts(host)).toHaveLength(2 * 62);
    expect(host.cat(`${AP}/sprintf`).length).toBeGreaterThan(4096);
    host.echo('1', `${AP}/pages`);
    expect(texts(host)).toHaveLength(62);
    expect(texts(host).at(-1)).toContain('domain=199');
    host.echo('0', `${AP}/pages`);
    host.echo('3', `${BUS}/ap_domain`);
    expect(texts(host)).toEqual([]);
  });

  it.each([
    ['-\n', 0],
    ['0', 0],
    ['1', 1],
    ['x', 1],
  ])('flush takes %j', (text, left) => {
    const host = new TypedHost();
    host.echo('5', `${AP}/level`);
    host.echo('4', `${BUS}/ap_domain`);
    expect(host.write(`${AP}/flush`, text)).toBe('ok');
    expect(texts(host)).toHaveLength(left);
    expect(host.log().at(-1)).toBe(
      text === 'x'
        ? 's390dbf: Flushing debug data failed because x is not a valid area'
        : undefined,
    );
  });

  it('is opened by the superuser for what it cannot do, other than in sysfs', () => {
    const host = new TypedHost();
    expect(host.echo('x', `${AP}/sprintf`)).toBe('EPERM');
    expect(host.cat(`${AP}/flush`)).toBe('');
  });

  it('is saved, taken back, and in a snapshot', () => {
    const host = new TypedHost();
    host.echo('5', `${AP}/level`);
    host.echo('4', `${BUS}/ap_domain`);
    const text = host.cat(`${AP}/sprintf`);
    const copy = createHostSide({ partition: host.partition, timers: host.timers });
    restoreHost(copy, saveHost(host.host), () => undefined);
    expect(copy.sysfs.read(`${AP}/sprintf`)).toEqual({ ok: true, text });
    const putBack = host.host.remember();
    host.echo('-', `${AP}/flush`);
    host.echo('-', `${AP}/level`);
    putBack();
    expect(host.cat(`${AP}/sprintf`)).toBe(text);
    expect(host.cat(`${AP}/level`)).toBe('5\n');
    const entry = [...snapshot(host.host.sysfs, AP)].find(({ path }) => path.endsWith('sprintf'));
    expect(entry).toMatchObject({ kind: 'file', text });
  });
});
