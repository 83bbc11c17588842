// SPDX-License-Identifier: Apache-2.0
// Guest images: archive format, where packages come from, test vectors.

import { describe, expect, it } from 'vitest';
import { aptConfiguration, parseArchives, sourcesFor } from '../../src/qemu/guest-image/apt.ts';
import { makeGuestImage } from '../../src/qemu/guest-image/build.ts';
import {
  cpioArchive,
  MODE_CHARACTER_DEVICE,
  MODE_FILE,
  MODE_LINK,
} from '../../src/qemu/guest-image/cpio.ts';
import {
  isUnborn,
  kernelOfSeries,
  kernelPackage,
  kernelParts,
} from '../../src/qemu/guest-image/packages.ts';
import { moduleNames, packageNames } from '../../src/qemu/guest-image/request.ts';
import { rsaVectors } from '../../src/qemu/guest-image/rsa-vectors.ts';
import { suiteName, suitesFor } from '../../src/qemu/guest-image/suites.ts';

/** Reads a newc archive the obvious way. */
function members(archive: Buffer) {
  const found: { path: string; mode: number; data: string; device: number[] }[] = [];
  for (let at = 0; ; ) {
    const field = (n: number) => {
      const start = at + 6 + 8 * n;
      return Number.parseInt(archive.toString('latin1', start, start + 8), 16);
    };
    expect(archive.toString('latin1', at, at + 6)).toBe('070701');
    const path = archive.toString('utf8', at + 110, at + 110 + field(11) - 1);
    const data = at + Math.ceil((110 + field(11)) / 4) * 4;
    if (path === 'TRAILER!!!') return found;
    const text = archive.toString('utf8', data, data + field(6));
    found.push({ path, mode: field(1), data: text, device: [field(9), field(10)] });
    at = data + Math.ceil(field(6) / 4) * 4;
  }
}

describe('the archive writer', () => {
  it('writes files, links, device nodes and the directories they need, once', () => {
    const archive = cpioArchive([
      { path: 'a/b/file', mode: MODE_FILE, data: Buffer.from('abcde') },
      { path: 'a/link', mode: MODE_LINK, data: Buffer.from('b/file') },
      { path: 'dev/console', mode: MODE_CHARACTER_DEVICE, device: [5, 1] },
    ]);
    expect(members(archive).map(({ path, data, device }) => [path, data, device])).toEqual([
      ['a', '', [0, 0]],
      ['a/b', '', [0, 0]],
      ['a/b/file', 'abcde', [0, 0]],
      ['a/link', 'b/file', [0, 0]],
      ['dev', '', [0, 0]],
      ['dev/console', '', [5, 1]],
    ]);
    expect(archive.length % 4).toBe(0);
  });

  it.each([0, 1, 2, 3, 4, 5])('pads names and contents of %i bytes', (length) => {
    const data = Buffer.alloc(length, 'x');
    const path = 'n'.repeat(length + 1);
    const archive = cpioArchive([
      { path, mode: MODE_FILE, data },
      { path: 'next', mode: MODE_FILE },
    ]);
    expect(members(archive).map((member) => member.path)).toEqual([path, 'next']);
  });
});

describe('the packages', () => {
  const listed = [
    'http://mirror.example/debian/|bookworm|Debian',
    'http://mirror.example/debian/|bookworm|Debian',
    'http://mirror.example/debian/|bookworm-updates|Debian',
    'http://mirror.example/debian/|bookworm-backports|Debian',
    'http://mirror.example/debian-security/|bookworm-security|Debian',
    'http://other.example/node|nodistro|Node',
    '',
  ].join('\n');

  it('come from the mirror of the system with the wanted suite in place of its own', () => {
    const lines = sourcesFor(parseArchives(listed), { suite: 'trixie' });
    expect(lines.map((line) => line.replace(/\[.*\] /, ''))).toEqual([
      'deb http://mirror.example/debian/ trixie main',
      'deb http://mirror.example/debian/ trixie-updates main',
      'deb http://mirror.example/debian-security/ trixie-security main',
    ]);
  });

  it('of a kernel from backports come with the suite they belong to', () => {
    const lines = sourcesFor(parseArchives(listed), {
      suite: 'bookworm',
      kernelSuite: 'bookworm-backports',
    });
    expect(lines.map((line) => line.replace(/\[.*\] .*\/ /, ''))).toEqual([
      'deb bookworm main',
      'deb bookworm-backports main',
      'deb bookworm-updates main',
      'deb bookworm-security main',
    ]);
    expect(aptConfiguration('/x', false, 'bookworm-backports')).toContain(
      'APT::Default-Release "bookworm-backports";',
    );
  });

  it('come from nowhere when the system knows no Debian archive', () => {
    const archives = parseArchives('http://other.example/u|noble|Ubuntu\n');
    expect(sourcesFor(archives, { suite: 'trixie' })).toEqual([]);
  });

  it('are found before the system has read any Release file', () => {
    const archives = parseArchives('http://mirror.example/d|trixie|$(ORIGIN)\n');
    expect(sourcesFor(archives, { suite: 'bookworm' })).toHaveLength(1);
  });

  it('are fetched by an apt that reads and writes its own folder only', () => {
    const text = aptConfiguration('/x', false, 'trixie');
    expect(text).toContain('Dir::State::Lists "/x/lists";');
    expect(text).toContain('Dir::State::status "/dev/null";');
    expect(text).not.toContain('Sandbox');
    expect(aptConfiguration('/x', true, 'trixie')).toContain('APT::Sandbox::User "root";');
  });

  it.each([
    ['linux-image-s390x\n  Depends: linux-image-6.1.0-50-s390x\n', 'linux-image-6.1.0-50-s390x'],
    [
      'linux-image-s390x\n  Depends: linux-image-6.12.107+deb13-s390x\n',
      'linux-image-6.12.107+deb13-s390x',
    ],
    ['linux-image-s390x\n', undefined],
  ])('name the kernel', (text, name) => {
    expect(kernelPackage(text)).toBe(name);
  });

  it('name the parts a kernel is made of since 7.2, and none before', () => {
    const depends = (...names: string[]) => names.map((name) => `  Depends: ${name}\n`).join('');
    const parts = ['linux-binary-7.2.13+deb14-s390x', 'linux-modules-7.2.13+deb14-s390x'];
    expect(kernelParts(depends('linux-base', ...parts, 'linux-modules-extra'))).toEqual(parts);
    expect(kernelParts(depends('kmod', 'linux-base'))).toEqual([]);
  });

  it.each([
    ['the suite’s own where it is of the series', '7.2', 'linux-image-7.2.13-s390x'],
    ['the newest other one of the series', '6.1', 'linux-image-6.1.0-50-s390x'],
    ['none where there is none of the series', '7.4', undefined],
    ['the suite’s own, whatever it is', undefined, 'linux-image-7.2.13-s390x'],
  ])('have as kernel %s', (_what, series, name) => {
    const found = [
      'linux-image-6.1.0-9-s390x - Linux',
      'linux-image-6.1.0-50-s390x - Linux',
      'linux-image-6.1.0-51-s390x-dbg - Debug symbols',
      'linux-image-6.12.1-s390x - Linux',
      '',
    ].join('\n');
    expect(kernelOfSeries(series, 'linux-image-7.2.13-s390x', found)).toBe(name);
  });

  it.each([
    ['6.12', ['trixie 6.12', 'bookworm-backports 6.12']],
    ['bookworm-backports', ['bookworm-backports any']],
    ['sid', ['sid any']],
    ['7.4', ['experimental 7.4', 'sid 7.4', 'forky 7.4']],
    ['8.0', ['experimental 8.0', 'sid 8.0', 'forky 8.0']],
    ['6.13', []],
    ['2.4', []],
    ['buster', []],
  ])('of kernel %s are looked for in %j', (kernel, expected) => {
    const rows = suitesFor(kernel).map((row) => `${suiteName(row)} ${row.series ?? 'any'}`);
    expect(rows).toEqual(expected);
  });

  it.each([
    ['9.9', true],
    ['7.10', true],
    ['7.3', false],
    ['6.19', false],
  ])('of kernel %s: that it is newer than all is %s', (series, unborn) => {
    const names = ['linux-image-6.1-s390x', '', 'linux-image-7.3-s390x', 'linux-image-s390x'];
    expect(isUnborn(series, names)).toBe(unborn);
    expect(isUnborn(series, ['linux-image-s390x'])).toBe(false);
  });

  it('of a kernel from another suite come with that suite too', () => {
    const row = { suite: 'sid', kernelSuite: 'experimental' };
    const lines = sourcesFor(parseArchives(listed), row).map((line) => line.replace(/^.*\/ /, ''));
    expect(lines).toContain('experimental main');
    expect(lines).toContain('sid main');
  });

  it('of a kernel nobody packages: the message says what to supply', async () => {
    await expect(makeGuestImage('2.4')).rejects.toThrow(
      /there are 5\.10, 6\.1, 6\.12.*--kernel FILE/,
    );
  });
});

describe('the names a user gives', () => {
  it('are a list, once each, modules as the kernel writes them', () => {
    expect(moduleNames('pkey, vfio-ap,pkey')).toEqual(['pkey', 'vfio_ap']);
    expect(packageNames('strace,g++,strace')).toEqual(['strace', 'g++']);
  });

  it.each([
    [() => moduleNames(''), '--modules is "", with "" in it (expected names such as pkey,vfio_ap)'],
    [() => moduleNames('pkey,../x'), /^--modules is .*"\.\.\/x" in it/],
    [() => packageNames('strace,'), /^--packages is "strace,", with "" in it/],
    // What apt would take for an option of its own.
    [() => packageNames('-oDir=/'), /^--packages is .*"-oDir=\/" in it/],
    [() => packageNames('Strace'), /^--packages is "Strace"/],
  ])('are refused with the reason: case %#', (read, reason) => {
    expect(read).toThrow(reason);
  });
});

describe('the RSA requests', () => {
  it('are right by an independent computation, both forms', () => {
    const lines = rsaVectors([1024]).trim().split('\n');
    const number = (hex = '') => BigInt(`0x${hex}`);
    const power = (base: bigint, exponent: bigint, modulus: bigint) => {
      let result = 1n;
      for (let e = exponent, b = base % modulus; e > 0n; e >>= 1n, b = (b * b) % modulus) {
        if (e & 1n) result = (result * b) % modulus;
      }
      return result;
    };
    expect(lines).toHaveLength(2);
    const [, , input, expected, d, n] = (lines[0] ?? '').split(' ');
    expect(power(number(input), number(d), number(n))).toBe(number(expected));
    const [kind, , input2, expected2, dp, dq, p, q, u] = (lines[1] ?? '').split(' ');
    expect(kind).toBe('crt');
    const [P, Q] = [number(p), number(q)];
    const [a, b] = [power(number(input2), number(dp), P), power(number(input2), number(dq), Q)];
    expect(b + Q * (((((a - b) % P) + P) * number(u)) % P)).toBe(number(expected2));
    expect(P * Q).toBe(number(n));
  });
});
