// SPDX-License-Identifier: Apache-2.0
// Modules and kernel trees of guest images: what is found where, what comes before what, and what each refusal says.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeGuestImage } from '../../src/qemu/guest-image/build.ts';
import type { CpioEntry } from '../../src/qemu/guest-image/cpio.ts';
import { openKernelTree } from '../../src/qemu/guest-image/kernel-tree.ts';
import { moduleEntries } from '../../src/qemu/guest-image/modules.ts';
import { packageEntries } from '../../src/qemu/guest-image/user-land.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'apemu-tree-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function file(path: string, text: string | Buffer = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** What a module says of itself, between bytes of its code. */
const module = (depends: string): Buffer =>
  Buffer.from(`\x7fELF\xff\0license=GPL\0depends=${depends}\0name=x\0\xff`, 'latin1');

function builtTree(): void {
  file('Kbuild');
  file('arch/s390/boot/bzImage', 'kernel');
  file('drivers/s390/crypto/zcrypt.ko', module(''));
  file('drivers/s390/crypto/zcrypt_cex4.ko', module('zcrypt'));
  file('drivers/s390/crypto/vfio_ap.ko', module('vfio,mdev'));
  file('drivers/vfio/vfio.ko', module(''));
  file('drivers/vfio/mdev/mdev.ko', module(''));
  file('modules.builtin', 'kernel/drivers/s390/crypto/pkey.ko\nkernel/drivers/s390/crypto/ap.ko\n');
}

const text = (entries: readonly CpioEntry[], path: string): string | undefined =>
  entries.find((entry) => entry.path === path)?.data?.toString();

describe('a kernel tree', () => {
  it.each([
    'arch/s390/boot/bzImage',
    'boot/vmlinuz-7.2.0',
    'usr/lib/modules/7.2.0/vmlinuz',
    'lib/modules/7.2.0/vmlinuz',
  ])('has its kernel in %s', (path) => {
    file(path);
    expect(openKernelTree(root).kernel).toBe(join(root, path));
  });

  it('gives modules with what they need before them, those of AP first, and none that are built in', async () => {
    builtTree();
    const entries = await moduleEntries(openKernelTree(root).modules, ['vfio_ap', 'pkey']);
    expect(text(entries, 'modules/order')).toBe('zcrypt\nzcrypt_cex4\nvfio\nmdev\nvfio_ap\n');
    expect(entries.map(({ path }) => path)).toContain('modules/mdev.ko');
  });

  it('may have modules packed, and with - for _ in their names; links are not followed', async () => {
    builtTree();
    file('lib/modules/7/extra-one.ko.gz', gzipSync(module('')));
    symlinkSync('..', join(root, 'lib/modules/7/build'));
    const entries = await moduleEntries(openKernelTree(root).modules, ['extra_one']);
    expect(text(entries, 'modules/extra_one.ko')).toContain('depends=');
  });

  it.each([
    ['no folder', () => {}, 'nowhere', /^--kernel-tree: there is no folder .*nowhere$/],
    ['sources that are not built', () => file('Kbuild'), '', /\(build it: make ARCH=s390 CROSS_/],
    [
      'a kernel for another machine',
      () => file('arch/x86/boot/bzImage'),
      '',
      /no kernel image for s390x, only one for another machine \(.*x86\/boot\/bzImage\)/,
    ],
    ['something else', () => file('README'), '', /\(expected arch\/s390\/boot\/bzImage, /],
  ])('that is %s is refused before anything is fetched', async (_what, make, name, reason) => {
    make();
    const cache = join(root, 'cache');
    const made = makeGuestImage('6.12', { kernelTree: join(root, name), cache });
    await expect(made).rejects.toMatchObject({
      code: 'APEMU_ERR_GUEST_IMAGE_TREE',
      message: expect.stringMatching(reason),
    });
  });

  it.each([
    ['nosuch', /has no module nosuch, and does not have it built in$/],
    ['zcrypt_cex2c', /no module zcrypt_cex2c, .* \(there are zcrypt, zcrypt_cex4\)$/],
    ['lost', /has no module gone, which lost needs, and/],
    ['broken', /^cannot unpack the module broken\.ko\.gz: /],
  ])('without the module %s says so', async (name, reason) => {
    builtTree();
    file('lost.ko', module('gone'));
    file('broken.ko.gz', 'no gzip');
    const cache = join(root, 'cache');
    const made = makeGuestImage('6.12', { kernelTree: root, modules: [name], cache });
    await expect(made).rejects.toMatchObject({
      code: 'APEMU_ERR_GUEST_IMAGE_MODULE',
      message: expect.stringMatching(reason),
    });
  });
});

describe('a kernel that does not say what it has built in', () => {
  it('is told so where a module is missing', async () => {
    file('arch/s390/boot/bzImage');
    file('zcrypt.ko', module(''));
    const made = moduleEntries(openKernelTree(root).modules, []);
    await expect(made).rejects.toThrow(
      /has no module zcrypt_cex4, nor a modules\.builtin that says .* \(there are zcrypt\)$/,
    );
  });
});

describe('a package that a user asks for', () => {
  it('is there whole, with its links and modes, but for what nobody reads in a guest', () => {
    file('usr/bin/tool', 'program');
    file('usr/share/doc/tool/README', 'text');
    file('usr/lib/libtool.so.1.2', 'library');
    symlinkSync('libtool.so.1.2', join(root, 'usr/lib/libtool.so.1'));
    const entries = packageEntries(root).map(({ path, mode, data }) => [
      path,
      mode.toString(8),
      data?.toString(),
    ]);
    expect(entries).toEqual([
      ['usr/bin/tool', '100644', 'program'],
      ['usr/lib/libtool.so.1', '120777', 'libtool.so.1.2'],
      ['usr/lib/libtool.so.1.2', '100644', 'library'],
    ]);
  });
});
