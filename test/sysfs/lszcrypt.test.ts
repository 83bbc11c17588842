// SPDX-License-Identifier: Apache-2.0
// Section 7.4: lszcrypt prints what the real program printed on a real guest kernel.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lszcrypt } from '../../src/sysfs/lszcrypt.ts';
import { ACCELERATOR, adapter, CCA, FakePartition } from '../vfio-ap/fake-partition.ts';
import { BUS, TypedHost } from '../vfio-ap/typed.ts';

const SAMPLE = readFileSync(
  join(import.meta.dirname, '../golden/linux-guest/lszcrypt-s390-tools-2.35-linux-6.12.txt'),
  'utf8',
);
const part = (from: string, to?: string): string =>
  SAMPLE.slice(SAMPLE.indexOf(from), to === undefined ? undefined : SAMPLE.indexOf(to));

/** The configuration of the recorded guest: 05 CCA, 06 accelerator, domains 4 and 0xab. */
function recorded(): TypedHost {
  const partition = new FakePartition({ facilities: [12, 15, 65] });
  partition.hardware[5] = adapter(CCA, { ml: 3 });
  partition.hardware[6] = adapter(ACCELERATOR, { ml: 3 });
  partition.setConfiguration([5, 6], [4, 0xab], [4, 0xab]);
  return new TypedHost({ profile: 'linux-6.12' }, partition);
}

describe('lszcrypt prints as the real program', () => {
  it('-V', () => {
    const host = recorded();
    const card = host.host.bus.cards[5]!;
    card.totalRequests = 1;
    host.host.bus.queues[0x0504]!.totalRequests = 1;
    expect(lszcrypt(host.host.sysfs, ['-V']).stdout).toBe(part('CARD.DOM', 'features: '));
  });

  it('-b', () => {
    expect(lszcrypt(recorded().host.sysfs, ['-b']).stdout).toBe(part('features: ', 'DOMAIN '));
  });

  it('-d', () => {
    expect(lszcrypt(recorded().host.sysfs, ['-d']).stdout).toBe(part('DOMAIN '));
  });
});

describe('lszcrypt', () => {
  it('without options has 46 columns and hides what zcrypt does not drive', () => {
    const host = recorded();
    host.echo('-6', `${BUS}/apmask`);
    expect(lszcrypt(host.host.sysfs).stdout).toBe(
      [
        'CARD.DOM TYPE  MODE        STATUS     REQUESTS',
        '-'.repeat(46),
        '05       CEX8C CCA-Coproc  online            1',
        '05.0004  CEX8C CCA-Coproc  online            1',
        '05.00ab  CEX8C CCA-Coproc  online            0',
        '06       CEX8A Accelerator online            0',
        '',
      ].join('\n'),
    );
    expect(lszcrypt(host.host.sysfs, ['-V', '06.0004']).stdout.split('\n')[2]).toBe(
      '06.0004  CEX8A Accelerator unassigned        -        -     14     09 SMC-A-N--- vfio_ap    ',
    );
  });

  it.each<[string, string[], string[]]>([
    ['--accelonly', ['--accelonly'], ['06', '06.0004', '06.00ab']],
    ['--ccaonly', ['--ccaonly'], ['05', '05.0004', '05.00ab']],
    ['--ep11only', ['--ep11only'], []],
    ['--cardonly', ['--cardonly'], ['05', '06']],
    ['--queueonly', ['--queueonly'], ['05.0004', '05.00ab', '06.0004', '06.00ab']],
    ['a card', ['05'], ['05', '05.0004', '05.00ab']],
    ['a queue', ['05.00ab'], ['05.00ab']],
    ['a domain', ['.0004'], ['05.0004', '06.0004']],
    ['two of them', ['06', '05.0004'], ['06', '06.0004', '06.00ab', '05.0004']],
  ])('selects %s', (_, args, names) => {
    const lines = lszcrypt(recorded().host.sysfs, args).stdout.trimEnd().split('\n').slice(2);
    expect(lines.map((line) => line.split(' ')[0])).toEqual(names);
  });

  it('-s shows the serial numbers of coprocessors', () => {
    const lines = lszcrypt(recorded().host.sysfs, ['-s']).stdout.split('\n');
    expect(lines[0]).toBe('CARD.DOM TYPE  MODE        STATUS     SERIALNR');
    expect(lines.slice(2).map((line) => line.slice(0, 2))).toEqual(['05', '']);
  });

  it('-c reads a card and a queue', () => {
    const { sysfs } = recorded().host;
    expect(lszcrypt(sysfs, ['-c', '5']).stdout).toBe(
      [
        'card05 provides capability for:',
        ...['RSA 4K Clear Key', 'CCA Secure Key', 'Long RNG'],
        'AP bus max message size limit 12 Kb\n',
      ].join('\n'),
    );
    expect(lszcrypt(sysfs, ['-c', '05.0004']).stdout).toMatch(
      /^queue 05\.0004 capabilities:\n(SE .*\n)*MK AES CUR: .*\nMK APKA CUR: .*\nMK ASYM CUR: .*\n$/,
    );
  });

  it('shows deconfigured, checkstopped and offline devices', () => {
    const host = recorded();
    host.partition.deconfigure(5);
    host.partition.hardware[6]!.checkstop = true;
    host.echo('1', `${BUS}/scans`);
    const rows = lszcrypt(host.host.sysfs, ['--cardonly']).stdout.split('\n');
    expect(rows[2]).toBe('05       CEX8C CCA-Coproc  deconfig          -');
    expect(rows[3]).toBe('06       CEX8A Accelerator chkstop           0');
    const other = recorded();
    other.echo('0', `${BUS}/devices/card05/online`);
    expect(lszcrypt(other.host.sysfs, ['05']).stdout).toContain('offline');
  });

  it('shows no counts of a deconfigured card, as the guest does', () => {
    const host = recorded();
    host.partition.deconfigure(5);
    host.echo('1', `${BUS}/scans`);
    const [, , row] = lszcrypt(host.host.sysfs, ['-V', '05']).stdout.split('\n');
    expect(row).toMatch(/^05 +CEX8C CCA-Coproc +deconfig +- +- +14 /);
  });

  it('ends with status 1 on a host without cards before 2.42', () => {
    const { sysfs } = new TypedHost({}, new FakePartition()).host;
    expect(lszcrypt(sysfs).stderr).toBe('lszcrypt: No crypto card devices found.\n');
    expect(lszcrypt(sysfs, [], '2.42')).toEqual({
      stdout: `CARD.DOM TYPE  MODE        STATUS     REQUESTS\n${'-'.repeat(46)}\nWarning: Default domain 0xffffffffffffffff is not available.\n`,
      stderr: '',
      status: 0,
    });
    expect(lszcrypt(sysfs, ['-b'], '2.43').stdout).toContain('ap_domain=-1 (not set)\n');
  });

  it('warns of a default domain that is gone since 2.42, in the list and the grid', () => {
    const host = recorded();
    host.partition.setConfiguration([5, 6], [0xab], []);
    host.echo('1', `${BUS}/scans`);
    const { sysfs } = host.host;
    const warning = 'Warning: Default domain 0x04 is not available.\n';
    const warned = (args: string[], release: string): boolean =>
      lszcrypt(sysfs, args, release).stdout.endsWith(warning);
    expect([[], ['-V'], ['-d'], ['-b'], ['05']].map((args) => warned(args, '2.42'))).toEqual([
      ...[true, true, true, false, false],
    ]);
    expect([[], ['-d'], ['-b']].some((args) => warned(args, '2.41'))).toBe(false);
    expect(lszcrypt(sysfs, ['-b'], '2.42').stdout).toContain('ap_domain=0x04 (unavailable)\n');
  });

  it('is read by a parser that splits each line into ten fields', () => {
    const host = recorded();
    host.echo('-6', `${BUS}/apmask`);
    const entries = lszcrypt(host.host.sysfs, ['-V'])
      .stdout.trimEnd()
      .split('\n')
      .slice(2)
      .map((line) => line.trim().split(/\s+/));
    expect(entries.length).toBe(6);
    for (const fields of entries) expect(fields.length, fields.join(' ')).toBe(10);
  });
});
